import { crc32c } from './crc32c.js';
import {
  BLOCK_SIZE,
  BLOCKS_PER_GROUP,
  DESCRIPTOR_SIZE,
  EXTRA_ISIZE,
  FIRST_INODE,
  INODE_SIZE,
  INODES_PER_BLOCK,
  JOURNAL_INODE,
} from './format.js';
import { baseMetadataBlocks, type Geometry } from './geometry.js';
import type { FileSystemIdentity } from './identity.js';

/** Where the superblock is in block 0; copies start their block. */
export const SUPERBLOCK_OFFSET = 1024;
const SUPERBLOCK_BYTES = 1024;

const Compatible = { HAS_JOURNAL: 0x4, EXT_ATTR: 0x8, RESIZE_INODE: 0x10, DIR_INDEX: 0x20 };
const Incompatible = { FILETYPE: 0x2, EXTENTS: 0x40, BITS_64: 0x80, FLEX_BG: 0x200 };
const ReadOnlyCompatible = {
  SPARSE_SUPER: 0x1,
  LARGE_FILE: 0x2,
  HUGE_FILE: 0x8,
  DIR_NLINK: 0x20,
  EXTRA_ISIZE: 0x40,
  METADATA_CSUM: 0x400,
};
/** Directory hashes take characters as unsigned, whatever the guest's processor does. */
const UNSIGNED_DIRECTORY_HASH = 0x2;
/** Access control lists and user attributes without mount options. */
const DEFAULT_MOUNT_OPTIONS = 0x4 | 0x8;
const HALF_MD4 = 1;
const CRC32C = 1;

/** What the superblock says besides the geometry. */
export interface SuperblockFields {
  readonly geometry: Geometry;
  readonly identity: FileSystemIdentity;
  readonly inodesPerGroup: number;
  readonly freeBlocks: number;
  readonly freeInodes: number;
  /** i_block and size of the journal's inode, kept here as a spare; undefined without a journal. */
  readonly journal: { readonly blockArea: Uint8Array; readonly size: number } | undefined;
}

/** Per group: the block bitmap and the inode bitmap. */
const BITMAP_BLOCKS = 2;

/**
 * Blocks that can never hold data, as the kernel counts them (Linux, fs/ext4/super.c: ext4_calculate_overhead). A kernel that finds another
 * number rewrites every copy of the superblock when it mounts, each of which costs a copy-on-write disk a cluster or more.
 */
export function overheadBlocks({ geometry, inodesPerGroup, journal }: SuperblockFields): number {
  let blocks = journal === undefined ? 0 : journal.size / BLOCK_SIZE;
  for (let group = 0; group < geometry.groupCount; group++) {
    blocks += baseMetadataBlocks(geometry, group) + inodesPerGroup / INODES_PER_BLOCK + BITMAP_BLOCKS;
  }
  return blocks;
}

/**
 * The 1024 bytes of a superblock. All times are zero: the bytes depend on the content alone.
 * @param group the group this copy is in
 */
export function buildSuperblock(fields: SuperblockFields, group: number): Buffer {
  const { geometry, identity } = fields;
  const block = Buffer.alloc(SUPERBLOCK_BYTES);
  block.writeUInt32LE(fields.inodesPerGroup * geometry.groupCount, 0x00);
  block.writeUInt32LE(geometry.blockCount % 2 ** 32, 0x04);
  block.writeUInt32LE(fields.freeBlocks % 2 ** 32, 0x0c);
  block.writeUInt32LE(fields.freeInodes, 0x10);
  block.writeUInt32LE(Math.log2(BLOCK_SIZE) - 10, 0x18);
  block.writeUInt32LE(Math.log2(BLOCK_SIZE) - 10, 0x1c);
  block.writeUInt32LE(BLOCKS_PER_GROUP, 0x20);
  block.writeUInt32LE(BLOCKS_PER_GROUP, 0x24);
  block.writeUInt32LE(fields.inodesPerGroup, 0x28);
  block.writeUInt16LE(0xffff, 0x36); // s_max_mnt_count: never check by count
  block.writeUInt16LE(0xef53, 0x38);
  block.writeUInt16LE(1, 0x3a); // s_state: clean
  block.writeUInt16LE(1, 0x3c); // s_errors: continue
  block.writeUInt32LE(1, 0x4c); // s_rev_level: dynamic
  block.writeUInt32LE(FIRST_INODE, 0x54);
  block.writeUInt16LE(INODE_SIZE, 0x58);
  block.writeUInt16LE(group, 0x5a);
  writeFeatures(block, fields);
  block.set(identity.uuid, 0x68);
  block.write(identity.label, 0x78, 16, 'utf8');
  block.writeUInt16LE(geometry.reservedDescriptorBlocks, 0xce);
  identity.hashSeed.forEach((word, index) => {
    block.writeUInt32LE(word >>> 0, 0xec + index * 4);
  });
  block.writeUInt8(HALF_MD4, 0xfc);
  block.writeUInt16LE(DESCRIPTOR_SIZE, 0xfe);
  block.writeUInt32LE(DEFAULT_MOUNT_OPTIONS, 0x100);
  if (fields.journal !== undefined) writeJournalSpare(block, fields.journal);
  block.writeUInt32LE(Math.floor(geometry.blockCount / 2 ** 32), 0x150);
  block.writeUInt32LE(Math.floor(fields.freeBlocks / 2 ** 32), 0x158);
  block.writeUInt16LE(EXTRA_ISIZE, 0x15c);
  block.writeUInt16LE(EXTRA_ISIZE, 0x15e);
  block.writeUInt32LE(UNSIGNED_DIRECTORY_HASH, 0x160);
  block.writeUInt8(4, 0x174); // s_log_groups_per_flex
  block.writeUInt8(CRC32C, 0x175);
  block.writeUInt32LE(overheadBlocks(fields), 0x248);
  block.writeUInt32LE(crc32c(0xffffffff, block, 0, 0x3fc), 0x3fc);
  return block;
}

function writeFeatures(block: Buffer, { geometry, journal }: SuperblockFields): void {
  block.writeUInt32LE(
    Compatible.EXT_ATTR |
      Compatible.DIR_INDEX |
      (journal === undefined ? 0 : Compatible.HAS_JOURNAL) |
      (geometry.reservedDescriptorBlocks > 0 ? Compatible.RESIZE_INODE : 0),
    0x5c,
  );
  block.writeUInt32LE(orAll(Incompatible), 0x60);
  block.writeUInt32LE(orAll(ReadOnlyCompatible), 0x64);
}

function writeJournalSpare(block: Buffer, journal: { blockArea: Uint8Array; size: number }): void {
  block.writeUInt32LE(JOURNAL_INODE, 0xe0);
  block.writeUInt8(1, 0xfd); // s_jnl_backup_type: s_jnl_blocks holds a copy of the inode
  block.set(journal.blockArea, 0x10c);
  block.writeUInt32LE(Math.floor(journal.size / 2 ** 32), 0x10c + 60);
  block.writeUInt32LE(journal.size % 2 ** 32, 0x10c + 64);
}

function orAll(flags: Readonly<Record<string, number>>): number {
  return Object.values(flags).reduce((all, flag) => all | flag, 0);
}
