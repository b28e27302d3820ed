import { required, type StartContext } from '../init/start-context.js';
import { type BoxOptions, parseBoxOptions, type ResolvedBoxOptions } from '../options/box-options.js';
import type { TemplateImage } from './template-image.js';

/** What a template is made for: a machine without anything of a box in it. */
export interface MachineShape {
  /** Size, VMM, kernel, and how it is confined while it is captured; nothing else of them counts. */
  readonly options: ResolvedBoxOptions;
  /** Id of the store that makes its disks; default: that of new boxes. */
  readonly diskStore?: string;
  /** There for the template of an image. */
  readonly image?: TemplateImage;
  /** The key, where it is known already. */
  readonly key?: string;
}

/** Options of a box that a template is made for. */
export type ShapeOptions = Pick<BoxOptions, 'cpus' | 'memoryMib' | 'vmm' | 'sandbox' | 'kernel' | 'security'>;

/** What of a box's options a template depends on. */
export function shapeOptions({ cpus, memoryMib, vmm, sandbox, security, kernel }: ShapeOptions): ShapeOptions {
  const given = Object.entries({ cpus, memoryMib, vmm, sandbox, security, kernel });
  return Object.fromEntries(given.filter(([, value]) => value !== undefined));
}

/** The shape of boxes with these options. @throws BoxliteError `invalid_argument` naming the field */
export function machineShape(options: ShapeOptions, known: Omit<MachineShape, 'options'> = {}): MachineShape {
  // An empty user: that of an image is nobody's before there is one.
  return { ...known, options: parseBoxOptions({ ...shapeOptions(options), user: '' }) };
}

/** The shape of a box that was started. */
export function shapeOf(context: StartContext): MachineShape {
  const { options, templateKey } = context;
  return machineShape(
    { ...options, vmm: required(context, 'vmm').id },
    { diskStore: required(context, 'disk').store, ...(templateKey === undefined ? {} : { key: templateKey }) },
  );
}
