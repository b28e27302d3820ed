/**
 * Numbers of the ext4 on-disk format, as the kernel documents them (Documentation/filesystems/ext4, fs/ext4/ext4.h). All
 * integers on disk are little-endian, except in the journal.
 */

/** The only block size written here: the page size of every guest. */
export const BLOCK_SIZE = 4096;
/** One bitmap block describes a group, so a group has as many blocks as a block has bits. */
export const BLOCKS_PER_GROUP = BLOCK_SIZE * 8;
export const INODE_SIZE = 256;
export const INODES_PER_BLOCK = BLOCK_SIZE / INODE_SIZE;
/** Group descriptors are 64 bytes with the 64bit feature. */
export const DESCRIPTOR_SIZE = 64;
export const DESCRIPTORS_PER_BLOCK = BLOCK_SIZE / DESCRIPTOR_SIZE;
/** Bytes of an inode used beyond the original 128: checksum, nanoseconds, creation time. */
export const EXTRA_ISIZE = 32;

export const ROOT_INODE = 2;
export const RESIZE_INODE = 7;
export const JOURNAL_INODE = 8;
/** First inode that is not reserved; lost+found by convention. */
export const FIRST_INODE = 11;

/** The most names a directory's link count expresses; beyond it dir_nlink stores 1. */
export const MAX_LINKS = 65_000;

/** Sectors, the unit of i_blocks, in a block. */
export const SECTORS_PER_BLOCK = BLOCK_SIZE / 512;

/** Inode flag bits (i_flags). */
export const InodeFlag = { INDEX: 0x1000, EXTENTS: 0x80000 } as const;

/** File type bits of i_mode. */
export const FileType = {
  fifo: 0o010000,
  'character-device': 0o020000,
  directory: 0o040000,
  'block-device': 0o060000,
  file: 0o100000,
  symlink: 0o120000,
} as const;

/** File type bytes in directory entries. */
export const DirentType = {
  file: 1,
  directory: 2,
  'character-device': 3,
  'block-device': 4,
  fifo: 5,
  symlink: 7,
} as const;

/** Group descriptor flags (bg_flags). */
export const GroupFlag = { INODE_UNINIT: 1, BLOCK_UNINIT: 2, INODE_ZEROED: 4 } as const;
