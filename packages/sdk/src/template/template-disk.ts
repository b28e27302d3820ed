import { constants } from 'node:fs';
import { copyFile, open, rename, rm } from 'node:fs/promises';
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
export async function copyTemplateDisk({ from, format }: DiskCopy, to: string): Promise<void> {
  const share = format === 'raw' ? constants.COPYFILE_FICLONE_FORCE : constants.COPYFILE_FICLONE;
  try {
    await copyFile(from, to, share | constants.COPYFILE_EXCL);
    await using file = await open(to, constants.O_RDWR | constants.O_NOFOLLOW);
    await file.chmod(0o600);
    await file.sync();
  } catch (thrown) {
    throw toBoxliteError(thrown, 'storage_error', `cannot copy the disk ${from}`);
  }
}

/**
 * Gives a new box a copy of a template's disk in the place of the one that was made for it: under the same name, over the same base. After a power cut it is
 * one of the two, whole.
 * @param tmpDir of the home: what a process that dies leaves there is swept
 * @throws BoxliteError `disk_full`, `storage_error`
 */
export async function placeDisk(copy: DiskCopy, path: string, tmpDir: string): Promise<void> {
  const staged = join(tmpDir, stagingName());
  try {
    await copyTemplateDisk(copy, staged);
    await rename(staged, path);
  } catch (thrown) {
    await rm(staged, { force: true });
    throw thrown;
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
