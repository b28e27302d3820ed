import { lstatSync, realpathSync } from 'node:fs';
import { dirname, relative, sep } from 'node:path';
import { BoxliteError, errnoOf, toBoxliteError } from '@boxlite/core';
import { quoted } from './disk-errors.js';
import { type DiskFile, requireAbsolutePath } from './disk-file.js';

/** Says which files may be backing files, whatever a disk names. */
export interface BackingGuard {
  /**
   * Before a file is opened.
   * @throws BoxliteError `disk_chain_invalid` (field `backing_file`); `not_found` when its directory does not exist
   */
  requireAllowed(path: string): void;
  /** After it was opened: that its directory has not been replaced meanwhile. Throws as `requireAllowed` does. */
  requireSame(disk: DiskFile): void;
}

/**
 * Allows the files in some directories and below, after symbolic links have been followed.
 *
 * Links are looked at with blocking calls: two for each directory of a path, which the kernel answers from memory.
 * @param directories absolute; one that does not exist allows nothing
 * @throws BoxliteError `invalid_argument` (field `allowedDirectories`)
 */
export function createBackingGuard(directories: readonly string[]): BackingGuard {
  for (const directory of directories) requireAbsolutePath(directory, 'allowedDirectories');
  const requireAllowed = (path: string): string => {
    const directory = realDirectory(dirname(path));
    if (directory === undefined) {
      throw new BoxliteError('not_found', `the directory of ${quoted(path)} does not exist`, {
        hint: 'restore the missing files',
        details: { path },
      });
    }
    if (!directories.some((allowed) => isWithin(directory, realDirectory(allowed)))) throw notAllowed(path);
    return directory;
  };
  return {
    requireAllowed,
    requireSame({ path, identity }) {
      const directory = requireAllowed(path);
      const { dev, ino } = lstatSync(`${directory}/${path.slice(path.lastIndexOf('/') + 1)}`, { bigint: true });
      if (`${dev}:${ino}` !== identity) throw notAllowed(path);
    },
  };
}

function realDirectory(path: string): string | undefined {
  try {
    return realpathSync.native(path);
  } catch (thrown) {
    const errno = errnoOf(thrown);
    if (errno === 'ENOENT' || errno === 'ENOTDIR') return undefined;
    throw toBoxliteError(thrown, 'storage_error', `directory ${quoted(path)} cannot be examined`);
  }
}

function isWithin(directory: string, allowed: string | undefined): boolean {
  if (allowed === undefined) return false;
  const way = relative(allowed, directory);
  return way !== '..' && !way.startsWith(`..${sep}`);
}

function notAllowed(path: string): BoxliteError {
  return new BoxliteError('disk_chain_invalid', `${quoted(path)} lies outside the directories of backing files`, {
    hint: 'the disk names a file it must not read: do not use it; or rebase it, if you moved its base yourself',
    details: { path, field: 'backing_file' },
  });
}
