import { readFile } from 'node:fs/promises';

/** Linux's own limit on how far a process may go (fs.nr_open). */
const MOST_OPEN_FILES = 1_048_576;
/** What every login may have. */
const USUAL_HARD_LIMIT = 4096;

/**
 * How many files a VMM may have open that serves directories: it keeps one open for every file the guest remembers, and that is every
 * file it has looked at. As many as this process could open.
 */
export async function openFileLimit(limitsFile = '/proc/self/limits'): Promise<number> {
  const text = await readFile(limitsFile, 'utf8').catch(() => ''); // macOS has none, and no such VMM in a jail
  const hard = /^Max open files\s+\S+\s+(\d+|unlimited)/m.exec(text)?.[1];
  if (hard === undefined) return USUAL_HARD_LIMIT;
  return hard === 'unlimited' ? MOST_OPEN_FILES : Math.min(Number(hard), MOST_OPEN_FILES);
}
