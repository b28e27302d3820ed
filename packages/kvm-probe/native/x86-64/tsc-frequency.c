#include "../tsc-frequency.h"

#include <time.h>

enum {
    ATTEMPTS = 8,
    /* The two readings of a sample are some 50 ns apart: 5 ppm of this. */
    INTERVAL_NANOSECONDS = 10 * 1000 * 1000,
    NANOSECONDS_PER_SECOND = 1000 * 1000 * 1000,
};

static bool clock_now(int64_t *nanoseconds)
{
    struct timespec now;

    /* RAW: not slewed by NTP, which over ten milliseconds would be taken for frequency. */
    if (clock_gettime(CLOCK_MONOTONIC_RAW, &now) < 0)
        return false;
    *nanoseconds = (int64_t)now.tv_sec * NANOSECONDS_PER_SECOND + now.tv_nsec;
    return true;
}

bool tsc_sample_take(struct tsc_sample *sample)
{
    int64_t smallest_gap = INT64_MAX;

    /* The attempt in which nothing came between the readings is the best one. */
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        int64_t before, after;
        uint64_t tsc;

        if (!clock_now(&before))
            return false;
        tsc = __builtin_ia32_rdtsc();
        if (!clock_now(&after))
            return false;
        if (after - before >= smallest_gap)
            continue;
        smallest_gap = after - before;
        *sample = (struct tsc_sample){.tsc = tsc, .nanoseconds = before + (after - before) / 2};
    }
    return true;
}

uint32_t tsc_frequency_khz(const struct tsc_sample *first)
{
    struct tsc_sample last;
    int64_t elapsed;

    if (!clock_now(&elapsed))
        return 0;
    elapsed -= first->nanoseconds;
    if (elapsed < INTERVAL_NANOSECONDS) {
        const struct timespec rest = {.tv_nsec = INTERVAL_NANOSECONDS - elapsed};
        /* An early end by a signal only makes the result less precise. */
        (void)nanosleep(&rest, NULL);
    }
    if (!tsc_sample_take(&last) || last.tsc <= first->tsc || last.nanoseconds <= first->nanoseconds)
        return 0;
    return (uint32_t)((double)(last.tsc - first->tsc) * 1e6 / (double)(last.nanoseconds - first->nanoseconds) + 0.5);
}
