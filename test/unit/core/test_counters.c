/*
 * Increments and reads: waiting for loads, totals, ages of bases, ends of ranges.
 */
#include "table.h"

#include "core/counters_internal.h"

#include <string.h>

#define MEMORY ((size_t)4 << 20)

static int setup(void **state)
{
    static struct table table;

    table_init(&table, MEMORY, 0);
    *state = &table;
    return 0;
}

static int teardown(void **state)
{
    table_done(*state);
    return 0;
}

/* The entry of a key, to bring it to states that would take years. */
static struct entry *entry_of(struct table *t, const char *key)
{
    struct sr_span span = sr_span_text(key);
    uint64_t hash = counters_hash(t->counters, span);
    counters_ref ref =
        counters_find(t->counters, counters_shard_of_hash(t->counters, hash), span, hash);

    assert_int_not_equal(ref, 0);
    return arena_entry(&t->counters->arena, ref);
}

static void a_new_key_waits_for_its_load_and_nothing_is_counted(void **state)
{
    struct table *t = *state;

    assert_int_equal(table_add(t, "k", 5), COUNTERS_WAIT_LOAD);
    assert_true(t->out.start_load);
    assert_true(t->out.pinned);
    assert_int_not_equal(t->out.ref, 0);
    assert_int_equal(table_stats(t).keys, 1);
    assert_int_equal(table_stats(t).loading, 1);
    assert_int_equal(table_stats(t).dirty[0] + table_stats(t).dirty[1], 0);
}

static void a_second_waiter_starts_no_second_load(void **state)
{
    struct table *t = *state;
    counters_ref ref = table_wait(t, "k");

    assert_int_equal(table_add(t, "k", 5), COUNTERS_WAIT_LOAD);
    assert_false(t->out.start_load);
    assert_true(t->out.pinned);
    assert_int_equal(t->out.ref, ref);
    assert_int_equal(table_stats(t).loading, 1);
}

static void the_sixteenth_waiter_holds_no_pin(void **state)
{
    struct table *t = *state;
    counters_ref ref = table_wait(t, "k");

    for (int i = 0; i < 14; i++) {
        assert_int_equal(table_read(t, "k"), COUNTERS_WAIT_LOAD);
        assert_true(t->out.pinned);
    }
    assert_int_equal(table_read(t, "k"), COUNTERS_WAIT_LOAD);
    assert_false(t->out.pinned);
    assert_false(t->out.start_load);
    counters_unpin(t->counters, ref);
    assert_int_equal(table_read(t, "k"), COUNTERS_WAIT_LOAD);
    assert_true(t->out.pinned);
    for (int i = 0; i < 15; i++) {
        counters_unpin(t->counters, ref);
    }
    assert_true(counters_loading(t->counters, ref));
}

static void a_loaded_row_and_the_increments_make_the_total(void **state)
{
    struct table *t = *state;

    table_load(t, "k", 100);
    table_adds(t, "k", 5, 105);
    table_adds(t, "k", -10, 95);
    table_adds(t, "k", 0, 95);
    table_reads(t, "k", 95);
    assert_true(t->out.synced_known);
    assert_int_equal(t->out.synced, 100);
    assert_int_equal(table_stats(t).dirty[TABLE_EPOCH & 1], 1);
}

static void an_absent_row_counts_from_zero(void **state)
{
    struct table *t = *state;

    table_load_absent(t, "k");
    assert_int_equal(table_read(t, "k"), COUNTERS_ABSENT);
    table_adds(t, "k", 2, 2);
    table_reads(t, "k", 2);
    assert_true(t->out.synced_known);
    assert_int_equal(t->out.synced, 0);
}

static void a_row_of_zero_is_there(void **state)
{
    struct table *t = *state;

    table_load(t, "k", 0);
    table_reads(t, "k", 0);
}

static void an_increment_of_zero_counts_a_new_key(void **state)
{
    struct table *t = *state;

    table_load_absent(t, "k");
    table_adds(t, "k", 0, 0);
    table_reads(t, "k", 0);
    assert_int_equal(table_stats(t).dirty[TABLE_EPOCH & 1], 1);
}

static void who_may_not_wait_counts_without_a_total(void **state)
{
    struct table *t = *state;

    t->turn.may_wait = false;
    assert_int_equal(table_add(t, "k", 5), COUNTERS_DONE_UNKNOWN);
    assert_int_equal(table_add(t, "k", 6), COUNTERS_DONE_UNKNOWN);
    assert_int_equal(t->out.generation, 0);
    assert_int_equal(table_read(t, "k"), COUNTERS_STORE_DOWN);
    assert_int_equal(table_read(t, "other"), COUNTERS_STORE_DOWN);
    assert_int_equal(table_stats(t).keys, 1);
    t->turn.may_wait = true;
    table_load(t, "k", 100);
    table_reads(t, "k", 111);
}

