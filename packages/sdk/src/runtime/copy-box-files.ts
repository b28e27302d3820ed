import { chmodSync, constants, lstatSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BoxliteError, toBoxliteError, type VmmFileCopy } from '@boxlite/core';
import { type BoxLayout, ensurePrivateDirectory } from '@boxlite/layout';

/** Only the owner reads and runs a copy, and nobody writes it. */
const COPY_MODE = 0o500;
/** Times are set in the microseconds a double holds. */
const SAME_TIME_MS = 1;

/**
 * Brings the files of a VMM into a box's `bin/`, each only where it is not there yet as it is now (size and modification time). A copy shares the
 * disk blocks of the original where the file system can, and never its inode. What only looks at names is blocking: it is on the way of every start.
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
    const original = statSync(from);
    if (!original.isFile()) throw new BoxliteError('storage_error', `${from} is not a regular file`);
    const present = lstatSync(target, { throwIfNoEntry: false });
    const isCurrent =
      present?.isFile() === true &&
      present.size === original.size &&
      Math.abs(present.mtimeMs - original.mtimeMs) < SAME_TIME_MS;
    if (isCurrent) return;
    rmSync(staged, { force: true });
    await copyFile(from, staged, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
    chmodSync(staged, COPY_MODE);
    utimesSync(staged, original.atimeMs / 1000, original.mtimeMs / 1000);
    renameSync(staged, target);
  } catch (thrown) {
    rmSync(staged, { force: true });
    throw toBoxliteError(thrown, 'storage_error', `cannot copy ${from} to ${target}`);
  }
}
