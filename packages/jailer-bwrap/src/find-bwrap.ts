import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';

/**
 * The first executable `bwrap` of a search path; undefined when there is none. Relative entries are passed over: what lies in the
 * current directory must not become the sandbox.
 */
export async function findBwrap(searchPath: string): Promise<string | undefined> {
  for (const directory of searchPath.split(delimiter)) {
    if (!isAbsolute(directory)) continue;
    const candidate = join(directory, 'bwrap');
    if (await isExecutable(candidate)) return candidate;
  }
  return undefined;
}

/** True for a file this user may execute. */
export async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return true;
  } catch {
    // Every reason it cannot be executed comes to the same: not this one.
    return false;
  }
}
