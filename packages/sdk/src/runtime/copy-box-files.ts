import { chmodSync, constants, renameSync, rmSync, statSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BoxliteError, toBoxliteError, type VmmFileCopy } from '@boxlite/core';
import { type BoxLayout, ensurePrivateDirectory } from '@boxlite/layout';
import { sameContent } from './same-content.js';

/** Only the owner reads and runs a copy, and nobody writes it. */
const COPY_MODE = 0o500;

/**
 * Brings the files of a VMM into a box's `bin/`, each only where it is not there yet byte for byte: a copy that was changed since the last start, by a
 * VMM with a way out or by anybody else, is never run. A copy shares the disk blocks of the original where the file system can, and never its
 * inode. It is made beside its place and renamed, so that nothing is written through a link that lies there.
 * @throws BoxliteError `storage_error`, `disk_full`, `permission_denied`; then the caller uses the originals
 */
export async function copyBoxFiles(
  box: Pick<BoxLayout, 'binDir' | 'uid'>,
  copies: readonly VmmFileCopy[],
): Promise<void> {
  await ensurePrivateDirectory(box.binDir, box.uid);
  await Promise.all(copies.map((copy) => copyOne(box, copy)));
}

async function copyOne({ binDir, uid }: Pick<BoxLayout, 'binDir' | 'uid'>, { from, name }: VmmFileCopy): Promise<void> {
  if (!/^[A-Za-z0-9_.+-]{1,128}$/.test(name) || name.startsWith('.')) {
    throw new BoxliteError('invalid_argument', `${JSON.stringify(name.slice(0, 160))} is no name for a file of a VMM`, {
      details: { field: 'copies', name },
    });
  }
  const target = join(binDir, name);
  const staged = `${target}.new`;
  try {
    if (!statSync(from).isFile()) throw new BoxliteError('storage_error', `${from} is not a regular file`);
    if (await sameContent(from, target, { uid, mode: COPY_MODE })) return;
    rmSync(staged, { force: true, recursive: true });
    await copyFile(from, staged, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
    chmodSync(staged, COPY_MODE);
    renameSync(staged, target);
  } catch (thrown) {
    rmSync(staged, { force: true });
    throw toBoxliteError(thrown, 'storage_error', `cannot copy ${from} to ${target}`);
  }
}
