import { encodeHeader } from './encode-header.js';
import { l1EntriesFor } from './header.js';
import { CLUSTER_BITS, CLUSTER_BYTES } from './limits.js';

/** The bytes of a new disk: `segments` at their offsets, zeros (holes) elsewhere, up to `fileBytes`. */
export interface SparseFile {
  readonly segments: readonly { readonly offset: number; readonly bytes: Buffer }[];
  readonly fileBytes: number;
}

/**
 * An overlay that has nothing of its own yet: cluster 0 the header, 1 the refcount table, 2 its one block, from 3 the L1 table,
 * all zeros. Three pages of data, so that the fsync is short.
 * @param virtualSize bytes
 * @param backing the base's name as bytes and its format
 */
export function encodeChild(
  virtualSize: number,
  backing: { readonly name: Uint8Array; readonly format: 'raw' | 'qcow2' },
): SparseFile {
  const l1Size = l1EntriesFor(virtualSize, CLUSTER_BITS);
  const clusters = 3 + Math.ceil((l1Size * 8) / CLUSTER_BYTES);
  const header = encodeHeader({
    virtualSize,
    l1Size,
    l1TableOffset: 3 * CLUSTER_BYTES,
    refcountTableOffset: CLUSTER_BYTES,
    refcountTableClusters: 1,
    backing,
  });
  const refcountTable = Buffer.alloc(8);
  refcountTable.writeBigUInt64BE(BigInt(2 * CLUSTER_BYTES));
  const refcounts = Buffer.alloc(clusters * 2);
  for (let cluster = 0; cluster < clusters; cluster++) refcounts.writeUInt16BE(1, cluster * 2);
  return {
    segments: [
      { offset: 0, bytes: header },
      { offset: CLUSTER_BYTES, bytes: refcountTable },
      { offset: 2 * CLUSTER_BYTES, bytes: refcounts },
    ],
    fileBytes: clusters * CLUSTER_BYTES,
  };
}
