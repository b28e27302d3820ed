/** What of an image a decision needs. */
export interface ImageState {
  readonly reference: string;
  /** Keys of the disks it may have. */
  readonly diskKeys: readonly string[];
  /** Bytes on disk of all its blobs, shared ones included. */
  readonly sizeBytes: number;
  /** Milliseconds since the epoch. */
  readonly lastUsedAt: number;
  /** Names, else ids, of boxes. */
  readonly boxes: readonly string[];
}

export interface BlobState {
  readonly digest: string;
  readonly bytes: number;
  /** Milliseconds since the epoch. */
  readonly storedAt: number;
  /** The images that need it. */
  readonly referencedBy: readonly string[];
}

export interface ImageDiskState {
  readonly key: string;
  readonly bytes: number;
  readonly lastUsedAt: number;
  /** Who stands on it, or is starting from it: names of boxes, files of bases, processes. */
  readonly users: readonly string[];
}

export interface GuestRootfsState {
  readonly name: string;
  readonly bytes: number;
  /** Made with the agent of this BoxLite. */
  readonly isCurrent: boolean;
  readonly boxes: readonly string[];
}

export interface KernelState {
  /** SHA-256, hexadecimal. */
  readonly name: string;
  readonly bytes: number;
  /** What the next start boots. */
  readonly isCurrent: boolean;
  /** Boxes, snapshots and templates that stand on it. */
  readonly users: readonly string[];
}

export interface TemplateState {
  readonly key: string;
  readonly bytes: number;
  /** Milliseconds since the epoch. */
  readonly lastUsedAt: number;
  /** False for one that no box can start from any more: damaged, or of a kernel, a guest rootfs or an image disk that is gone. */
  readonly isUsable: boolean;
  /** A box starts from it right now. */
  readonly isInUse: boolean;
}

export interface BoxState {
  readonly name: string;
  readonly bytes: number;
  readonly isRunning: boolean;
}

/** A snapshot of a box, or the disk that forks of one share. */
export interface SnapshotState {
  /** `<box>:<name of the snapshot>`, or what the disk is. */
  readonly name: string;
  /** Memory, machine state and disk, of what lies here and not in the box. */
  readonly bytes: number;
  /** Boxes that stand on its disk, and the box it is of. Without any it goes with the next collection. */
  readonly users: readonly string[];
}

/** Everything that takes room in a home, at one moment. */
export interface StorageSnapshot {
  readonly images: readonly ImageState[];
  readonly blobs: readonly BlobState[];
  readonly imageDisks: readonly ImageDiskState[];
  readonly guestRootfs: readonly GuestRootfsState[];
  readonly kernels: readonly KernelState[];
  readonly templates: readonly TemplateState[];
  readonly boxes: readonly BoxState[];
  readonly snapshots: readonly SnapshotState[];
  /** What pulls, conversions and other work in progress hold. */
  readonly staging: readonly { readonly name: string; readonly bytes: number }[];
}
