/*
 * A histogram with fixed bounds. One writer thread, any number of readers; relaxed atomics,
 * since a scrape may be a moment behind. No allocation.
 */
#ifndef SR_BASE_HISTOGRAM_H
#define SR_BASE_HISTOGRAM_H

#include <stdatomic.h>
#include <stdint.h>

#define SR_HISTOGRAM_BOUNDS_MAX 24

/* Upper bounds (inclusive, as Prometheus' le), ascending; the last bucket beyond them is +Inf.
 */
struct sr_histogram_bounds {
    uint32_t count;
    uint64_t upper[SR_HISTOGRAM_BOUNDS_MAX];
};

extern const struct sr_histogram_bounds sr_bounds_time_ns; /* 50 us to 10 s, in nanoseconds */
extern const struct sr_histogram_bounds sr_bounds_age_ms;  /* 100 ms to a day */
extern const struct sr_histogram_bounds sr_bounds_count; /* 1 to 10,000,000 rows, records ... */
extern const struct sr_histogram_bounds sr_bounds_bytes; /* 64 bytes to 64 MiB */

struct sr_histogram {
    _Atomic uint64_t buckets[SR_HISTOGRAM_BOUNDS_MAX + 1]; /* not cumulative */
    _Atomic uint64_t sum;
    const struct sr_histogram_bounds *bounds;
};

/* Empty, with bounds that outlive it. */
void sr_histogram_init(struct sr_histogram *histogram,
                       const struct sr_histogram_bounds *bounds);

/* Counts one value, by the one writer. */
void sr_histogram_add(struct sr_histogram *histogram, uint64_t value);

/* Counts a value so many times. */
void sr_histogram_add_many(struct sr_histogram *histogram, uint64_t value, uint64_t times);

#endif
