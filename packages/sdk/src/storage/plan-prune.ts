import type {
  BlobState,
  GuestRootfsState,
  ImageDiskState,
  ImageState,
  KernelState,
  SnapshotState,
  StorageSnapshot,
  TemplateState,
} from './storage-snapshot.js';

/** What is to go. */
export interface RemovalPlan {
  readonly images: readonly ImageState[];
  readonly blobs: readonly BlobState[];
  readonly imageDisks: readonly ImageDiskState[];
}

/** What is to go when a home is tidied up. */
export interface PrunePlan extends RemovalPlan {
  readonly guestRootfs: readonly GuestRootfsState[];
  readonly kernels: readonly KernelState[];
  readonly templates: readonly TemplateState[];
  readonly snapshots: readonly SnapshotState[];
}

/** What a prune may take. */
export interface PruneRules {
  /** Also images no box was made from. */
  readonly all: boolean;
  /** Milliseconds since the epoch: images and disks used later stay, and blobs stored later. */
  readonly until: number;
}

/**
 * What nobody needs: blobs and disks of no image that stays and of no box, guest rootfs disks of earlier agents, kernels that nothing boots or stands on,
 * templates of these; with `all` every template, since it can be made again.
 * Boxes and their snapshots are never part of it, stopped or not: their files are what people keep them for. Disks of forks are that nothing stands on.
 */
export function planPrune(snapshot: StorageSnapshot, { all, until }: PruneRules): PrunePlan {
  const images = all ? snapshot.images.filter((image) => image.boxes.length === 0 && image.lastUsedAt < until) : [];
  return {
    ...planRemoval(snapshot, images, ({ lastUsedAt }) => lastUsedAt < until, until),
    guestRootfs: snapshot.guestRootfs.filter(({ isCurrent, boxes }) => !isCurrent && boxes.length === 0),
    kernels: snapshot.kernels.filter(({ isCurrent, users }) => !isCurrent && users.length === 0),
    templates: snapshot.templates.filter(
      ({ isUsable, isInUse, lastUsedAt }) => !isInUse && (!isUsable || (all && lastUsedAt < until)),
    ),
    snapshots: snapshot.snapshots.filter(({ users }) => users.length === 0),
  };
}

/**
 * What goes with images that are removed: the blobs that no other image needs, also those that none has needed before, and disks.
 * @param mayGo says of a disk nobody needs whether it is to go
 * @param until milliseconds since the epoch: blobs stored later stay
 */
export function planRemoval(
  { images, blobs, imageDisks }: StorageSnapshot,
  removed: readonly ImageState[],
  mayGo: (disk: ImageDiskState) => boolean,
  until = Number.POSITIVE_INFINITY,
): RemovalPlan {
  const staying = images.filter((image) => !removed.includes(image));
  const references = new Set(staying.map(({ reference }) => reference));
  const keys = new Set(staying.flatMap(({ diskKeys }) => diskKeys));
  return {
    images: removed,
    blobs: blobs.filter(
      ({ referencedBy, storedAt }) => storedAt < until && !referencedBy.some((reference) => references.has(reference)),
    ),
    imageDisks: imageDisks.filter((disk) => disk.users.length === 0 && !keys.has(disk.key) && mayGo(disk)),
  };
}

/** Bytes on disk of several things. */
export function totalBytes(items: readonly { readonly bytes: number }[]): number {
  return items.reduce((sum, { bytes }) => sum + bytes, 0);
}
