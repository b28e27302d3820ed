import { writeAt } from './disk-file.js';
import { encodeHeader } from './encode-header.js';
import type { FlatTarget } from './flat-target.js';
import { COPIED_HIGH } from './format.js';
import { l1EntriesFor } from './header.js';
import { CLUSTER_BITS, CLUSTER_BYTES } from './limits.js';
import { encodeRefcountBlock, encodeRefcountTable, planRefcounts } from './refcount-plan.js';

const ENTRIES_PER_L2 = CLUSTER_BYTES / 8;

/**
 * Writes a disk without backing file in one pass, clusters in ascending order: header, L1 table, then L2 tables and data as they
 * come, reference counts last. Every cluster is referenced once. Memory: the L1 table and one L2 table.
 */
export class StandaloneWriter implements FlatTarget {
  readonly granuleBytes = CLUSTER_BYTES;
  readonly #fd: number;
  readonly #virtualSize: number;
  readonly #l1: Buffer;
  #l2 = Buffer.alloc(CLUSTER_BYTES);
  #l2Index: number | undefined;
  #l2Cluster = 0;
  #nextCluster: number;

  /** @param fd of an empty file, open for writing */
  constructor(fd: number, virtualSize: number) {
    this.#fd = fd;
    this.#virtualSize = virtualSize;
    this.#l1 = Buffer.alloc(Math.ceil((l1EntriesFor(virtualSize, CLUSTER_BITS) * 8) / CLUSTER_BYTES) * CLUSTER_BYTES);
    this.#nextCluster = 1 + this.#l1.length / CLUSTER_BYTES;
  }

  /** Gives out the clusters at once; the last may be written in part, what is after it in the file is zeros. */
  async put(offset: number, bytes: Buffer): Promise<void> {
    const writes: Promise<void>[] = [];
    let cluster = offset / CLUSTER_BYTES;
    let rest = bytes;
    while (rest.length > 0) {
      this.#enterTable(Math.floor(cluster / ENTRIES_PER_L2), writes);
      const index = cluster % ENTRIES_PER_L2;
      const count = Math.min(Math.ceil(rest.length / CLUSTER_BYTES), ENTRIES_PER_L2 - index);
      const start = this.#allocate(count);
      for (let n = 0; n < count; n++) writeEntry(this.#l2, index + n, start + n);
      writes.push(writeAt(this.#fd, start * CLUSTER_BYTES, rest.subarray(0, count * CLUSTER_BYTES)));
      rest = rest.subarray(count * CLUSTER_BYTES);
      cluster += count;
    }
    // None is under way any more when this throws: the caller closes the file.
    await Promise.allSettled(writes);
    await Promise.all(writes);
  }

  /** Writes the tables and, last, the header: until then the file is no disk. */
  async finish(): Promise<void> {
    const writes: Promise<void>[] = [];
    this.#leaveTable(writes);
    await Promise.all(writes);
    await writeAt(this.#fd, CLUSTER_BYTES, this.#l1);
    const plan = planRefcounts(this.#nextCluster);
    for (let block = 0; block < plan.blockCount; block++) {
      await writeAt(this.#fd, (plan.firstBlock + block) * CLUSTER_BYTES, encodeRefcountBlock(plan, block));
    }
    await writeAt(this.#fd, plan.tableCluster * CLUSTER_BYTES, encodeRefcountTable(plan));
    const header = encodeHeader({
      virtualSize: this.#virtualSize,
      l1Size: l1EntriesFor(this.#virtualSize, CLUSTER_BITS),
      l1TableOffset: CLUSTER_BYTES,
      refcountTableOffset: plan.tableCluster * CLUSTER_BYTES,
      refcountTableClusters: plan.tableClusters,
    });
    await writeAt(this.#fd, 0, header);
  }

  #enterTable(l1Index: number, writes: Promise<void>[]): void {
    if (this.#l2Index === l1Index) return;
    this.#leaveTable(writes);
    this.#l2Index = l1Index;
    this.#l2Cluster = this.#allocate(1);
    writeEntry(this.#l1, l1Index, this.#l2Cluster);
  }

  #leaveTable(writes: Promise<void>[]): void {
    if (this.#l2Index === undefined) return;
    writes.push(writeAt(this.#fd, this.#l2Cluster * CLUSTER_BYTES, this.#l2));
    this.#l2 = Buffer.alloc(CLUSTER_BYTES);
    this.#l2Index = undefined;
  }

  #allocate(clusters: number): number {
    const start = this.#nextCluster;
    this.#nextCluster += clusters;
    return start;
  }
}

function writeEntry(table: Buffer, index: number, cluster: number): void {
  const offset = cluster * CLUSTER_BYTES;
  table.writeUInt32BE((COPIED_HIGH | Math.floor(offset / 2 ** 32)) >>> 0, index * 8);
  table.writeUInt32BE(offset % 2 ** 32, index * 8 + 4);
}
