import type { Qcow2Header } from './header.js';
import { type OpenDisk, readAt } from './open-disk.js';
import { ReferenceCounts } from './reference-counts.js';

const HIGH_WORD = 2 ** 32;

/**
 * Reads the counts a disk has on record, and counts the references its refcount structures are.
 * @param references gets one reference for each refcount block
 * @param report told of what is wrong with the table
 */
export async function readStoredRefcounts(
  disk: OpenDisk,
  header: Qcow2Header,
  references: ReferenceCounts,
  report: (error: string) => void,
): Promise<ReferenceCounts> {
  const clusterBytes = 2 ** header.clusterBits;
  const counts = new ReferenceCounts(references.clusters, clusterBytes);
  const countsPerBlock = (clusterBytes * 8) / 2 ** header.refcountOrder;
  const table = await readAt(disk, header.refcountTableOffset, header.refcountTableClusters * clusterBytes);
  for (let index = 0; (index + 1) * 8 <= table.length; index++) {
    const offset = table.readUInt32BE(index * 8) * HIGH_WORD + table.readUInt32BE(index * 8 + 4);
    if (offset === 0) continue;
    if (offset % clusterBytes !== 0) {
      report(`refcount_table: entry ${index} is not the start of a cluster`);
    } else if (!references.add(offset, clusterBytes)) {
      report(`refcount_table: entry ${index} is outside the file`);
    } else if (references.get(offset / clusterBytes) > 1) {
      report(`refcount_table: entry ${index} names a cluster that is used otherwise`);
    } else {
      const firstCluster = index * countsPerBlock;
      const wanted = Math.min(countsPerBlock, counts.clusters - firstCluster);
      if (wanted <= 0) continue;
      const block = await readAt(disk, offset, clusterBytes);
      for (let n = 0; n < wanted; n++) counts.set(firstCluster + n, decodeRefcount(block, n, header.refcountOrder));
    }
  }
  return counts;
}

/**
 * One count of a block; big-endian, or from the low bits up where it is narrower than a byte. Counts past the end of a
 * partly written block are 0; counts above 32 bits come out as 2^32 - 1.
 */
export function decodeRefcount(block: Buffer, index: number, refcountOrder: number): number {
  const bits = 2 ** refcountOrder;
  if (bits < 8) {
    const perByte = 8 / bits;
    const byte = block[Math.floor(index / perByte)] ?? 0;
    return (byte >>> ((index % perByte) * bits)) & (2 ** bits - 1);
  }
  const bytes = bits / 8;
  const at = index * bytes;
  if (at + bytes > block.length) return 0;
  if (bytes <= 4) return block.readUIntBE(at, bytes);
  return block.readUInt32BE(at) === 0 ? block.readUInt32BE(at + 4) : 2 ** 32 - 1;
}
