import { encodeHeader } from './encode-header.js';
import { COPIED_HIGH } from './format.js';
import { l1EntriesFor } from './header.js';
import { CLUSTER_BITS, CLUSTER_BYTES, MAX_PREPARED_TABLES } from './limits.js';

/** The bytes of a new disk: `segments` at their offsets, zeros (holes) elsewhere, up to `fileBytes`. */
export interface SparseFile {
  readonly segments: readonly { readonly offset: number; readonly bytes: Buffer }[];
  readonly fileBytes: number;
}

/** Where the L1 table begins, in clusters: behind the header, the refcount table and its one block. */
const L1_CLUSTER = 3;

/**
 * An overlay that has nothing of its own yet: cluster 0 the header, 1 the refcount table, 2 its one block, from 3 the L1 table, then the L2
 * tables, which are holes. They are there because a VMM that has to add one writes and syncs three places of the file, one after another, before
 * the guest's first write to each 512 MiB is done. Four pages of data, so that the fsync is short.
 * @param virtualSize bytes
 * @param backing the base's name as bytes and its format
 */
export function encodeChild(
  virtualSize: number,
  backing: { readonly name: Uint8Array; readonly format: 'raw' | 'qcow2' },
): SparseFile {
  const l1Size = l1EntriesFor(virtualSize, CLUSTER_BITS);
  const firstTable = L1_CLUSTER + Math.ceil((l1Size * 8) / CLUSTER_BYTES);
  const tables = Math.min(l1Size, MAX_PREPARED_TABLES);
  const clusters = firstTable + tables;
  const header = encodeHeader({
    virtualSize,
    l1Size,
    l1TableOffset: L1_CLUSTER * CLUSTER_BYTES,
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
      { offset: L1_CLUSTER * CLUSTER_BYTES, bytes: encodeL1Table(firstTable, tables) },
    ],
    fileBytes: clusters * CLUSTER_BYTES,
  };
}

/** The entries of tables that lie one after another, each referenced once. */
function encodeL1Table(firstCluster: number, tables: number): Buffer {
  const bytes = Buffer.alloc(tables * 8);
  for (let table = 0; table < tables; table++) {
    const offset = BigInt((firstCluster + table) * CLUSTER_BYTES);
    bytes.writeBigUInt64BE((BigInt(COPIED_HIGH) << 32n) | offset, table * 8);
  }
  return bytes;
}
