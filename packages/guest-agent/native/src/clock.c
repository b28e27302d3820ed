#include "clock.h"

#include <time.h>

static uint64_t microseconds(clockid_t clock)
{
    struct timespec now;
    /* Cannot fail for these two clocks; zero keeps deadlines in the past, which is the safe side. */
    if (clock_gettime(clock, &now) != 0)
        return 0;
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

uint64_t monotonic_us(void)
{
    return microseconds(CLOCK_MONOTONIC);
}

uint64_t boottime_us(void)
{
    return microseconds(CLOCK_BOOTTIME);
}

uint64_t earlier(uint64_t first, uint64_t second)
{
    if (first == 0 || second == 0)
        return first + second;
    return first < second ? first : second;
}
