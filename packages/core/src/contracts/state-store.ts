import type { BaseDiskId, BoxId } from '../ids/box-id.js';
import type { Digest } from '../ids/digest.js';
import type { ProcessIdentity } from '../ids/process-identity.js';
import type { ResolvedImage } from './image-source.js';
import type { JailLayer } from './jail-layer.js';
import type { StartOrigin, TemplateKind } from './start-origin.js';

/** Life of a box; transitions: `canTransition`. */
export type BoxStatus = 'unknown' | 'configured' | 'running' | 'stopping' | 'stopped' | 'paused' | 'failed';

/** Immutable once written. `options` is the caller's, as validated by the SDK. */
export interface BoxConfigRecord {
  readonly id: BoxId;
  readonly name?: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly options: Readonly<Record<string, unknown>>;
  /** By plugin kind: the file that provided the plugin the options name, for those that are not part of BoxLite. */
  readonly pluginOrigins?: Readonly<Record<string, string>>;
  /** The box it went on from: a fork of it, or one of its snapshots. That one may be gone by now. */
  readonly parent?: { readonly boxId: BoxId; readonly snapshot?: string };
}

/** Mutable. A cache of the truth in `shim.pid`. */
export interface BoxStateRecord {
  readonly status: BoxStatus;
  readonly supervisor?: ProcessIdentity;
  readonly vmm?: ProcessIdentity;
  /** What the container disk was made from, kept so that a later start needs no image source. */
  readonly image?: ResolvedImage;
  /** What the container disk is: the store that made it and its format. Default: qcow2, the only one there was before this was recorded. */
  readonly disk?: {
    readonly store: string;
    readonly format: 'raw' | 'qcow2';
    /** The file it was made over, as it names it. The VMM can write another name into the disk: this one is what counts. Absent: not recorded then. */
    readonly base?: string;
  };
  /** There while the box is put back to a snapshot: the disk it had is not its disk any more, the next start makes this one. */
  readonly nextDisk?: { readonly store: string; readonly format: 'raw' | 'qcow2'; readonly base: string };
  /** The disk with the agent that the machine has that runs, or ran last. */
  readonly guestRootfs?: string;
  /** The VMM plugin that runs, or last ran, the box. */
  readonly vmmId?: string;
  /** The user and group of the host the VMM is where root starts it, and nobody else is as long as the box exists. */
  readonly hostUid?: number;
  /** What confined the VMM when it was last started. */
  readonly jail?: JailRecord;
  /** The kernel it was last started with; of a box that was not started yet, the one it was given as a file. */
  readonly kernel?: KernelRecord;
  /** How the machine that runs, or ran last, came to be: booted, or continued from a snapshot of one kind or another. */
  readonly startedFrom?: StartOrigin;
  /** Key of the template it continued from. */
  readonly template?: string;
  /** What that template was made for. */
  readonly templateKind?: TemplateKind;
  /** True while the box waits in a pool: nobody has been given it yet, and without its owner it is removed. */
  readonly pooled?: true;
  /** Why it is `failed`. */
  readonly errorReason?: string;
  /** Of the main command, when it has ended. */
  readonly exitCode?: number;
  /** Milliseconds since the epoch. */
  readonly startedAt?: number;
  readonly updatedAt: number;
}

/** The jail of one start, as it was then. */
export interface JailRecord {
  /** The sandbox, or `none`. */
  readonly name: string;
  readonly layers: readonly JailLayer[];
  /** The control group to end and to remove, where there was one. */
  readonly cgroupDir?: string;
}

/** The kernel of one start. */
export interface KernelRecord {
  /** Id of the kernel source, or `file` for a file the box names. */
  readonly source: string;
  /** Names the file in the home's `kernels/`. */
  readonly digest: Digest;
  /** `uname -r`, for people. */
  readonly version: string;
}

export interface BoxRecord {
  readonly config: BoxConfigRecord;
  readonly state: BoxStateRecord;
}

