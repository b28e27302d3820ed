import { BoxliteError } from '@boxlite/core';
import { type BoxLayout, readHostileTail } from '@boxlite/layout';

/** As much as the supervisor keeps of each of the two files (vmm-spawn). */
const MAX_BYTES = 4 * 1024 * 1024;

/** What of a console is wanted. */
export interface LogOptions {
  /** Only the last so many lines; default all that is kept. */
  readonly tail?: number;
}

/**
 * What kernel, agent and VMM wrote to the console of a box, as far as it is kept, also of one that has crashed. It is the guest's text: escape it
 * (`escapeText`) before a person sees it. Nothing but plain files of one name is read.
 * @returns lines; none when nothing was written yet
 * @throws BoxliteError `permission_denied` for a log that is something else than a file of BoxLite's own; `storage_error`
 */
export async function boxLogs(
  { consoleLog }: Pick<BoxLayout, 'consoleLog'>,
  options: LogOptions = {},
): Promise<string[]> {
  const [older, newer] = [await textOf(`${consoleLog}.1`), await textOf(consoleLog)];
  // The serial line ends its lines in both characters.
  const lines = `${older}${newer}`.split(/\r*\n/);
  if (lines.at(-1) === '') lines.pop();
  return options.tail === undefined ? lines : lines.slice(Math.max(lines.length - options.tail, 0));
}

async function textOf(path: string): Promise<string> {
  try {
    return Buffer.from(await readHostileTail(path, MAX_BYTES)).toString('utf8');
  } catch (thrown) {
    if (BoxliteError.isInstance(thrown, 'not_found')) return '';
    throw thrown;
  }
}
