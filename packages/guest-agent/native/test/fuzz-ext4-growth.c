/* Superblocks of hostile disks, through what decides about growth: a file system never shrinks, never passes its device, never moves by little. */
#include "ext4-growth.h"

#include <stdbool.h>

#include "fuzz-input.h"

static uint8_t superblock[EXT4_SUPERBLOCK_BYTES];

static void put(size_t offset, size_t bytes, uint64_t value)
{
    for (size_t index = 0; index < bytes; index++)
        superblock[offset + index] = (uint8_t)(value >> (8 * index));
}

int main(int count, char **arguments)
{
    uint64_t seed, rounds, grown = 0;
    fuzz_arguments(count, arguments, &seed, &rounds);
    for (uint64_t round = 0; round < rounds; round++) {
        fuzz_round(seed, round);
        for (size_t index = 0; index < sizeof superblock; index++)
            superblock[index] = (uint8_t)fuzz_next();
        bool is_ext4 = fuzz_below(4) != 0;
        uint64_t log_size = fuzz_below(8) != 0 ? 2 : fuzz_next() & 0xffffffffu;
        bool wide = fuzz_below(2) != 0;
        uint64_t blocks = fuzz_next() >> (fuzz_below(2) != 0 ? 40 : fuzz_below(64));
        put(0x38, 2, is_ext4 ? 0xef53 : fuzz_next() & 0x7fff);
        put(0x18, 4, log_size);
        put(0x60, 4, (fuzz_next() & ~(uint64_t)0x80) | (wide ? 0x80 : 0));
        put(0x04, 4, blocks);
        put(0x150, 4, blocks >> 32);
        if (!wide)
            blocks &= 0xffffffffu;
        uint64_t device = fuzz_next() >> fuzz_below(64);
        if (ext4_blocks(superblock) != (is_ext4 && log_size <= 6 ? blocks : 0))
            abort();
        uint64_t wanted = ext4_growth_blocks(superblock, device);
        if (wanted == 0)
            continue;
        grown++;
        if (!is_ext4 || log_size > 6 || wanted <= blocks || wanted > device >> (10 + log_size))
            abort();
        if ((wanted - blocks) << (10 + log_size) < EXT4_LEAST_GROWTH_BYTES)
            abort();
    }
    printf("%llu of %llu file systems grown\n", (unsigned long long)grown, (unsigned long long)rounds);
    return grown == 0 && rounds >= 1000;
}
