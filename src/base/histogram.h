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

/* ---- the one writer ---- */

/* A relaxed load and store: enough for one writer, and no locked instruction. */
static inline void sr_histogram_bump(_Atomic uint64_t *at, uint64_t by)
{
    atomic_store_explicit(at, atomic_load_explicit(at, memory_order_relaxed) + by,
                          memory_order_relaxed);
}

/* The index of the bucket that a value belongs to. */
static inline uint32_t sr_histogram_bucket(const struct sr_histogram_bounds *bounds,
                                           uint64_t value)
{
    uint32_t i = 0;

    while (i < bounds->count && value > bounds->upper[i]) {
        i++;
    }
    return i;
}

/* Counts a value, whose bucket is known, so many times. */
static inline void sr_histogram_put(struct sr_histogram *histogram, uint32_t bucket,
                                    uint64_t value, uint64_t times)
{
    sr_histogram_bump(&histogram->buckets[bucket], times);
    sr_histogram_bump(&histogram->sum, value * times);
}

/* Counts one value. */
static inline void sr_histogram_add(struct sr_histogram *histogram, uint64_t value)
{
    sr_histogram_put(histogram, sr_histogram_bucket(histogram->bounds, value), value, 1);
}

#endif
