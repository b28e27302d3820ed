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

/**
 * Copy-on-write disks.
 *
 * `createChild` writes a new overlay of `base` at `path`, durable (fsynced) when it resolves, nothing left when it throws;
 * the path must not exist. `chain` reads headers only, bounded in depth, refusing loops (`disk_chain_invalid`); malformed headers
 * are `disk_invalid` with the field. `backingPath` reads nothing but magic, version, offset and length (garbage collection
 * must not depend on a sound disk); undefined for a disk without one. The others are optional abilities.
 *
 * A disk is a regular file named by an absolute path; a symbolic link in its place is not followed. A base is never changed; what is made
 * is its owner's alone (0600).
 */
export interface DiskStore {
  readonly id: string;
  /** @param options.virtualSize bytes; default and minimum: the size of the base */
  createChild(path: string, base: DiskBase, options?: { readonly virtualSize?: number }): Promise<DiskLayer>;
  chain(path: string, format?: 'raw' | 'qcow2'): Promise<readonly DiskLayer[]>;
  backingPath(path: string): Promise<string | undefined>;
  check?(path: string): Promise<DiskCheck>;
  /** Grows the disk; never shrinks (`invalid_argument`). The disk must not be in use. */
  grow?(path: string, virtualSize: number): Promise<void>;
  /** Writes the whole chain into one standalone sparse disk at `target`. */
  flatten?(path: string, target: string, signal?: AbortSignal): Promise<DiskLayer>;
}
