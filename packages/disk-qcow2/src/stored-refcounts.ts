import { type DiskFile, readAt } from './disk-file.js';
import type { Qcow2Header } from './header.js';
import { countsPerBlock, decodeRefcount } from './refcount-codec.js';
import { ReferenceCounts } from './reference-counts.js';

const HIGH_WORD = 2 ** 32;

/**
 * Reads the counts a disk has on record, and counts the references its refcount structures are.
 * @param references gets one reference for each refcount block
 * @param report told of what is wrong with the table
 */
export async function readStoredRefcounts(
  disk: DiskFile,
  header: Qcow2Header,
  references: ReferenceCounts,
  report: (error: string) => void,
): Promise<ReferenceCounts> {
  const clusterBytes = 2 ** header.clusterBits;
  const counts = new ReferenceCounts(references.clusters, clusterBytes);
  const perBlock = countsPerBlock(header.clusterBits, header.refcountOrder);
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
      const firstCluster = index * perBlock;
      const wanted = Math.min(perBlock, counts.clusters - firstCluster);
      if (wanted <= 0) continue;
      const block = await readAt(disk, offset, clusterBytes);
      for (let n = 0; n < wanted; n++) counts.set(firstCluster + n, decodeRefcount(block, n, header.refcountOrder));
    }
  }
  return counts;
}