export interface ImageRecord {
  readonly reference: string;
  readonly manifestDigest: Digest;
  readonly configDigest: Digest;
  readonly layers: readonly Digest[];
  /** Of the uncompressed layers, bottom first, where the configuration that says so is not kept in the home. */
  readonly diffIds?: readonly Digest[];
  readonly sizeBytes: number;
  readonly cachedAt: number;
  readonly complete: boolean;
  /** Milliseconds since the epoch; of a box that was made from it, to the hour. Absent: not since it was cached. */
  readonly lastUsedAt?: number;
}

/** `rootfs` entries live under the source box id `__global__` (spec section 3). */
export interface BaseDiskRecord {
  readonly id: BaseDiskId;
  readonly sourceBoxId: string;
  readonly name?: string;
  readonly kind: 'snapshot' | 'clone_base' | 'rootfs';
  readonly basePath: string;
  readonly containerDiskBytes: number;
  readonly sizeBytes: number;
  /** Seconds since the epoch. */
  readonly createdAt: number;
}

export interface SnapshotRecord {
  readonly id: string;
  readonly boxId: BoxId;
  readonly name: string;
  readonly createdAt: number;
  readonly containerDiskBytes: number;
  readonly sizeBytes: number;
  readonly baseDiskId?: BaseDiskId;
  /** What the machine was whose memory it holds, all of which a machine must have that goes on from it. Absent: it holds the disk alone. */
  readonly machine?: SnapshotMachine;
  /** What the files of `machine` were. Absent: it is of a time when that was not recorded. */
  readonly files?: CapturedFiles;
}

/** What memory and state of a capture were when they were made: sizes in bytes, and SHA-256 as hexadecimal digits. */
export interface CapturedFiles {
  readonly memory: {
    readonly bytes: number;
    /** Over the blocks that are not all zeros, each with its place, and over the size. */
    readonly sha256: string;
    /** Of a file that nobody has written to since, in decimal digits; another one after the home was copied. */
    readonly identity: { readonly ino: string; readonly mtimeNs: string; readonly ctimeNs: string };
  };
  readonly state: { readonly bytes: number; readonly sha256: string };
}

/** A machine as it was when it was captured. */
export interface SnapshotMachine {
  readonly vmmId: string;
  /** `VmmHandler.snapshotKey` of then. */
  readonly key: string;
  readonly kernel: KernelRecord;
  /** The disk with the agent. */
  readonly guestRootfs: string;
}

/** Who holds a lease: pid, start time and the boot they belong to. */
export interface LeaseHolder extends ProcessIdentity {
  readonly bootId: string;
}

/** A lease that is held until `release()` or until its holder is gone. */
export interface Lease extends AsyncDisposable {
  readonly entity: string;
  readonly purpose: string;
  release(): Promise<void>;
}

export interface BoxStore {
  /** @param options.durable as of {@link update} @throws BoxliteError `already_exists` (field `name` or `id`) */
  insert(config: BoxConfigRecord, state: BoxStateRecord, options?: { readonly durable?: boolean }): Promise<void>;
  get(id: BoxId): Promise<BoxRecord | undefined>;
  /** Exact id, then name, then unique id prefix. @throws BoxliteError `invalid_argument` when a prefix fits several */
  find(idOrName: string): Promise<BoxRecord | undefined>;
  list(): Promise<readonly BoxRecord[]>;
  /**
   * Read, change, write in one transaction. Returns the new state.
   * @param options.durable false: need not survive a power cut before the next change that does (default true)
   * @throws BoxliteError `not_found`; `invalid_state` when the change is not an allowed transition
   */
  update(
    id: BoxId,
    change: (state: BoxStateRecord) => BoxStateRecord,
    options?: { readonly durable?: boolean },
  ): Promise<BoxStateRecord>;
  /** True when there was one. References to base disks and snapshots of the box go with it. @param options.durable as of {@link update} */
  delete(id: BoxId, options?: { readonly durable?: boolean }): Promise<boolean>;
}

