/* Whether an ext4 file system should be made larger. Pure: a superblock and a size in, a number of blocks out. */
#ifndef BOXLITE_EXT4_GROWTH_H
#define BOXLITE_EXT4_GROWTH_H

#include <stdint.h>

/* Where the superblock lies on the device, and how much of it is looked at. */
#define EXT4_SUPERBLOCK_OFFSET 1024u
#define EXT4_SUPERBLOCK_BYTES 1024u

/*
 * A device that is larger by less is left alone: a file system ends before a last group that is too small to be of use
 * (at most 129 blocks of descriptors, bitmaps and an inode table), and would otherwise be "grown" at every start.
 */
#define EXT4_LEAST_GROWTH_BYTES (16u << 20)

/* Blocks the file system has; 0 when this is no ext4 the agent understands. */
uint64_t ext4_blocks(const uint8_t superblock[EXT4_SUPERBLOCK_BYTES]);

/* Blocks of the file system once it fills the device, or 0: it does, or this is no ext4 the agent understands. */
uint64_t ext4_growth_blocks(const uint8_t superblock[EXT4_SUPERBLOCK_BYTES], uint64_t device_bytes);

#endif
