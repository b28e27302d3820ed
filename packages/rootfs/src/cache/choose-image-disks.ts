import { type ImageDiskUsage, isUnused } from './image-disk-usage.js';

/** Which image disks go. With none of `all`, `maxBytes`, `maxAgeMs` given none does. */
export interface ImageDiskLimits {
  /** Every disk nobody refers to. */
  readonly all?: boolean;
  /** Bytes on the host that all disks together may take: the least recently used go until they are within it. */
  readonly maxBytes?: number;
  /** Milliseconds since its last use that a disk is kept. */
  readonly maxAgeMs?: number;
  /** Narrows what may go; default: any. */
  readonly mayGo?: (disk: ImageDiskUsage) => boolean;
}

/**
 * The disks that go by these limits. One that a box, a base or a start refers to never does, but counts.
 * @param disks the least recently used first
 * @param now milliseconds since the epoch
 */
export function chooseImageDisks(
  disks: readonly ImageDiskUsage[],
  { all = false, maxBytes, maxAgeMs, mayGo = () => true }: ImageDiskLimits,
  now: number,
): readonly ImageDiskUsage[] {
  let total = disks.reduce((sum, { diskBytes }) => sum + diskBytes, 0);
  return disks.filter((disk) => {
    if (!isUnused(disk) || !mayGo(disk)) return false;
    const isTooOld = maxAgeMs !== undefined && now - disk.lastUsedAt > maxAgeMs;
    const isTooMuch = maxBytes !== undefined && total > maxBytes;
    if (!all && !isTooOld && !isTooMuch) return false;
    total -= disk.diskBytes;
    return true;
  });
}
