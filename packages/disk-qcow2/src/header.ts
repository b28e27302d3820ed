/** A header whose every field was found sound. Offsets and sizes in bytes. */
export interface Qcow2Header {
  readonly version: 2 | 3;
  readonly clusterBits: number;
  readonly virtualSize: number;
  /** Entries of the L1 table. */
  readonly l1Size: number;
  readonly l1TableOffset: number;
  readonly refcountTableOffset: number;
  readonly refcountTableClusters: number;
  readonly refcountOrder: number;
  readonly headerLength: number;
  /** Internal snapshots: states that share clusters with the present one. */
  readonly snapshotCount: number;
  readonly snapshotsOffset: number;
  /** Reference counts may be stale; the mapping is not. */
  readonly dirty: boolean;
  readonly autoclearFeatures: bigint;
  readonly compression: 'deflate' | 'zstd';
  /** The name is as stored: see `resolveBackingName`. */
  readonly backing: { readonly name: string; readonly format: 'raw' | 'qcow2' } | undefined;
}

/** Entries of an L1 table that maps `virtualSize` bytes. */
export function l1EntriesFor(virtualSize: number, clusterBits: number): number {
  return Math.ceil(virtualSize / l2CoverageBytes(clusterBits));
}

/** Bytes of the disk one L2 table maps: as many clusters as a cluster holds 8-byte entries. */
export function l2CoverageBytes(clusterBits: number): number {
  return 2 ** (clusterBits + clusterBits - 3);
}