/** One record a reference: `put` replaces the one before. */
export interface ImageStore {
  put(record: ImageRecord): Promise<void>;
  get(reference: string): Promise<ImageRecord | undefined>;
  list(): Promise<readonly ImageRecord[]>;
  delete(reference: string): Promise<boolean>;
  /**
   * Sets `lastUsedAt` and nothing else, in one transaction; what was recorded meanwhile is kept. Need not survive a power cut. Without it, images
   * count as used when they were cached.
   * @returns false when there is no such record
   */
  touch?(reference: string, usedAt: number): Promise<boolean>;
}

/**
 * Found by id, or by the name their source gave. A base disk that a box or a snapshot refers to is not deleted (`invalid_state`, naming them). A
 * reference needs both its ends (`not_found`).
 */
export interface BaseDiskStore {
  /** @throws BoxliteError `already_exists` when the id or (sourceBoxId, name) is taken */
  insert(record: BaseDiskRecord): Promise<void>;
  get(id: BaseDiskId): Promise<BaseDiskRecord | undefined>;
  findByName(sourceBoxId: string, name: string): Promise<BaseDiskRecord | undefined>;
  list(kind?: BaseDiskRecord['kind']): Promise<readonly BaseDiskRecord[]>;
  delete(id: BaseDiskId): Promise<boolean>;
  /**
   * Idempotent.
   * @param options.replaces in the same transaction the box gives up its references to other base disks of this kind
   * @param options.durable as of `BoxStore.update`
   */
  addReference(
    id: BaseDiskId,
    boxId: BoxId,
    options?: { readonly replaces?: BaseDiskRecord['kind']; readonly durable?: boolean },
  ): Promise<void>;
  removeReferences(boxId: BoxId): Promise<void>;
  referencedBy(id: BaseDiskId): Promise<readonly BoxId[]>;
}

/** A snapshot's name is unique within its box. */
export interface SnapshotStore {
  insert(record: SnapshotRecord): Promise<void>;
  list(boxId: BoxId): Promise<readonly SnapshotRecord[]>;
  get(boxId: BoxId, name: string): Promise<SnapshotRecord | undefined>;
  delete(boxId: BoxId, name: string): Promise<boolean>;
}

export interface LeaseStore {
  /**
   * Takes the lease in one immediate transaction, removing holders that are gone.
   * @param options.shared several shared holders may coexist; exclusive (default) excludes all
   * @param options.waitMs how long to retry; default 0
   * @throws BoxliteError `lease_held`, details name the holder
   */
  acquire(
    entity: string,
    purpose: string,
    options?: { readonly shared?: boolean; readonly waitMs?: number; readonly signal?: AbortSignal },
  ): Promise<Lease>;
  /** Living leases on an entity. */
  holders(entity: string): Promise<readonly (LeaseHolder & { readonly purpose: string })[]>;
  /** Living leases whose entity starts with a prefix. */
  list(entityPrefix: string): Promise<readonly (LeaseHolder & { readonly entity: string; readonly purpose: string })[]>;
}

/**
 * The state of one home. Opening runs migrations; a foreign or newer database is refused with remedies
 * (`database_foreign`, `database_newer`). Several processes share one; every member may be called concurrently. Closing gives back every
 * lease; afterwards each member throws `stopped`.
 */
export interface StateStore extends AsyncDisposable {
  readonly boxes: BoxStore;
  readonly images: ImageStore;
  readonly baseDisks: BaseDiskStore;
  readonly snapshots: SnapshotStore;
  readonly leases: LeaseStore;
  /** The boot id rows were last written under, for whoever must put rows right before it is exchanged. Undefined in a new home. */
  bootId(): Promise<string | undefined>;
  /** The boot id rows were last written under, replaced by the current one. Undefined in a new home. */
  exchangeBootId(current: string): Promise<string | undefined>;
  close(): Promise<void>;
}
