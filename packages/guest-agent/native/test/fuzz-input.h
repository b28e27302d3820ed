/* Reproducible random input for the fuzzers. Usage of each: PROGRAM SEED COUNT; a failing seed is printed by the sanitizer's abort. */
#ifndef BOXLITE_FUZZ_INPUT_H
#define BOXLITE_FUZZ_INPUT_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t fuzz_state;

/* xorshift64*: enough to spread, the same everywhere. */
static inline uint64_t fuzz_next(void)
{
    fuzz_state ^= fuzz_state >> 12;
    fuzz_state ^= fuzz_state << 25;
    fuzz_state ^= fuzz_state >> 27;
    return fuzz_state * 0x2545f4914f6cdd1dull;
}

static inline uint64_t fuzz_below(uint64_t bound)
{
    return fuzz_next() % bound;
}

/* Reads the arguments; each round begins with a state that depends on seed and round alone, so that one round can be run again. */
static inline void fuzz_arguments(int count, char **arguments, uint64_t *seed, uint64_t *rounds)
{
    if (count != 3) {
        fprintf(stderr, "usage: %s SEED COUNT\n", arguments[0]);
        exit(64);
    }
    *seed = strtoull(arguments[1], NULL, 10);
    *rounds = strtoull(arguments[2], NULL, 10);
}

static inline void fuzz_round(uint64_t seed, uint64_t round)
{
    fuzz_state = (seed + round) * 0x9e3779b97f4a7c15ull + 1;
    if (fuzz_state == 0)
        fuzz_state = 1;
    (void)fuzz_next();
}

#endif
