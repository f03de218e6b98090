/*
 * Log-linear buckets: values below 64 have a bucket each, every later power of two has 64.
 */
#include "load/latency.h"

#include "base/check.h"

#define SUB_COUNT (1U << LATENCY_SUB_BITS)

/* How many low bits of a value its bucket ignores. */
static uint32_t ignored_bits(uint64_t ns)
{
    uint32_t bits = ns == 0 ? 0 : 64 - (uint32_t)__builtin_clzll(ns);

    return bits <= LATENCY_SUB_BITS + 1 ? 0 : bits - LATENCY_SUB_BITS - 1;
}

static uint32_t bucket_of(uint64_t ns)
{
    uint32_t ignored = ignored_bits(ns);

    return (ignored << LATENCY_SUB_BITS) + (uint32_t)(ns >> ignored);
}

/* The largest value that falls into a bucket. */
static uint64_t bucket_upper_ns(uint32_t bucket)
{
    uint32_t ignored = bucket < 2 * SUB_COUNT ? 0 : (bucket >> LATENCY_SUB_BITS) - 1;
    uint64_t leading = bucket - (ignored << LATENCY_SUB_BITS);

    return ((leading + 1) << ignored) - 1;
}

void latency_add(struct latency *latency, uint64_t ns)
{
    uint32_t bucket = bucket_of(ns);

    SR_CHECK(bucket < LATENCY_BUCKETS);
    latency->buckets[bucket]++;
    latency->count++;
    latency->max_ns = ns > latency->max_ns ? ns : latency->max_ns;
}

uint64_t latency_percentile_ns(const struct latency *latency, double share)
{
    double wanted = share * (double)latency->count;
    uint64_t seen = 0;

    for (uint32_t i = 0; i < LATENCY_BUCKETS && latency->count > 0; i++) {
        seen += latency->buckets[i];
        if (seen > 0 && (double)seen >= wanted) {
            uint64_t upper = bucket_upper_ns(i);

            return upper < latency->max_ns ? upper : latency->max_ns;
        }
    }
    return 0;
}