static void a_base_is_good_for_two_ticks_and_then_loaded_again(void **state)
{
    struct table *t = *state;

    table_load(t, "k", 100);
    t->turn.tick = TABLE_TICK + 2;
    table_reads(t, "k", 100);
    t->turn.tick = TABLE_TICK + 3;
    assert_int_equal(table_add(t, "k", 1), COUNTERS_WAIT_LOAD);
    assert_true(t->out.start_load);
    assert_true(t->out.refresh);
    assert_int_equal(counters_install(t->counters, t->out.ref, 200, true, TABLE_EPOCH - 1,
                                      t->turn.tick),
                     COUNTERS_INSTALLED);
    counters_unpin(t->counters, t->out.ref);
    table_adds(t, "k", 1, 201);
}

static void a_stale_base_is_good_enough_for_who_may_not_wait(void **state)
{
    struct table *t = *state;

    table_load(t, "k", 100);
    t->turn.tick += 50;
    t->turn.may_wait = false;
    table_reads(t, "k", 100);
    table_adds(t, "k", 1, 101);
}

static void a_slow_store_is_waited_for_by_who_knows_no_base_at_all(void **state)
{
    struct table *t = *state;
    counters_ref ref;

    table_load(t, "k", 100);
    t->turn.tick += 50;
    t->turn.stale_will_do = true;
    table_reads(t, "k", 100);
    table_adds(t, "k", 1, 101);
    ref = table_wait(t, "unknown");
    assert_false(t->out.refresh);
    counters_unpin(t->counters, ref);
}

static void a_touched_key_does_not_age(void **state)
{
    struct table *t = *state;

    table_load(t, "k", 100);
    table_adds(t, "k", 1, 101);
    t->turn.tick += 50;
    table_adds(t, "k", 1, 102);
}

static void a_turn_that_began_before_the_base_came_finds_it_fresh(void **state)
{
    struct table *t = *state;

    table_load(t, "k", 100);
    t->turn.tick -= 3;
    table_reads(t, "k", 100);
}

static void the_tick_may_wrap_around(void **state)
{
    struct table *t = *state;

    t->turn.tick = UINT32_MAX;
    table_load(t, "k", 100);
    t->turn.tick = 1;
    table_reads(t, "k", 100);
    t->turn.tick = 2;
    assert_int_equal(table_read(t, "k"), COUNTERS_WAIT_LOAD);
}

static void a_total_beyond_either_end_is_refused_and_nothing_changed(void **state)
{
    struct table *t = *state;

    table_load(t, "high", INT64_MAX - 1);
    table_adds(t, "high", 1, INT64_MAX);
    assert_int_equal(table_add(t, "high", 1), COUNTERS_OVERFLOW);
    table_reads(t, "high", INT64_MAX);
    table_adds(t, "high", -1, INT64_MAX - 1);
    table_load(t, "low", INT64_MIN);
    assert_int_equal(table_add(t, "low", -1), COUNTERS_OVERFLOW);
    assert_int_equal(table_add(t, "low", INT64_MIN), COUNTERS_OVERFLOW);
    assert_int_equal(table_stats(t).dirty[TABLE_EPOCH & 1], 1);
    table_adds(t, "low", INT64_MAX, -1);
}

/* Base and delta are in range, and their sum is not: other instances added meanwhile. */
static void make_total_too_large(struct table *t, const char *key)
{
    table_load_absent(t, key);
    table_adds(t, key, INT64_MAX, INT64_MAX);
    entry_of(t, key)->base = 10;
    atomic_fetch_or(&entry_of(t, key)->flags, (uint16_t)ENTRY_EXISTS);
}

static void a_total_that_others_pushed_out_is_unknown_not_wrapped(void **state)
{
    struct table *t = *state;

    make_total_too_large(t, "k");
    assert_int_equal(table_read(t, "k"), COUNTERS_STORE_DOWN);
    assert_int_equal(table_add(t, "k", 0), COUNTERS_DONE_UNKNOWN);
    assert_int_equal(table_add(t, "k", -4), COUNTERS_DONE_UNKNOWN);
    assert_int_equal(table_add(t, "k", 1), COUNTERS_OVERFLOW);
    table_adds(t, "k", -6, INT64_MAX);
    table_reads(t, "k", INT64_MAX);
}

static void a_delta_beyond_the_range_waits_for_the_next_epoch(void **state)
{
    struct table *t = *state;

    table_load(t, "k", INT64_MIN);
    table_adds(t, "k", INT64_MAX, -1);
    assert_int_equal(table_add(t, "k", 1), COUNTERS_SLOT_FULL);
    table_reads(t, "k", -1);
    table_tick(t);
    table_next_turn(t);
    table_adds(t, "k", 1, 0);
}

static void unknown_totals_are_bounded_by_their_delta_alone(void **state)
{
    struct table *t = *state;

    t->turn.may_wait = false;
    assert_int_equal(table_add(t, "k", INT64_MIN), COUNTERS_DONE_UNKNOWN);
    assert_int_equal(table_add(t, "k", -1), COUNTERS_SLOT_FULL);
    assert_int_equal(table_add(t, "k", INT64_MAX), COUNTERS_DONE_UNKNOWN);
}

