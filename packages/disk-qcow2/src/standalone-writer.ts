import type { FileHandle } from 'node:fs/promises';
import { encodeHeader } from './encode-header.js';
import { COPIED_HIGH } from './format.js';
import { l1EntriesFor } from './header.js';
import { CLUSTER_BITS, CLUSTER_BYTES } from './limits.js';
import { writeAt } from './disk-file.js';
import { encodeRefcountBlock, encodeRefcountTable, planRefcounts } from './refcount-plan.js';

const ENTRIES_PER_L2 = CLUSTER_BYTES / 8;

/**
 * Writes a disk without backing file in one pass, clusters in ascending order: header, L1 table, then L2 tables and data as they
 * come, reference counts last. Every cluster is referenced once. Memory: the L1 table and one L2 table.
 */
export class StandaloneWriter {
  readonly #handle: FileHandle;
  readonly #virtualSize: number;
  readonly #l1: Buffer;
  readonly #l2 = Buffer.alloc(CLUSTER_BYTES);
  #l2Index: number | undefined;
  #l2Cluster = 0;
  #nextCluster: number;

  /** @param handle an empty file, open for writing */
  constructor(handle: FileHandle, virtualSize: number) {
    this.#handle = handle;
    this.#virtualSize = virtualSize;
    this.#l1 = Buffer.alloc(Math.ceil((l1EntriesFor(virtualSize, CLUSTER_BITS) * 8) / CLUSTER_BYTES) * CLUSTER_BYTES);
    this.#nextCluster = 1 + this.#l1.length / CLUSTER_BYTES;
  }

  /**
   * Stores whole clusters.
   * @param firstCluster number of the first in the disk; greater than all stored before
   */
  async write(firstCluster: number, bytes: Buffer): Promise<void> {
    let cluster = firstCluster;
    let rest = bytes;
    while (rest.length > 0) {
      await this.#enterTable(Math.floor(cluster / ENTRIES_PER_L2));
      const index = cluster % ENTRIES_PER_L2;
      const count = Math.min(rest.length / CLUSTER_BYTES, ENTRIES_PER_L2 - index);
      const start = this.#allocate(count);
      for (let n = 0; n < count; n++) writeEntry(this.#l2, index + n, start + n);
      await writeAt(this.#handle, start * CLUSTER_BYTES, rest.subarray(0, count * CLUSTER_BYTES));
      rest = rest.subarray(count * CLUSTER_BYTES);
      cluster += count;
    }
  }

  /** Writes the tables and, last, the header: until then the file is no disk. */
  async finish(): Promise<void> {
    await this.#leaveTable();
    await writeAt(this.#handle, CLUSTER_BYTES, this.#l1);
    const plan = planRefcounts(this.#nextCluster);
    for (let block = 0; block < plan.blockCount; block++) {
      await writeAt(this.#handle, (plan.firstBlock + block) * CLUSTER_BYTES, encodeRefcountBlock(plan, block));
    }
    await writeAt(this.#handle, plan.tableCluster * CLUSTER_BYTES, encodeRefcountTable(plan));
    const header = encodeHeader({
      virtualSize: this.#virtualSize,
      l1Size: l1EntriesFor(this.#virtualSize, CLUSTER_BITS),
      l1TableOffset: CLUSTER_BYTES,
      refcountTableOffset: plan.tableCluster * CLUSTER_BYTES,
      refcountTableClusters: plan.tableClusters,
    });
    await writeAt(this.#handle, 0, header);
  }

  async #enterTable(l1Index: number): Promise<void> {
    if (this.#l2Index === l1Index) return;
    await this.#leaveTable();
    this.#l2Index = l1Index;
    this.#l2Cluster = this.#allocate(1);
    writeEntry(this.#l1, l1Index, this.#l2Cluster);
  }

  async #leaveTable(): Promise<void> {
    if (this.#l2Index === undefined) return;
    await writeAt(this.#handle, this.#l2Cluster * CLUSTER_BYTES, this.#l2);
    this.#l2.fill(0);
    this.#l2Index = undefined;
  }

  #allocate(clusters: number): number {
    const start = this.#nextCluster;
    this.#nextCluster += clusters;
    return start;
  }
}

function writeEntry(table: Buffer, index: number, cluster: number): void {
  table.writeBigUInt64BE((BigInt(COPIED_HIGH) << 32n) | BigInt(cluster * CLUSTER_BYTES), index * 8);
}
