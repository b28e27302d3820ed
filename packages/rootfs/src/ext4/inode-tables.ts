import { BoxliteError } from '@boxlite/core';
import type { AllocatedRun, BlockAllocator } from './block-allocator.js';
import type { BlockSink } from './content-writer.js';
import { BLOCK_SIZE, BLOCKS_PER_GROUP, INODE_SIZE, INODES_PER_BLOCK } from './format.js';
import { blocksInGroup, type Geometry } from './geometry.js';
import { type InodeFields, writeInode } from './inode-record.js';

/** One inode for so many bytes of disk, as mke2fs has it: what guests expect to be able to create. */
const BYTES_PER_INODE = 16_384;
/** Spare inodes for images with more files than that ratio gives. */
const HEADROOM = 1.25;
/** Inodes are written in pieces of this many. */
const BATCH = 4096;

/**
 * Inodes in each group: by the ratio, or as many as the image needs.
 * @throws BoxliteError `resource_exhausted` when the groups cannot hold so many
 */
export function inodesPerGroup(geometry: Geometry, lastInode: number): number {
  const wanted = Math.max(
    Math.ceil((blocksInGroup(geometry, 0) * BLOCK_SIZE) / BYTES_PER_INODE),
    Math.ceil((lastInode * HEADROOM) / geometry.groupCount),
  );
  const rounded = Math.ceil(wanted / INODES_PER_BLOCK) * INODES_PER_BLOCK;
  if (rounded <= BLOCKS_PER_GROUP) return rounded;
  throw new BoxliteError('resource_exhausted', `${lastInode} files and directories are too many for this disk size`, {
    hint: 'give the box a larger disk (sizeBytes)',
    details: { field: 'sizeBytes' },
  });
}

/** The inode tables of all groups. Inodes are added in ascending order; what is never written stays a hole of zeros. */
export class InodeTables {
  readonly inodesPerGroup: number;
  readonly tables: readonly AllocatedRun[];
  readonly #sink: BlockSink;
  readonly #batch = Buffer.alloc(BATCH * INODE_SIZE);
  /** Index (inode number minus one) of the first inode in the batch. */
  #first = 0;

  constructor(geometry: Geometry, perGroup: number, allocator: BlockAllocator, sink: BlockSink) {
    this.inodesPerGroup = perGroup;
    this.#sink = sink;
    const blocks = perGroup / INODES_PER_BLOCK;
    this.tables = Array.from({ length: geometry.groupCount }, () => {
      const table = allocator.allocateContiguous(blocks);
      // Blocks used before hold old file data, which must not look like inodes.
      if (!table.fresh) sink.put(table.start * BLOCK_SIZE, Buffer.alloc(blocks * BLOCK_SIZE));
      return table;
    });
  }

  add(inode: number, fields: InodeFields, checksumSeed: number): void {
    const index = inode - 1;
    while (index >= this.#first + BATCH) this.#flush(BATCH);
    writeInode(this.#batch, (index - this.#first) * INODE_SIZE, fields, checksumSeed);
  }

  /** Writes what is left. */
  finish(lastInode: number): void {
    const left = lastInode - this.#first;
    if (left > 0) this.#flush(Math.ceil(left / INODES_PER_BLOCK) * INODES_PER_BLOCK);
  }

  #flush(count: number): void {
    for (let done = 0; done < count; ) {
      const index = this.#first + done;
      const inGroup = index % this.inodesPerGroup;
      const part = Math.min(count - done, this.inodesPerGroup - inGroup);
      const table = this.tables[Math.floor(index / this.inodesPerGroup)] as AllocatedRun;
      const bytes = this.#batch.subarray(done * INODE_SIZE, (done + part) * INODE_SIZE);
      this.#sink.put(table.start * BLOCK_SIZE + inGroup * INODE_SIZE, bytes);
      done += part;
    }
    this.#batch.fill(0);
    this.#first += count;
  }
}
