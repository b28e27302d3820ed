/** One file of a backing chain, the overlay first. */
export interface DiskLayer {
  readonly path: string;
  readonly format: 'raw' | 'qcow2';
  /** Bytes the guest sees. */
  readonly virtualSize: number;
}

/** What a new child is made over. */
export interface DiskBase {
  readonly path: string;
  readonly format: 'raw' | 'qcow2';
}

/** What a check of a disk found; `errors` is empty for a sound one. */
export interface DiskCheck {
  readonly errors: readonly string[];
  /** Clusters allocated but not referenced: wasted space, not damage. */
  readonly leakedClusters: number;
}

/** What became of a disk that was frozen. */
export interface FrozenDisk {
  /** Immutable from now on. */
  readonly base: DiskLayer;
  /** Goes on under the disk's own name. */
  readonly child: DiskLayer;
}

/**
 * Copy-on-write disks.
 *
 * `createChild` writes a new overlay of `base` at `path`, durable (fsynced) when it resolves, nothing left when it throws;
 * the path must not exist. `chain` reads headers only, bounded in depth, refusing loops (`disk_chain_invalid`); malformed headers
 * are `disk_invalid` with the field. `backingPath` reads nothing but magic, version, offset and length (garbage collection
 * must not depend on a sound disk); undefined for a disk without one. The others are optional abilities.
 *
 * A child is an overlay that names its base, or a raw copy that shares the base's blocks and stands alone: its chain is the disk itself. Its `format`
 * says which, and is recorded with it, because a format is never guessed: where none is given, it is the store's own. Of disks of another format than a
 * store makes it need only know what `chain` tells of raw ones.
 *
 * A disk is a regular file named by an absolute path; a symbolic link in its place is not followed. A base is never changed; what is made
 * is its owner's alone (0600).
 *
 * `freeze` makes what a disk holds an immutable base at `base`, which must not exist, and the disk goes on at `path` as a child of it: for snapshots
 * and clones, which are made over the base. No VMM may have the disk open. Interrupted, it may leave `base`, and the disk goes on as it
 * was: remove that and call again. Whoever removes a base has to know that nothing was made over it.
 */
export interface DiskStore {
  readonly id: string;
  /** Of the disks it makes; default `qcow2`. */
  readonly format?: 'raw' | 'qcow2';
  /** @param options.virtualSize bytes; default and minimum: the size of the base */
  createChild(path: string, base: DiskBase, options?: { readonly virtualSize?: number }): Promise<DiskLayer>;
  chain(path: string, format?: 'raw' | 'qcow2'): Promise<readonly DiskLayer[]>;
  backingPath(path: string): Promise<string | undefined>;
  check?(path: string): Promise<DiskCheck>;
  /** Frees leaked clusters of a disk without errors, and changes nothing of one that has some. Returns what is left. */
  repair?(path: string): Promise<DiskCheck>;
  /** Grows the disk; never shrinks (`invalid_argument`). The disk must not be in use. */
  grow?(path: string, virtualSize: number): Promise<void>;
  /**
   * Writes the whole chain into one standalone sparse disk at `target`.
   * @param options.format of the target; default: the store's own. What was made says its format: a store may know no other.
   */
  flatten?(
    path: string,
    target: string,
    signal?: AbortSignal,
    options?: { readonly format?: 'raw' | 'qcow2' },
  ): Promise<DiskLayer>;
  /** Makes a disk name another file as its base, at one blow. The bytes are not compared: a base that has moved, or a flat copy of it. */
  rebase?(path: string, base: DiskBase): Promise<void>;
  /** @param options.flat the base stands alone, whatever the disk was made over; default false */
  freeze?(
    path: string,
    base: string,
    options?: { readonly flat?: boolean; readonly signal?: AbortSignal },
  ): Promise<FrozenDisk>;
}
