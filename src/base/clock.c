/*
 * The clocks.
 */
#include "base/clock.h"

#include <time.h>

static uint64_t read_clock(clockid_t clock)
{
    struct timespec now;

    (void)clock_gettime(clock, &now); /* cannot fail for these clocks and a valid pointer */
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

uint64_t sr_clock_monotonic_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

uint64_t sr_clock_monotonic_ms(void)
{
    return sr_clock_monotonic_ns() / 1000000U;
}

uint64_t sr_clock_thread_ns(void)
{
    return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

uint64_t sr_clock_wall_ms(void)
{
    return read_clock(CLOCK_REALTIME) / 1000000U;
}
