/*
 * Latencies in buckets whose width grows with the value, so that a percentile is right within
 * 1.6 % from nanoseconds to hours. Fixed memory, no allocation, one thread. Pure.
 */
#ifndef BENCH_LOAD_LATENCY_H
#define BENCH_LOAD_LATENCY_H

#include <stdint.h>

#define LATENCY_SUB_BITS 6 /* 64 buckets for each power of two */
#define LATENCY_BUCKETS ((64 - LATENCY_SUB_BITS + 1) << LATENCY_SUB_BITS)

struct latency {
    uint64_t count;
    uint64_t max_ns;
    uint64_t buckets[LATENCY_BUCKETS];
};

/* Counts one latency in nanoseconds. The caller zeroed the struct before the first. */
void latency_add(struct latency *latency, uint64_t ns);

/* The smallest bucket's upper end below or at which `share` (0 to 1) of all values lie, in
 * nanoseconds, never above the largest value; 0 when nothing was counted. */
uint64_t latency_percentile_ns(const struct latency *latency, double share);

#endif
