/*
 * A histogram with fixed bounds.
 */
#include "base/histogram.h"

const struct sr_histogram_bounds sr_bounds_time_ns = {
    .count = 18,
    .upper = {50000, 100000, 200000, 300000, 500000, 1000000, 2000000, 5000000, 10000000,
              20000000, 50000000, 100000000, 200000000, 500000000, 1000000000, 2000000000,
              5000000000, 10000000000},
};

const struct sr_histogram_bounds sr_bounds_age_ms = {
    .count = 15,
    .upper = {100, 500, 1000, 2000, 5000, 10000, 20000, 30000, 60000, 120000, 300000, 600000,
              1800000, 3600000, 86400000},
};

const struct sr_histogram_bounds sr_bounds_count = {
    .count = 15,
    .upper = {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 10000, 100000, 1000000, 5000000,
              10000000},
};

const struct sr_histogram_bounds sr_bounds_bytes = {
    .count = 11,
    .upper = {64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864},
};

void sr_histogram_init(struct sr_histogram *histogram, const struct sr_histogram_bounds *bounds)
{
    histogram->bounds = bounds;
    atomic_init(&histogram->sum, 0);
    for (uint32_t i = 0; i <= SR_HISTOGRAM_BOUNDS_MAX; i++) {
        atomic_init(&histogram->buckets[i], 0);
    }
}
