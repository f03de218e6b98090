/*
 * A counter table for tests.
 */
#include "table.h"

static uint64_t hash_of(const struct table *t, const char *key)
{
    return counters_hash(t->counters, sr_span_text(key));
}

void table_init(struct table *t, size_t memory_max, uint32_t shards)
{
    struct counters_options options = {.memory_max = memory_max,
                                       .hash_key = {7, 11},
                                       .shard_count = shards};
    struct sr_err err = {.text = ""};

    *t = (struct table){.turn = {.epoch = TABLE_EPOCH, .tick = TABLE_TICK, .may_wait = true}};
    if (counters_open(&options, &t->counters, &err) != SR_OK) {
        fail_msg("%s", err.text);
    }
    counters_set_applied(t->counters, TABLE_EPOCH - 1);
    counters_open_epoch(t->counters, TABLE_EPOCH);
}

void table_done(struct table *t)
{
    assert_true(counters_valid(t->counters));
    counters_close(&t->counters);
    assert_null(t->counters);
}

enum counters_status table_add(struct table *t, const char *key, int64_t value)
{
    return counters_increment(t->counters, &t->turn, sr_span_text(key), hash_of(t, key), value,
                              &t->out);
}

enum counters_status table_set(struct table *t, const char *key, int64_t value)
{
    return counters_replace(t->counters, &t->turn, sr_span_text(key), hash_of(t, key),
                            SR_CHANGE_SET, value, &t->out);
}

enum counters_status table_delete(struct table *t, const char *key)
{
    return counters_replace(t->counters, &t->turn, sr_span_text(key), hash_of(t, key),
                            SR_CHANGE_DELETE, 0, &t->out);
}

enum counters_status table_read(struct table *t, const char *key)
{
    return counters_read(t->counters, &t->turn, sr_span_text(key), hash_of(t, key), &t->out);
}

void table_adds(struct table *t, const char *key, int64_t value, int64_t total)
{
    assert_int_equal(table_add(t, key, value), COUNTERS_DONE);
    assert_true(t->out.total == total);
}

void table_reads(struct table *t, const char *key, int64_t total)
{
    assert_int_equal(table_read(t, key), COUNTERS_DONE);
    assert_true(t->out.total == total);
}

counters_ref table_wait(struct table *t, const char *key)
{
    assert_int_equal(table_read(t, key), COUNTERS_WAIT_LOAD);
    assert_true(t->out.start_load);
    assert_true(t->out.pinned);
    assert_int_not_equal(t->out.ref, 0);
    return t->out.ref;
}

static void load(struct table *t, const char *key, const int64_t *value, uint64_t epoch)
{
    counters_ref ref = table_wait(t, key);

    assert_int_equal(counters_install(t->counters, ref, value == NULL ? 0 : *value,
                                      value != NULL, epoch, t->turn.tick),
                     COUNTERS_INSTALLED);
    counters_unpin(t->counters, ref);
}

void table_load_at(struct table *t, const char *key, int64_t value, uint64_t epoch)
{
    load(t, key, &value, epoch);
}

void table_load(struct table *t, const char *key, int64_t value)
{
    load(t, key, &value, counters_applied(t->counters));
}

void table_load_absent(struct table *t, const char *key)
{
    load(t, key, NULL, counters_applied(t->counters));
}

void table_tick(struct table *t)
{
    counters_open_epoch(t->counters, t->turn.epoch + 1);
}

void table_next_turn(struct table *t)
{
    t->turn.epoch++;
    t->turn.tick++;
}

struct counters_sealed table_collect(struct table *t)
{
    struct counters_sealed sealed;

    assert_int_equal(counters_collect(t->counters, t->turn.epoch - 1, &sealed, NULL), SR_OK);
    assert_int_equal(sealed.epoch, t->turn.epoch - 1);
    return sealed;
}

void table_complete(struct table *t, struct counters_sealed *sealed,
                    const struct counters_base *bases)
{
    counters_set_applied(t->counters, sealed->epoch);
    counters_complete(t->counters, sealed, bases, t->turn.tick);
    counters_sealed_done(sealed);
    assert_null(sealed->refs);
}

void table_flush(struct table *t)
{
    struct counters_sealed sealed;

    table_tick(t);
    table_next_turn(t);
    sealed = table_collect(t);
    table_complete(t, &sealed, NULL);
}

struct counters_stats table_stats(struct table *t)
{
    struct counters_stats stats;

    counters_stats(t->counters, &stats);
    return stats;
}
