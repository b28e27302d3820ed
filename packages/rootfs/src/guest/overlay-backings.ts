import { readdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { type DiskStore, errnoOf } from '@boxlite/core';

/** A file, whatever its path: device and inode. */
export type FileIdentity = string;

/** @returns undefined for a file that does not exist. @throws the system's error when it cannot be told */
export async function fileIdentity(path: string): Promise<FileIdentity | undefined> {
  try {
    const { dev, ino } = await stat(path, { bigint: true });
    return `${dev}:${ino}`;
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT' || errnoOf(thrown) === 'ENOTDIR') return undefined;
    throw thrown;
  }
}

/**
 * The files that overlays are backed by: the disks of every box and the qcow2 bases. Missing directories are fine.
 * @throws when any overlay cannot be read, because then nothing can be said about what is in use
 */
export async function overlayBackings(
  boxesDir: string,
  basesDir: string,
  diskStore: Pick<DiskStore, 'backingPath'>,
): Promise<ReadonlySet<FileIdentity>> {
  const overlays = (await names(basesDir))
    .filter((name) => name.endsWith('.qcow2'))
    .map((name) => join(basesDir, name));
  for (const box of await names(boxesDir)) {
    const disks = join(boxesDir, box, 'disks');
    for (const name of await names(disks)) if (name.endsWith('.qcow2')) overlays.push(join(disks, name));
  }
  const backings = new Set<FileIdentity>();
  for (const overlay of overlays) {
    const backing = await diskStore.backingPath(overlay);
    if (backing === undefined) continue;
    const identity = await fileIdentity(resolve(dirname(overlay), backing));
    if (identity !== undefined) backings.add(identity);
  }
  return backings;
}

/** Names in a directory, none when there is no such directory. */
export async function names(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT' || errnoOf(thrown) === 'ENOTDIR') return [];
    throw thrown;
  }
}
