import { required, type StartContext } from '../init/start-context.js';
import { type MachineShape, shapeOf } from './machine-shape.js';

/** The templates a box could have gone on from, had there been any: that of its shape where it booted, that of its image where it had none of it. */
export function missingTemplates(context: StartContext): readonly MachineShape[] {
  const { startedFrom, templateKey, imageTemplate, template } = context;
  if (templateKey === undefined) return [];
  const missing: MachineShape[] = [];
  if (startedFrom === 'cold') missing.push(shapeOf(context));
  if (imageTemplate !== undefined && imageTemplate.key !== template) {
    const { key, parts } = imageTemplate;
    const image = { image: required(context, 'image'), virtualSize: parts.virtualSize };
    missing.push({ ...shapeOf(context), key, image });
  }
  return missing;
}
