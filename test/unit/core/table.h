/*
 * A counter table for tests, with a turn and short words for what is done to it.
 */
#ifndef TEST_CORE_TABLE_H
#define TEST_CORE_TABLE_H

#include "core/counters.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct table {
    struct counters *counters;
    struct counters_turn turn;   /* as begun: epoch 10 is open, 9 applied, tick 100, may wait */
    struct counters_outcome out; /* of the last operation */
};

#define TABLE_EPOCH 10U
#define TABLE_TICK 100U

/* Opens a table; shards as in counters_options. */
void table_init(struct table *t, size_t memory_max, uint32_t shards);

/* Asserts that the table's invariants hold, then closes it. */
void table_done(struct table *t);

enum counters_status table_add(struct table *t, const char *key, int64_t value);
enum counters_status table_set(struct table *t, const char *key, int64_t value);
enum counters_status table_delete(struct table *t, const char *key);
enum counters_status table_read(struct table *t, const char *key);

/* The same, which must be DONE with this total. */
void table_adds(struct table *t, const char *key, int64_t value, int64_t total);
void table_reads(struct table *t, const char *key, int64_t total);

/* A read that must wait; returns the entry, whose load this caller is to start. The pin stays.
 */
counters_ref table_wait(struct table *t, const char *key);

/* Loads a key that is not known, as of an epoch: wait, install, unpin. */
void table_load_at(struct table *t, const char *key, int64_t value, uint64_t epoch);
void table_load(struct table *t, const char *key, int64_t value); /* as of the applied epoch */
void table_load_absent(struct table *t, const char *key);

/* Opens the next epoch; the turn stays in the one before until table_next_turn. */
void table_tick(struct table *t);
void table_next_turn(struct table *t);

/* Collects the epoch before the open one. */
struct counters_sealed table_collect(struct table *t);

/* Publishes the sealed epoch as applied, completes it and frees it. */
void table_complete(struct table *t, struct counters_sealed *sealed,
                    const struct counters_base *bases);

/* Tick, next turn, collect, complete without bases: what was dirty is clean and unknown. */
void table_flush(struct table *t);

struct counters_stats table_stats(struct table *t);

#endif
