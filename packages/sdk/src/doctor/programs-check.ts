import { BoxliteError } from '@boxlite/core';
import { type Check, checkOfError } from './check.js';

/** Finds one native program; throws what says why it is not there. */
export type FindProgram = () => string;

/**
 * The native programs no box can run without. Facts: `paths` by name.
 * @param programs by name, asked in this order
 */
export function programsCheck(programs: Readonly<Record<string, FindProgram>>): Check {
  const paths: Record<string, string> = {};
  for (const [name, find] of Object.entries(programs)) {
    try {
      paths[name] = find();
    } catch (thrown) {
      if (!BoxliteError.isInstance(thrown)) throw thrown;
      return checkOfError('programs', 'failed', thrown);
    }
  }
  const names = Object.keys(paths);
  return { id: 'programs', status: 'ok', detail: `${names.join(', ')} are there`, facts: { paths } };
}
