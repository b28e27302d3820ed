import { constants } from 'node:fs';
import { link, open, rename, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { BoxliteError, errnoOf, toBoxliteError } from '@boxlite/core';
import { syncDirectory } from './sync-directory.js';

/** How a file is installed. */
export interface InstallOptions {
  /** Permission bits of the installed file, whatever the umask. Default 0600. */
  readonly mode?: number;
}

const PRIVATE_FILE_MODE = 0o600;

/**
 * Puts a staged file in its place, replacing what is there: mode, fsync, rename, fsync of the directory. After a crash the target is the
 * old file or the new one, whole.
 * @throws BoxliteError `storage_error`, `disk_full`; the staged file is then still where it was
 */
export async function installFile(staged: string, target: string, options: InstallOptions = {}): Promise<void> {
  await install(staged, target, async () => {
    await sealFile(staged, options.mode);
    await rename(staged, target);
    await syncDirectory(dirname(target));
  });
}

/**
 * As {@link installFile}, but never replaces: of several racing processes one wins.
 * @returns `exists` when another one was there first; the staged file is then removed
 */
export async function installNew(
  staged: string,
  target: string,
  options: InstallOptions = {},
): Promise<'installed' | 'exists'> {
  return install(staged, target, async () => {
    await sealFile(staged, options.mode);
    const outcome = await linkNew(staged, target);
    await unlink(staged);
    await syncDirectory(dirname(target));
    return outcome;
  });
}

async function linkNew(staged: string, target: string): Promise<'installed' | 'exists'> {
  try {
    await link(staged, target);
    return 'installed';
  } catch (thrown) {
    if (errnoOf(thrown) === 'EEXIST') return 'exists';
    throw thrown;
  }
}

async function sealFile(path: string, mode = PRIVATE_FILE_MODE): Promise<void> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    await handle.chmod(mode);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function install<T>(staged: string, target: string, steps: () => Promise<T>): Promise<T> {
  try {
    return await steps();
  } catch (thrown) {
    if (errnoOf(thrown) === 'EXDEV') {
      throw new BoxliteError('storage_error', `cannot install ${target}: ${staged} is on another file system`, {
        hint: 'keep the whole BoxLite home on one mount: set BOXLITE_HOME instead of mounting inside it',
        cause: thrown,
        details: { field: 'BOXLITE_HOME', staged, target },
      });
    }
    throw toBoxliteError(thrown, 'storage_error', `cannot install ${target}`);
  }
}
