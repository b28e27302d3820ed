import { CLUSTER_BYTES } from './limits.js';

/** 16-bit counts a refcount block holds. */
const COUNTS_PER_BLOCK = CLUSTER_BYTES / 2;

/** Where the reference counts of a disk lie whose clusters are all referenced once, in clusters. */
export interface RefcountPlan {
  readonly firstBlock: number;
  readonly blockCount: number;
  readonly tableCluster: number;
  readonly tableClusters: number;
  /** All clusters of the file, the counts' own included. */
  readonly totalClusters: number;
}

/**
 * Plans blocks and table behind `usedClusters`. The counts must count themselves too: more clusters until nothing changes.
 */
export function planRefcounts(usedClusters: number): RefcountPlan {
  let blockCount = 0;
  let tableClusters = 0;
  for (;;) {
    const totalClusters = usedClusters + blockCount + tableClusters;
    const blocksNeeded = Math.ceil(totalClusters / COUNTS_PER_BLOCK);
    const tableNeeded = Math.ceil((blocksNeeded * 8) / CLUSTER_BYTES);
    if (blocksNeeded === blockCount && tableNeeded === tableClusters) {
      const tableCluster = usedClusters + blockCount;
      return { firstBlock: usedClusters, blockCount, tableCluster, tableClusters, totalClusters };
    }
    blockCount = blocksNeeded;
    tableClusters = tableNeeded;
  }
}

/** The bytes of one block: one for each cluster of the file, zeros after the last. */
export function encodeRefcountBlock(plan: RefcountPlan, block: number): Buffer {
  const counted = Math.min(COUNTS_PER_BLOCK, plan.totalClusters - block * COUNTS_PER_BLOCK);
  const bytes = Buffer.alloc(CLUSTER_BYTES);
  for (let index = 0; index < counted; index++) bytes.writeUInt16BE(1, index * 2);
  return bytes;
}

/** The bytes of the whole table. */
export function encodeRefcountTable(plan: RefcountPlan): Buffer {
  const bytes = Buffer.alloc(plan.tableClusters * CLUSTER_BYTES);
  for (let block = 0; block < plan.blockCount; block++) {
    bytes.writeBigUInt64BE(BigInt((plan.firstBlock + block) * CLUSTER_BYTES), block * 8);
  }
  return bytes;
}
