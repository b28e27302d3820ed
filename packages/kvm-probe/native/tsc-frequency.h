#ifndef TSC_FREQUENCY_H
#define TSC_FREQUENCY_H

#include <stdbool.h>
#include <stdint.h>

/* The time stamp counter and the clock, read together. */
struct tsc_sample {
    uint64_t tsc;
    int64_t nanoseconds;
};

bool tsc_sample_take(struct tsc_sample *sample);

/* Waits until enough time has passed since `first`, and returns the counter's frequency in kHz; 0 if it cannot be told. */
uint32_t tsc_frequency_khz(const struct tsc_sample *first);

#endif
