import { constants } from 'node:fs';
import { copyFile, type FileHandle, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type DiskStore, toBoxliteError } from '@boxlite/core';
import { stagingName } from '@boxlite/layout';
import type { ContainerDisk } from '../init/container-disk.js';
import { invalid } from './snapshot-files.js';
import type { NewDisk } from './template-image.js';

/** A disk that is made a copy of. */
export interface DiskCopy {
  readonly from: string;
  readonly format: 'raw' | 'qcow2';
}

/**
 * Copies the disk of a machine that stands still, durably and for its owner alone. A raw one shares its blocks, or is none that could be copied for each box.
 * @throws BoxliteError `disk_full`, `storage_error`
 */
export async function copyTemplateDisk(copy: DiskCopy, to: string): Promise<void> {
  await (await copied(copy, to)).durable();
}

/**
 * Gives a new box a copy of a template's disk in the place of the one that was made for it: under the same name, over the same base.
 * @param tmpDir of the home: what a process that dies leaves there is swept
 * @returns makes it durable, which may take longer than the copy: to be called at once, and awaited before the box is recorded durably
 * @throws BoxliteError `disk_full`, `storage_error`
 */
export async function placeDisk(copy: DiskCopy, path: string, tmpDir: string): Promise<() => Promise<void>> {
  const staged = join(tmpDir, stagingName());
  try {
    const { durable } = await copied(copy, staged);
    await rename(staged, path);
    return durable;
  } catch (thrown) {
    await rm(staged, { force: true });
    throw thrown;
  }
}

async function copied({ from, format }: DiskCopy, to: string): Promise<{ readonly durable: () => Promise<void> }> {
  const share = format === 'raw' ? constants.COPYFILE_FICLONE_FORCE : constants.COPYFILE_FICLONE;
  const what = `cannot copy the disk ${from}`;
  try {
    await copyFile(from, to, share | constants.COPYFILE_EXCL);
    const file = await open(to, constants.O_RDWR | constants.O_NOFOLLOW);
    try {
      await file.chmod(0o600);
    } catch (thrown) {
      await file.close();
      throw thrown;
    }
    return { durable: () => syncAndClose(file, what) };
  } catch (thrown) {
    throw toBoxliteError(thrown, 'storage_error', what);
  }
}

async function syncAndClose(file: FileHandle, what: string): Promise<void> {
  try {
    await file.sync();
  } catch (thrown) {
    throw toBoxliteError(thrown, 'storage_error', what);
  } finally {
    await file.close();
  }
}

/** Gives a box the disk of a box that has not run: whatever went on from a template's may have written to it. */
export async function renewDisk(disks: DiskStore, path: string, { base, virtualSize }: NewDisk): Promise<void> {
  await rm(path, { force: true });
  await disks.createChild(path, { path: base, format: 'raw' }, { virtualSize });
}

/** A copy must name what it was made over: it is given to every box of the image. @throws BoxliteError `snapshot_invalid` */
export async function checkTemplateDisk(
  disks: DiskStore,
  path: string,
  { base, format }: Pick<ContainerDisk, 'base' | 'format'>,
): Promise<void> {
  const [, below] = await disks.chain(path, format);
  if (below?.path === base) return;
  throw invalid(`its disk stands on ${below?.path ?? 'nothing'}, not on ${base ?? 'nothing'}`, path);
}
