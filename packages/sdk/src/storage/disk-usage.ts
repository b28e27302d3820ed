import { planPrune, totalBytes } from './plan-prune.js';
import type { StorageSnapshot } from './storage-snapshot.js';

/** One image, disk, kernel, box or piece of unfinished work. */
export interface UsageEntry {
  readonly name: string;
  /** Bytes on disk; of an image with what it shares with others. */
  readonly bytes: number;
  readonly active: boolean;
  /** Boxes, and whatever else needs it. */
  readonly usedBy: readonly string[];
  /** Milliseconds since the epoch; null where it is not known. */
  readonly lastUsedAt: number | null;
}

/** What one kind of thing takes. */
export interface UsageOfKind {
  readonly kind:
    | 'images'
    | 'image-disks'
    | 'guest-rootfs'
    | 'kernels'
    | 'templates'
    | 'boxes'
    | 'snapshots'
    | 'staging';
  readonly count: number;
  /** Those that something needs right now. */
  readonly active: number;
  /** Bytes on disk, each counted once. */
  readonly bytes: number;
  /** What `prune({ all: true })` would free of it. */
  readonly reclaimableBytes: number;
  readonly entries: readonly UsageEntry[];
}

/** What a home takes. */
export interface DiskUsage {
  readonly kinds: readonly UsageOfKind[];
  readonly bytes: number;
  readonly reclaimableBytes: number;
}

/** Adds a home up. */
export function diskUsage(snapshot: StorageSnapshot): DiskUsage {
  const plan = planPrune(snapshot, { all: true, until: Number.POSITIVE_INFINITY });
  const kinds = [
    usageOf('images', imageEntries(snapshot), totalBytes(snapshot.blobs), totalBytes(plan.blobs)),
    usageOf('image-disks', diskEntries(snapshot), totalBytes(snapshot.imageDisks), totalBytes(plan.imageDisks)),
    usageOf('guest-rootfs', rootfsEntries(snapshot), totalBytes(snapshot.guestRootfs), totalBytes(plan.guestRootfs)),
    usageOf('kernels', kernelEntries(snapshot), totalBytes(snapshot.kernels), totalBytes(plan.kernels)),
    usageOf('templates', templateEntries(snapshot), totalBytes(snapshot.templates), totalBytes(plan.templates)),
    usageOf('boxes', boxEntries(snapshot), totalBytes(snapshot.boxes), 0),
    usageOf('snapshots', snapshotEntries(snapshot), totalBytes(snapshot.snapshots), totalBytes(plan.snapshots)),
    // What is left of processes that are gone was swept when the home was opened.
    usageOf('staging', stagingEntries(snapshot), totalBytes(snapshot.staging), 0),
  ];
  return {
    kinds,
    bytes: totalBytes(kinds),
    reclaimableBytes: kinds.reduce((sum, { reclaimableBytes }) => sum + reclaimableBytes, 0),
  };
}

function usageOf(
  kind: UsageOfKind['kind'],
  entries: readonly UsageEntry[],
  bytes: number,
  reclaimableBytes: number,
): UsageOfKind {
  const active = entries.filter((entry) => entry.active).length;
  return { kind, count: entries.length, active, bytes, reclaimableBytes, entries };
}

function entry(name: string, bytes: number, usedBy: readonly string[], extra: Partial<UsageEntry> = {}): UsageEntry {
  return { name, bytes, active: usedBy.length > 0, usedBy, lastUsedAt: null, ...extra };
}

function imageEntries({ images }: StorageSnapshot): readonly UsageEntry[] {
  return images.map(({ reference, sizeBytes, boxes, lastUsedAt }) =>
    entry(reference, sizeBytes, boxes, { lastUsedAt }),
  );
}

function diskEntries({ imageDisks, images }: StorageSnapshot): readonly UsageEntry[] {
  return imageDisks.map(({ key, bytes, users, lastUsedAt }) => {
    const image = images.find(({ diskKeys }) => diskKeys.includes(key));
    return entry(image === undefined ? key.slice(0, 12) : image.reference, bytes, users, { lastUsedAt });
  });
}

function rootfsEntries({ guestRootfs }: StorageSnapshot): readonly UsageEntry[] {
  return guestRootfs.map(({ name, bytes, boxes, isCurrent }) =>
    entry(name, bytes, boxes, { active: isCurrent || boxes.length > 0 }),
  );
}

function kernelEntries({ kernels }: StorageSnapshot): readonly UsageEntry[] {
  return kernels.map(({ name, bytes, isCurrent, users }) =>
    entry(name.slice(0, 12), bytes, users, { active: isCurrent || users.length > 0 }),
  );
}

function templateEntries({ templates }: StorageSnapshot): readonly UsageEntry[] {
  return templates.map(({ key, bytes, lastUsedAt, isUsable, isInUse }) =>
    entry(key.slice(0, 12), bytes, isInUse ? ['a box that starts'] : [], { active: isUsable, lastUsedAt }),
  );
}

function boxEntries({ boxes }: StorageSnapshot): readonly UsageEntry[] {
  return boxes.map(({ name, bytes, isRunning }) => entry(name, bytes, [], { active: isRunning }));
}

function snapshotEntries({ snapshots }: StorageSnapshot): readonly UsageEntry[] {
  return snapshots.map(({ name, bytes, users }) => entry(name, bytes, users));
}

function stagingEntries({ staging }: StorageSnapshot): readonly UsageEntry[] {
  return staging.map(({ name, bytes }) => entry(name, bytes, [], { active: true }));
}
