/*
 * Numbered keys of a chosen size, and operations on them by number.
 */
#ifndef TEST_CORE_KEYS_H
#define TEST_CORE_KEYS_H

#include "table.h"

#include <stdint.h>
#include <string.h>

/* Key `number` of `size` bytes (at least 8): x's and then eight digits of base 32. */
static inline struct sr_span numbered_key(char buffer[SR_KEY_SIZE_MAX], uint64_t number,
                                          size_t size)
{
    static const char digits[33] = "0123456789abcdefghijklmnopqrstuv";

    memset(buffer, 'x', size - 8);
    for (size_t i = size; i-- > size - 8; number /= 32) {
        buffer[i] = digits[number % 32];
    }
    return (struct sr_span){.data = (const uint8_t *)buffer, .size = size};
}

static inline enum counters_status add_numbered(struct table *t, uint64_t number, size_t size,
                                                int64_t value)
{
    char buffer[SR_KEY_SIZE_MAX];
    struct sr_span key = numbered_key(buffer, number, size);

    return counters_increment(t->counters, &t->turn, key, counters_hash(t->counters, key),
                              value, &t->out);
}

static inline enum counters_status read_numbered(struct table *t, uint64_t number, size_t size)
{
    char buffer[SR_KEY_SIZE_MAX];
    struct sr_span key = numbered_key(buffer, number, size);

    return counters_read(t->counters, &t->turn, key, counters_hash(t->counters, key), &t->out);
}

/* Reads a key and, where it is not known, loads it with this value. False: the table is full.
 */
static inline bool cache_numbered(struct table *t, uint64_t number, size_t size, int64_t value)
{
    enum counters_status status = read_numbered(t, number, size);

    if (status == COUNTERS_TABLE_FULL) {
        return false;
    }
    if (status == COUNTERS_WAIT_LOAD) {
        counters_ref ref = t->out.ref;

        assert_true(t->out.start_load && t->out.pinned);
        assert_int_equal(counters_install(t->counters, ref, value, true,
                                          counters_applied(t->counters), t->turn.tick),
                         COUNTERS_INSTALLED);
        status = read_numbered(t, number, size);
        counters_unpin(t->counters, ref);
    }
    assert_int_equal(status, COUNTERS_DONE);
    assert_true(t->out.total == value);
    return true;
}

#endif
