import { BoxliteError } from '@boxlite/core';
import * as z from 'zod';
import { boxName } from '../options/box-name.js';
import { parseOptions } from '../options/parse-options.js';
import { wholeNumber } from '../options/whole-number.js';

/** Each is a process and a disk, and all are started at once. */
const MAX_CHILDREN = 64;

const schema = z.strictObject({
  name: boxName.optional(),
  names: z.array(boxName).optional(),
  detach: z.boolean().optional(),
  autoRemove: z.boolean().optional(),
});

/**
 * How a box is forked. Every field is optional.
 * - `name`: what the children are called: `<name>-1`, `<name>-2`, …; a single one has the name itself. Default: the box's own name, with a number;
 *   children of a box without one have none
 * - `names`: a name for each instead
 * - `detach`, `autoRemove`: as for new boxes; default: as the box has them
 */
export type ForkOptions = z.input<typeof schema> & { readonly signal?: AbortSignal };

/** What a fork makes. */
export interface ParsedForkOptions {
  readonly names: readonly (string | undefined)[];
  readonly detach: boolean;
  readonly autoRemove: boolean;
}

/** What is inherited. */
export interface ForkParent {
  readonly name: string | null;
  readonly detach: boolean;
  readonly autoRemove: boolean;
}

/** @throws BoxliteError `invalid_argument` naming the field */
export function parseForkOptions(
  count: number,
  { signal: _signal, ...given }: ForkOptions,
  parent: ForkParent,
): ParsedForkOptions {
  parseOptions(z.strictObject({ count: wholeNumber(1, MAX_CHILDREN, ' boxes') }), { count }, 'fork');
  const {
    name,
    names,
    detach = parent.detach,
    autoRemove = given.detach === true ? false : parent.autoRemove,
  } = parseOptions(schema, given, 'fork options');
  if (detach && autoRemove) throw invalid('autoRemove', 'a detached box cannot be removed automatically');
  if (names === undefined) return { names: numbered(count, name, parent.name), detach, autoRemove };
  if (name !== undefined) throw invalid('names', 'name and names say the same: leave out one of them');
  if (names.length !== count) throw invalid('names', `${names.length} names for ${count} boxes`);
  const twice = names.find((one, index) => names.indexOf(one) !== index);
  if (twice !== undefined) throw invalid('names', `${JSON.stringify(twice)} is there twice`);
  return { names, detach, autoRemove };
}

function numbered(count: number, name: string | undefined, parentName: string | null): readonly (string | undefined)[] {
  if (name !== undefined && count === 1) return [name];
  const prefix = name ?? parentName;
  if (prefix === null) return Array.from({ length: count }, () => undefined);
  const numberedNames = Array.from({ length: count }, (_, index) => `${prefix}-${index + 1}`);
  // What is too long with a number is to be known before anything is captured.
  const wrong = numberedNames.find((one) => !boxName.safeParse(one).success);
  if (wrong !== undefined) throw invalid('name', `${JSON.stringify(wrong)} is no name for a box; give a shorter one`);
  return numberedNames;
}

function invalid(field: string, message: string): BoxliteError {
  return new BoxliteError('invalid_argument', `fork options: ${field}: ${message}`, {
    hint: `correct ${field}`,
    details: { field },
  });
}