static void keys_of_every_length_are_told_apart(void **state)
{
    struct table *t = *state;
    char key[SR_KEY_SIZE_MAX + 1] = {0};

    t->turn.may_wait = false;
    for (size_t size = 1; size <= SR_KEY_SIZE_MAX; size++) {
        key[size - 1] = 'x';
        assert_int_equal(table_set(t, key, (int64_t)size), COUNTERS_DONE);
    }
    assert_int_equal(table_stats(t).keys, SR_KEY_SIZE_MAX);
    memset(key, 0, sizeof(key));
    for (size_t size = 1; size <= SR_KEY_SIZE_MAX; size++) {
        key[size - 1] = 'x';
        table_reads(t, key, (int64_t)size);
    }
}

static void options_out_of_range_are_refused(void **state)
{
    static const struct counters_options refused[] = {
        {.memory_max = 0},
        {.memory_max = COUNTERS_MEMORY_MIN - 1},
        {.memory_max = COUNTERS_MEMORY_MAX + 1},
        {.memory_max = MEMORY, .shard_count = 3},
        {.memory_max = MEMORY, .shard_count = 512},
        {.memory_max = COUNTERS_MEMORY_MAX, .shard_count = 32768},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        struct counters *counters = NULL;
        struct sr_err err = {.text = ""};

        assert_int_equal(counters_open(&refused[i], &counters, &err), SR_INVALID);
        assert_null(counters);
        assert_int_equal(err.code, SR_INVALID);
        assert_true(strlen(err.text) > 0);
    }
}

static void tables_of_all_sizes_open_and_close(void **state)
{
    (void)state;
    for (size_t memory = COUNTERS_MEMORY_MIN; memory <= COUNTERS_MEMORY_MAX; memory *= 2) {
        struct counters_options options = {.memory_max = memory};
        struct counters *counters = NULL;
        struct counters_stats stats;

        assert_int_equal(counters_open(&options, &counters, NULL), SR_OK);
        counters_stats(counters, &stats);
        assert_true(stats.memory_max_bytes == memory);
        assert_true(stats.memory_bytes < memory / 4);
        assert_int_equal(stats.keys, 0);
        counters_close(&counters);
        counters_close(&counters);
    }
}

/* Of keys that are there, that are not, and whose shard is another thread's. */
static void a_hint_changes_nothing_and_waits_for_nobody(void **state)
{
    struct table *t = *state;
    struct sr_span keys[COUNTERS_PREFETCH_MAX];
    uint64_t hashes[COUNTERS_PREFETCH_MAX];
    struct counters_stats before;
    struct counters_stats after;
    struct shard *shard;

    table_load(t, "k", 5);
    before = table_stats(t);
    for (uint32_t i = 0; i < COUNTERS_PREFETCH_MAX; i++) {
        keys[i] = sr_span_text(i % 2 == 0 ? "k" : "absent");
    }
    counters_prefetch(t->counters, keys, COUNTERS_PREFETCH_MAX, hashes);
    counters_prefetch(t->counters, keys, 0, hashes);
    shard = counters_shard_of_hash(t->counters, counters_hash(t->counters, keys[0]));
    shard_lock(shard);
    counters_prefetch(t->counters, keys, COUNTERS_PREFETCH_MAX, hashes);
    shard_unlock(shard);
    after = table_stats(t);
    assert_true(hashes[1] == counters_hash(t->counters, keys[1]));
    assert_int_equal(after.keys, before.keys);
    assert_int_equal(after.loading, before.loading);
    assert_int_equal(after.dirty[0] + after.dirty[1], 0);
    assert_int_equal(after.memory_bytes, before.memory_bytes);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_new_key_waits_for_its_load_and_nothing_is_counted),
        TEST(a_second_waiter_starts_no_second_load),
        TEST(the_sixteenth_waiter_holds_no_pin),
        TEST(a_loaded_row_and_the_increments_make_the_total),
        TEST(an_absent_row_counts_from_zero),
        TEST(a_row_of_zero_is_there),
        TEST(an_increment_of_zero_counts_a_new_key),
        TEST(who_may_not_wait_counts_without_a_total),
        TEST(a_base_is_good_for_two_ticks_and_then_loaded_again),
        TEST(a_stale_base_is_good_enough_for_who_may_not_wait),
        TEST(a_slow_store_is_waited_for_by_who_knows_no_base_at_all),
        TEST(a_touched_key_does_not_age),
        TEST(a_turn_that_began_before_the_base_came_finds_it_fresh),
        TEST(the_tick_may_wrap_around),
        TEST(a_total_beyond_either_end_is_refused_and_nothing_changed),
        TEST(a_total_that_others_pushed_out_is_unknown_not_wrapped),
        TEST(a_delta_beyond_the_range_waits_for_the_next_epoch),
        TEST(unknown_totals_are_bounded_by_their_delta_alone),
        TEST(keys_of_every_length_are_told_apart),
        TEST(a_hint_changes_nothing_and_waits_for_nobody),
        cmocka_unit_test(options_out_of_range_are_refused),
        cmocka_unit_test(tables_of_all_sizes_open_and_close),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
