import { readdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { type DiskStore, errnoOf } from '@boxlite/core';

/** A file, whatever its path: device and inode. */
export type FileIdentity = string;

/** Which overlays stand on a file. */
export interface OverlayOwners {
  /** Ids of boxes. */
  readonly boxes: readonly string[];
  /** Names in `bases/`: what snapshots and clones stand on. */
  readonly bases: readonly string[];
}

interface Overlay {
  readonly path: string;
  readonly owner: { readonly box: string } | { readonly base: string };
}

/** @returns undefined for a file that does not exist. @throws the system's error when it cannot be told */
export async function fileIdentity(path: string): Promise<FileIdentity | undefined> {
  try {
    return identityOf(await stat(path, { bigint: true }));
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT' || errnoOf(thrown) === 'ENOTDIR') return undefined;
    throw thrown;
  }
}

/** The identity in a status with big integers: device numbers and inodes may pass 2^53. */
export function identityOf({ dev, ino }: { readonly dev: bigint; readonly ino: bigint }): FileIdentity {
  return `${dev}:${ino}`;
}

/**
 * The files that overlays are backed by: the disks of every box and the qcow2 bases. Missing directories are fine, and so is an overlay
 * that is removed while this looks.
 * @throws when any overlay cannot be read, because then nothing can be said about what is in use
 */
export async function overlayBackings(
  boxesDir: string,
  basesDir: string,
  diskStore: Pick<DiskStore, 'backingPath'>,
): Promise<ReadonlyMap<FileIdentity, OverlayOwners>> {
  const backings = new Map<FileIdentity, { boxes: string[]; bases: string[] }>();
  for (const { path, owner } of await findOverlays(boxesDir, basesDir)) {
    const backing = await backingOf(path, diskStore);
    if (backing === undefined) continue;
    const identity = await fileIdentity(resolve(dirname(path), backing));
    if (identity === undefined) continue;
    const owners = backings.get(identity) ?? { boxes: [], bases: [] };
    backings.set(identity, owners);
    if ('base' in owner) owners.bases.push(owner.base);
    else if (!owners.boxes.includes(owner.box)) owners.boxes.push(owner.box);
  }
  return backings;
}

async function findOverlays(boxesDir: string, basesDir: string): Promise<readonly Overlay[]> {
  const overlays: Overlay[] = (await names(basesDir))
    .filter(isOverlayName)
    .map((name) => ({ path: join(basesDir, name), owner: { base: name } }));
  for (const box of await names(boxesDir)) {
    const disks = join(boxesDir, box, 'disks');
    for (const name of await names(disks)) {
      if (isOverlayName(name)) overlays.push({ path: join(disks, name), owner: { box } });
    }
  }
  return overlays;
}

async function backingOf(overlay: string, diskStore: Pick<DiskStore, 'backingPath'>): Promise<string | undefined> {
  try {
    return await diskStore.backingPath(overlay);
  } catch (thrown) {
    // Removed with its box since it was listed: it stands on nothing any more.
    if ((await fileIdentity(overlay)) === undefined) return undefined;
    throw thrown;
  }
}

const isOverlayName = (name: string): boolean => name.endsWith('.qcow2');

/** Names in a directory, none when there is no such directory. */
export async function names(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT' || errnoOf(thrown) === 'ENOTDIR') return [];
    throw thrown;
  }
}
