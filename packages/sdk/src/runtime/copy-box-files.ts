import { constants } from 'node:fs';
import { chmod, copyFile, lstat, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { BoxliteError, errnoOf, toBoxliteError, type VmmFileCopy } from '@boxlite/core';
import { type BoxLayout, ensurePrivateDirectory } from '@boxlite/layout';

/** Only the owner reads and runs a copy, and nobody writes it. */
const COPY_MODE = 0o500;
/** Times are set in the microseconds a double holds. */
const SAME_TIME_MS = 1;

/**
 * Brings the files of a VMM into a box's `bin/`, each only where it is not there yet as it is now (size and modification time). A copy shares the
 * disk blocks of the original where the file system can, and never its inode.
 * @throws BoxliteError `storage_error`, `disk_full`, `permission_denied`; then the caller uses the originals
 */
export async function copyBoxFiles(
  box: Pick<BoxLayout, 'binDir' | 'uid'>,
  copies: readonly VmmFileCopy[],
): Promise<void> {
  await ensurePrivateDirectory(box.binDir, box.uid);
  await Promise.all(copies.map((copy) => copyOne(box.binDir, copy)));
}

async function copyOne(binDir: string, { from, name }: VmmFileCopy): Promise<void> {
  if (!/^[A-Za-z0-9_.+-]{1,128}$/.test(name) || name.startsWith('.')) {
    throw new BoxliteError('invalid_argument', `${JSON.stringify(name.slice(0, 160))} is no name for a file of a VMM`, {
      details: { field: 'copies', name },
    });
  }
  const target = join(binDir, name);
  const staged = `${target}.new`;
  try {
    const original = await stat(from);
    if (!original.isFile()) throw new BoxliteError('storage_error', `${from} is not a regular file`);
    const present = await statOrNone(target);
    const isCurrent =
      present?.isFile() === true &&
      present.size === original.size &&
      Math.abs(present.mtimeMs - original.mtimeMs) < SAME_TIME_MS;
    if (isCurrent) return;
    await rm(staged, { force: true });
    await copyFile(from, staged, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
    await chmod(staged, COPY_MODE);
    await utimes(staged, original.atimeMs / 1000, original.mtimeMs / 1000);
    await rename(staged, target);
  } catch (thrown) {
    await rm(staged, { force: true });
    throw toBoxliteError(thrown, 'storage_error', `cannot copy ${from} to ${target}`);
  }
}

async function statOrNone(path: string) {
  try {
    return await lstat(path);
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return undefined;
    throw thrown;
  }
}
