/*
 * Checked and wide arithmetic: totals move only through these. Pure.
 */
#ifndef SR_BASE_ARITH_H
#define SR_BASE_ARITH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

__extension__ typedef __int128 sr_wide; /* sums of a few 64-bit values never leave it */

/* *ret_sum = a + b; false, and ret_sum untouched, where that leaves the signed 64-bit range. */
static inline bool sr_add_i64(int64_t a, int64_t b, int64_t *ret_sum)
{
    int64_t sum;

    if (__builtin_add_overflow(a, b, &sum)) {
        return false;
    }
    *ret_sum = sum;
    return true;
}

/* The same for sizes. */
static inline bool sr_add_size(size_t a, size_t b, size_t *ret_sum)
{
    size_t sum;

    if (__builtin_add_overflow(a, b, &sum)) {
        return false;
    }
    *ret_sum = sum;
    return true;
}

static inline bool sr_wide_fits_i64(sr_wide value)
{
    return value >= INT64_MIN && value <= INT64_MAX;
}

/* Rounds up to a multiple of a power of two. */
static inline size_t sr_round_up(size_t size, size_t power_of_two)
{
    return (size + power_of_two - 1) & ~(power_of_two - 1);
}

#endif
