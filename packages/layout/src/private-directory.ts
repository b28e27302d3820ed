import { chmodSync, lstatSync, mkdirSync, type Stats } from 'node:fs';
import { BoxliteError, errnoOf, toBoxliteError } from '@boxlite/core';

/** Mode of every directory of a home. */
export const PRIVATE_DIRECTORY_MODE = 0o700;

/**
 * Makes a directory that is 0700 whatever the umask, or brings an existing one to that mode. The parent must exist.
 * @param path the directory
 * @param uid who must own it
 * @throws BoxliteError `permission_denied` when it belongs to somebody else; `storage_error` when something that is not a
 *   directory (a symbolic link included) is in its place
 */
export async function ensurePrivateDirectory(path: string, uid: number): Promise<void> {
  // Blocking calls: each is a few microseconds, a turn through Node's thread pool ten times that, and a start makes a dozen directories.
  try {
    mkdirSync(path, { mode: PRIVATE_DIRECTORY_MODE });
  } catch (thrown) {
    // An existing directory is checked below like a new one.
    if (errnoOf(thrown) !== 'EEXIST') throw toBoxliteError(thrown, 'storage_error', `cannot make directory ${path}`);
  }
  const stats = statsOf(path);
  if (!stats.isDirectory()) {
    const what = stats.isSymbolicLink() ? 'a symbolic link' : 'not a directory';
    throw new BoxliteError('storage_error', `${path} is ${what}, where a directory of BoxLite belongs`, {
      hint: 'move it out of the way; only the home itself may be a symbolic link',
      details: { path },
    });
  }
  if (stats.uid !== uid) throw foreignOwner(path, stats.uid, uid);
  if ((stats.mode & 0o7777) === PRIVATE_DIRECTORY_MODE) return;
  try {
    chmodSync(path, PRIVATE_DIRECTORY_MODE);
  } catch (thrown) {
    throw toBoxliteError(thrown, 'storage_error', `cannot set the mode of ${path}`);
  }
}

function statsOf(path: string): Stats {
  try {
    return lstatSync(path);
  } catch (thrown) {
    throw toBoxliteError(thrown, 'storage_error', `cannot read directory ${path}`);
  }
}

/** The error for a directory of another user. */
export function foreignOwner(path: string, owner: number, uid: number, field = 'path'): BoxliteError {
  return new BoxliteError('permission_denied', `${path} belongs to user ${owner}, not to you (user ${uid})`, {
    hint: 'set BOXLITE_HOME to a directory of your own, or run as its owner',
    details: { field, path, owner, uid },
  });
}
