import { BLOCK_SIZE } from './format.js';

/** Smaller journals are refused by the kernel (JBD2_MIN_JOURNAL_BLOCKS). */
export const MIN_JOURNAL_BLOCKS = 1024;

/** Blocks of journal for a disk of so many blocks: a share that grows with the disk, 4 to 32 MiB. */
export function journalBlocksFor(blockCount: number): number {
  if (blockCount < 131_072) return MIN_JOURNAL_BLOCKS; // below 512 MiB
  if (blockCount < 1_048_576) return 4096; // below 4 GiB
  return 8192;
}

/** The first block of an empty journal (jbd2, version 2). Unlike all else it is big-endian. */
export function buildJournalSuperblock(journalBlocks: number, uuid: Uint8Array): Buffer {
  const block = Buffer.alloc(BLOCK_SIZE);
  block.writeUInt32BE(0xc03b3998, 0x00);
  block.writeUInt32BE(4, 0x04); // h_blocktype: superblock version 2
  block.writeUInt32BE(BLOCK_SIZE, 0x0c);
  block.writeUInt32BE(journalBlocks, 0x10);
  block.writeUInt32BE(1, 0x14); // s_first: log blocks begin behind this one
  block.writeUInt32BE(1, 0x18); // s_sequence: first commit
  block.set(uuid, 0x30);
  block.writeUInt32BE(1, 0x40); // s_nr_users
  return block;
}
