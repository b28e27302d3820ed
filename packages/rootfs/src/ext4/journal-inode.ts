import type { BlockAllocator } from './block-allocator.js';
import type { BlockSink } from './content-writer.js';
import { ExtentList } from './extent-list.js';
import { BLOCK_SIZE, JOURNAL_INODE } from './format.js';
import type { Geometry } from './geometry.js';
import type { FileSystemIdentity } from './identity.js';
import { inodeChecksumSeed } from './inode-record.js';
import { buildJournalSuperblock, journalBlocksFor } from './journal-superblock.js';
import { buildExtentBody } from './node-inode.js';

/** The inode of the journal. */
export interface JournalInode {
  readonly blockArea: Uint8Array;
  readonly flags: number;
  readonly size: number;
  readonly blockCount: number;
}

/**
 * Allocates an empty journal. Only its first block is written; the rest may be a hole of the image file.
 * @param minBlocks for a disk that will be grown: its journal will not
 */
export function placeJournal(
  geometry: Geometry,
  identity: FileSystemIdentity,
  allocator: BlockAllocator,
  sink: BlockSink,
  minBlocks = 0,
): JournalInode {
  const length = Math.max(minBlocks, journalBlocksFor(geometry.blockCount));
  const extents = new ExtentList();
  for (let logical = 0; logical < length; ) {
    const run = allocator.allocate(length - logical);
    // Recovery must not find old file data that looks like a transaction.
    if (!run.fresh) sink.put(run.start * BLOCK_SIZE, Buffer.alloc(run.length * BLOCK_SIZE));
    if (logical === 0) sink.put(run.start * BLOCK_SIZE, buildJournalSuperblock(length, identity.uuid));
    extents.append(logical, run.start, run.length);
    logical += run.length;
  }
  const seed = inodeChecksumSeed(identity.checksumSeed, JOURNAL_INODE);
  const body = buildExtentBody(extents.list, length * BLOCK_SIZE, seed, { allocator, sink });
  return { blockArea: body.blockArea, flags: body.flags, size: body.size, blockCount: body.blocks };
}
