/*
 * The clocks. Only server/, journal/ and sync/ threads and main read them; core/ and http/ get
 * time as an argument.
 */
#ifndef SR_BASE_CLOCK_H
#define SR_BASE_CLOCK_H

#include <stdint.h>

/* Nanoseconds of CLOCK_MONOTONIC: for intervals and deadlines. */
uint64_t sr_clock_monotonic_ns(void);

/* The same in milliseconds. */
uint64_t sr_clock_monotonic_ms(void);

/* Processor time of the calling thread, in nanoseconds. */
uint64_t sr_clock_thread_ns(void);

/* Milliseconds since 1970-01-01 UTC: for people and logs, never for intervals. */
uint64_t sr_clock_wall_ms(void);

#endif
