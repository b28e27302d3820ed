import * as z from 'zod';
import { parseOptions } from '../options/parse-options.js';

/** Switches templates off for every program of a shell. */
export const TEMPLATES_VARIABLE = 'BOXLITE_TEMPLATES';
/** Words that switch them off; anything else leaves them on. */
const OFF = new Set(['off', '0', 'false', 'no']);
/** Templates a home keeps without `cache.maxTemplates`: of a few shapes, and of a dozen images in them. */
export const DEFAULT_MAX_TEMPLATES = 16;

const schema = z.strictObject({
  use: z.boolean().default(true),
  make: z.boolean().default(true),
});

/**
 * What a runtime does with templates.
 * - `use`: boxes start from a template where there is one (default true)
 * - `make`: one is made in the background after the first cold start of a shape (default true)
 */
export type TemplateOptions = z.input<typeof schema>;
/** {@link TemplateOptions} with everything decided. */
export type TemplateSettings = z.output<typeof schema>;

/**
 * An option that is given counts, then the variable, then the default.
 * @param given false switches templates off, true on, whatever the variable says
 * @throws BoxliteError `invalid_argument` naming the field
 */
export function templateSettings(
  given: boolean | TemplateOptions | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): TemplateSettings {
  if (given === undefined) {
    const isOn = !OFF.has((environment[TEMPLATES_VARIABLE] ?? '').toLowerCase());
    return { use: isOn, make: isOn };
  }
  if (typeof given === 'boolean') return { use: given, make: given };
  return parseOptions(z.strictObject({ templates: schema }), { templates: given }, 'runtime options').templates;
}
