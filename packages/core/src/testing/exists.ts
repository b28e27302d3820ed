import { lstat } from 'node:fs/promises';
import { errnoOf } from '../errors/to-boxlite-error.js';

/** True when something has this name, also a link to nothing. */
export async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return false;
    throw thrown;
  }
}
