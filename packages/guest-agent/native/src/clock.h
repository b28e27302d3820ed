#ifndef BOXLITE_CLOCK_H
#define BOXLITE_CLOCK_H

#include <stdint.h>

/* CLOCK_MONOTONIC in microseconds. */
uint64_t monotonic_us(void);
/* CLOCK_BOOTTIME in microseconds: since the kernel began. */
uint64_t boottime_us(void);
/* The earlier of two times, of which 0 means never. */
uint64_t earlier(uint64_t first, uint64_t second);

#endif
