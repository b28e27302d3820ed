#include "ext4-growth.h"

#include <stdbool.h>

/* Offsets and values of struct ext4_super_block (fs/ext4/ext4.h). */
#define BLOCKS_COUNT_LO 0x04
#define LOG_BLOCK_SIZE 0x18
#define MAGIC 0x38
#define FEATURE_INCOMPAT 0x60
#define BLOCKS_COUNT_HI 0x150
#define EXT4_MAGIC 0xef53u
#define INCOMPAT_64BIT 0x80u
/* 64 KiB: EXT4_MAX_BLOCK_LOG_SIZE less the 10 bits of the unit. */
#define LARGEST_LOG_BLOCK_SIZE 6u

static uint32_t read_le32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static bool is_understood(const uint8_t superblock[EXT4_SUPERBLOCK_BYTES])
{
    return (read_le32(superblock + MAGIC) & 0xffffu) == EXT4_MAGIC && read_le32(superblock + LOG_BLOCK_SIZE) <= LARGEST_LOG_BLOCK_SIZE;
}

uint64_t ext4_blocks(const uint8_t superblock[EXT4_SUPERBLOCK_BYTES])
{
    if (!is_understood(superblock))
        return 0;
    uint64_t blocks = read_le32(superblock + BLOCKS_COUNT_LO);
    if ((read_le32(superblock + FEATURE_INCOMPAT) & INCOMPAT_64BIT) != 0)
        blocks |= (uint64_t)read_le32(superblock + BLOCKS_COUNT_HI) << 32;
    return blocks;
}

uint64_t ext4_growth_blocks(const uint8_t superblock[EXT4_SUPERBLOCK_BYTES], uint64_t device_bytes)
{
    if (!is_understood(superblock))
        return 0;
    uint64_t block_size = (uint64_t)1024 << read_le32(superblock + LOG_BLOCK_SIZE);
    uint64_t blocks = ext4_blocks(superblock);
    uint64_t wanted = device_bytes / block_size;
    if (wanted <= blocks || wanted - blocks < EXT4_LEAST_GROWTH_BYTES / block_size)
        return 0;
    return wanted;
}
