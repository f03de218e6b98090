/*
 * What Prometheus expects of every process (process_*), from the kernel's files.
 */
#ifndef SR_METRICS_PROCESS_H
#define SR_METRICS_PROCESS_H

#include <stdint.h>

/* A figure that the kernel does not tell is 0. */
struct process_stats {
    uint64_t cpu_ns;                        /* user and system time of all threads */
    uint64_t resident_bytes, virtual_bytes; /* memory */
    uint64_t open_fds, max_fds;             /* descriptors and their limit */
    uint64_t threads;
    uint64_t start_time_ms;                            /* since 1970-01-01 UTC */
    uint64_t voluntary_switches, involuntary_switches; /* of context, all threads */
    uint64_t major_faults;                             /* pages read from a disk */
    uint64_t heap_bytes;                               /* malloc's, in use */
};

void process_stats_read(struct process_stats *ret_stats);

#endif
