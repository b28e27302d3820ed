import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { type DiskStore, errnoOf, type LeaseHolder, type LeaseStore, toBoxliteError } from '@boxlite/core';
import type { ReportFailure } from '../guest/rootfs-records.js';
import { type FileIdentity, identityOf, names, type OverlayOwners, overlayBackings } from '../overlay-backings.js';
import { imageDiskLeaseEntity } from './image-disk-lease.js';

/** What looking at, and collecting, image disks works with. Directories are those of one home. */
export interface ImageDiskHome {
  readonly diskImagesDir: string;
  readonly boxesDir: string;
  readonly basesDir: string;
  readonly leases: LeaseStore;
  /** Reads which file an overlay is backed by. */
  readonly diskStore: Pick<DiskStore, 'backingPath'>;
  readonly report?: ReportFailure;
}

/** One image disk, and what it is used for. */
export interface ImageDiskUsage {
  /** As `ImageDiskCache.locate` has it. */
  readonly key: string;
  readonly path: string;
  /** Of the file: what a guest would see. */
  readonly sizeBytes: number;
  /** On the host: what removing it frees. */
  readonly diskBytes: number;
  /** Milliseconds since the epoch. */
  readonly lastUsedAt: number;
  /** Boxes whose disk stands on it. */
  readonly boxes: readonly string[];
  /** Files of `bases/` (what snapshots and clones stand on) that stand on it. */
  readonly bases: readonly string[];
  /** Starts, and builds, that use it at the moment. */
  readonly leases: readonly (LeaseHolder & { readonly purpose: string })[];
}

/** A disk of any converter: `<key>.<converter id>`. */
const DISK_NAME = /^([0-9a-f]{64})\.[a-z0-9]+$/;
/** Unit of st_blocks, whatever the block size of the file system (stat(2)). */
const BYTES_PER_STAT_BLOCK = 512;
const NANOSECONDS_PER_MS = 1_000_000n;
const NOBODY: OverlayOwners = { boxes: [], bases: [] };

/**
 * Every image disk of a home, the least recently used first. Takes no lock: what it says may have changed.
 * @throws BoxliteError of the disk store when an overlay cannot be read, because then nothing can be said about what is in use; `storage_error`
 */
export async function imageDiskUsage(home: ImageDiskHome): Promise<readonly ImageDiskUsage[]> {
  const { diskImagesDir, boxesDir, basesDir, leases, diskStore } = home;
  try {
    const held = await leases.list(imageDiskLeaseEntity(''));
    const owners = await overlayBackings(boxesDir, basesDir, diskStore);
    const disks: ImageDiskUsage[] = [];
    for (const name of await names(diskImagesDir)) {
      const key = DISK_NAME.exec(name)?.[1];
      const file = key === undefined ? undefined : await lookAt(join(diskImagesDir, name));
      if (key === undefined || file === undefined) continue;
      const { identity, ...sizes } = file;
      const { boxes, bases } = owners.get(identity) ?? NOBODY;
      const mine = held.filter(({ entity }) => entity === imageDiskLeaseEntity(key));
      disks.push({ key, ...sizes, boxes, bases, leases: mine.map(({ entity: _entity, ...holder }) => holder) });
    }
    return disks.sort((one, other) => one.lastUsedAt - other.lastUsedAt || (one.key < other.key ? -1 : 1));
  } catch (thrown) {
    throw toBoxliteError(thrown, 'storage_error', `looking at the image disks of ${diskImagesDir}`);
  }
}

/** True for a disk that no box, no base and no start needs. */
export function isUnused({ boxes, bases, leases }: ImageDiskUsage): boolean {
  return boxes.length + bases.length + leases.length === 0;
}

type DiskFile = Pick<ImageDiskUsage, 'path' | 'sizeBytes' | 'diskBytes' | 'lastUsedAt'> & {
  readonly identity: FileIdentity;
};

/** @returns undefined for what is no file, or was removed meanwhile */
async function lookAt(path: string): Promise<DiskFile | undefined> {
  try {
    const status = await lstat(path, { bigint: true });
    if (!status.isFile()) return undefined;
    return {
      path,
      identity: identityOf(status),
      sizeBytes: Number(status.size),
      diskBytes: Number(status.blocks) * BYTES_PER_STAT_BLOCK,
      lastUsedAt: Number(status.mtimeNs / NANOSECONDS_PER_MS),
    };
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return undefined;
    throw thrown;
  }
}
