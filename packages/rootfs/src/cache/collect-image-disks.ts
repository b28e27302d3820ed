import { rm } from 'node:fs/promises';
import { BoxliteError, type Lease, toBoxliteError } from '@boxlite/core';
import { fileIdentity, overlayBackings } from '../overlay-backings.js';
import { chooseImageDisks, type ImageDiskLimits } from './choose-image-disks.js';
import { imageDiskLeaseEntity } from './image-disk-lease.js';
import { type ImageDiskHome, type ImageDiskUsage, imageDiskUsage } from './image-disk-usage.js';

/** Which disks go, and how. */
export interface ImageDiskPolicy extends ImageDiskLimits {
  /** Removes nothing, and tells what would go. */
  readonly dryRun?: boolean;
  /** The exclusive home lease, if the caller holds it already. */
  readonly homeLease?: Lease;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

/** What was collected. */
export interface ImageDiskCollection {
  readonly removed: readonly ImageDiskUsage[];
  /** Their bytes on the host. */
  readonly freedBytes: number;
  /** Bytes on the host of the disks that stay. */
  readonly remainingBytes: number;
}

/**
 * Removes image disks that no overlay of a box or a base, and no start, refers to.
 *
 * A start holds its disk's lease from before it looks the disk up until its box's overlay exists. So the candidates are leased first, and
 * then the overlays are looked at: whoever had the lease before is seen by its overlay, whoever comes later waits, and builds the disk again.
 * A process that dies in the middle leaves some disks removed and the others whole.
 * @throws BoxliteError `lease_held` when another process has the home, what reading an overlay throws (then nothing is removed), `storage_error`
 */
export async function collectImageDisks(home: ImageDiskHome, policy: ImageDiskPolicy): Promise<ImageDiskCollection> {
  const { homeLease, dryRun = false, now = Date.now } = policy;
  const lease = homeLease ?? (await home.leases.acquire('home', 'gc'));
  try {
    const disks = await imageDiskUsage(home);
    const chosen = chooseImageDisks(disks, policy, now());
    const removed = dryRun ? chosen : await removeUnused(home, chosen);
    const freedBytes = bytesOf(removed);
    return { removed, freedBytes, remainingBytes: bytesOf(disks) - freedBytes };
  } finally {
    if (homeLease === undefined) await lease.release();
  }
}

async function removeUnused(
  home: ImageDiskHome,
  chosen: readonly ImageDiskUsage[],
): Promise<readonly ImageDiskUsage[]> {
  const candidates: { readonly disk: ImageDiskUsage; readonly lease: Lease }[] = [];
  const removed: ImageDiskUsage[] = [];
  try {
    for (const disk of chosen) {
      const lease = await tryLease(home, disk);
      if (lease !== undefined) candidates.push({ disk, lease });
    }
    if (candidates.length === 0) return [];
    const backings = await overlayBackings(home.boxesDir, home.basesDir, home.diskStore);
    for (const { disk, lease } of candidates) {
      const identity = await fileIdentity(disk.path);
      if (identity !== undefined && !backings.has(identity) && (await removeDisk(home, disk))) removed.push(disk);
      await lease.release();
    }
    return removed;
  } catch (thrown) {
    throw toBoxliteError(thrown, 'storage_error', `collecting the image disks of ${home.diskImagesDir}`);
  } finally {
    for (const { lease } of candidates) await lease.release();
  }
}

async function tryLease({ leases }: ImageDiskHome, { key }: ImageDiskUsage): Promise<Lease | undefined> {
  try {
    return await leases.acquire(imageDiskLeaseEntity(key), 'gc');
  } catch (thrown) {
    if (BoxliteError.isInstance(thrown, 'lease_held')) return undefined;
    throw thrown;
  }
}

/** One file that cannot be removed is no reason to keep the others. */
async function removeDisk({ report }: ImageDiskHome, { path }: ImageDiskUsage): Promise<boolean> {
  try {
    await rm(path, { force: true });
    return true;
  } catch (thrown) {
    report?.(`removing the image disk ${path}`, thrown);
    return false;
  }
}

function bytesOf(disks: readonly ImageDiskUsage[]): number {
  return disks.reduce((sum, { diskBytes }) => sum + diskBytes, 0);
}
