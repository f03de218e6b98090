/*
 * The bound on memory: what is evicted, what never is, and the answer when nothing can be.
 */
#include "keys.h"
#include "table.h"

#include "core/counters_internal.h"

#define MEMORY ((size_t)2 << 20)
#define KEY_SIZE 20U
/* More than MEMORY holds of such keys. */
#define MANY 40000U

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

static void assert_bound(struct table *t)
{
    assert_true(table_stats(t).memory_bytes <= MEMORY);
    assert_true(counters_valid(t->counters));
}

/* Adds to new keys, from a number on, until the table is full; returns how many there were. */
static uint64_t fill(struct table *t, uint64_t from, size_t size)
{
    bool may_wait = t->turn.may_wait;
    uint64_t count = 0;

    t->turn.may_wait = false;
    while (add_numbered(t, from + count, size, 1) == COUNTERS_DONE_UNKNOWN) {
        count++;
    }
    t->turn.may_wait = may_wait;
    return count;
}

static void clean_entries_make_room_for_new_keys(void **state)
{
    struct table *t = *state;

    for (uint64_t i = 0; i < MANY; i++) {
        assert_true(cache_numbered(t, i, KEY_SIZE, (int64_t)i));
    }
    assert_true(table_stats(t).keys < MANY);
    assert_true(table_stats(t).evictions == MANY - table_stats(t).keys);
    assert_bound(t);
}

static void touched_keys_are_never_evicted(void **state)
{
    struct table *t = *state;

    for (uint64_t i = 0; i < 1000; i++) {
        assert_true(cache_numbered(t, i, KEY_SIZE, 100));
        assert_int_equal(add_numbered(t, i, KEY_SIZE, (int64_t)i), COUNTERS_DONE);
    }
    for (uint64_t i = 1000; i < MANY; i++) {
        assert_true(cache_numbered(t, i, KEY_SIZE, 5));
    }
    assert_bound(t);
    for (uint64_t i = 0; i < 1000; i++) {
        assert_int_equal(read_numbered(t, i, KEY_SIZE), COUNTERS_DONE);
        assert_int_equal(t->out.total, 100 + i);
    }
}

static void keys_of_the_sealed_epoch_are_never_evicted(void **state)
{
    struct table *t = *state;
    struct counters_sealed sealed;
    struct sr_change change;

    t->turn.may_wait = false;
    for (uint64_t i = 0; i < 1000; i++) {
        assert_int_equal(add_numbered(t, i, KEY_SIZE, 1), COUNTERS_DONE_UNKNOWN);
    }
    t->turn.may_wait = true;
    table_tick(t);
    table_next_turn(t);
    sealed = table_collect(t);
    for (uint64_t i = 1000; i < MANY; i++) {
        assert_true(cache_numbered(t, i, KEY_SIZE, 5));
    }
    assert_bound(t);
    assert_int_equal(sealed.count, 1000);
    for (uint64_t i = 0; i < 1000; i++) {
        char buffer[SR_KEY_SIZE_MAX];

        counters_sealed_change(t->counters, &sealed, i, &change);
        assert_true(sr_span_equal(change.key, numbered_key(buffer, i, KEY_SIZE)));
        assert_true(change.value == 1);
    }
    table_complete(t, &sealed, NULL);
}

static void loading_keys_are_never_evicted(void **state)
{
    struct table *t = *state;
    counters_ref refs[100];

    for (uint64_t i = 0; i < 100; i++) {
        assert_int_equal(read_numbered(t, i, KEY_SIZE), COUNTERS_WAIT_LOAD);
        refs[i] = t->out.ref;
        counters_unpin(t->counters, refs[i]);
    }
    for (uint64_t i = 100; i < MANY; i++) {
        assert_true(cache_numbered(t, i, KEY_SIZE, 5));
    }
    for (uint64_t i = 0; i < 100; i++) {
        char buffer[SR_KEY_SIZE_MAX];

        assert_true(sr_span_equal(counters_key(t->counters, refs[i]),
                                  numbered_key(buffer, i, KEY_SIZE)));
        assert_int_equal(counters_install(t->counters, refs[i], 7, true, TABLE_EPOCH - 1,
                                          TABLE_TICK),
                         COUNTERS_INSTALLED);
    }
    assert_bound(t);
}

static void pinned_keys_are_never_evicted_and_unpinned_ones_are(void **state)
{
    struct table *t = *state;
    counters_ref refs[100];

    for (uint64_t i = 0; i < 100; i++) {
        assert_int_equal(read_numbered(t, i, KEY_SIZE), COUNTERS_WAIT_LOAD);
        refs[i] = t->out.ref;
        assert_int_equal(counters_install(t->counters, refs[i], 7, true, TABLE_EPOCH - 1,
                                          TABLE_TICK),
                         COUNTERS_INSTALLED);
    }
    for (uint64_t i = 100; i < MANY; i++) {
        assert_true(cache_numbered(t, i, KEY_SIZE, 5));
    }
    for (uint64_t i = 0; i < 100; i++) {
        assert_int_equal(read_numbered(t, i, KEY_SIZE), COUNTERS_DONE);
        assert_int_equal(t->out.total, 7);
        counters_unpin(t->counters, refs[i]);
    }
    for (uint64_t i = MANY; i < 3 * MANY; i++) {
        assert_true(cache_numbered(t, i, KEY_SIZE, 5));
    }
    for (uint64_t i = 0; i < 100; i++) {
        assert_int_equal(read_numbered(t, i, KEY_SIZE), COUNTERS_WAIT_LOAD);
    }
    assert_bound(t);
}

static void a_table_of_touched_keys_is_full_and_counts_what_it_holds(void **state)
{
    struct table *t = *state;
    uint64_t count = fill(t, 0, KEY_SIZE);

    assert_true(count > MEMORY / 90 && count < MANY);
    assert_int_equal(table_stats(t).keys, count);
    assert_int_equal(table_stats(t).dirty[TABLE_EPOCH & 1], count);
    /* New keys are refused, whatever is asked. */
    assert_int_equal(add_numbered(t, count, KEY_SIZE, 1), COUNTERS_TABLE_FULL);
    assert_int_equal(read_numbered(t, count, KEY_SIZE), COUNTERS_TABLE_FULL);
    t->turn.may_wait = false;
    assert_int_equal(read_numbered(t, count, KEY_SIZE), COUNTERS_STORE_DOWN);
    assert_int_equal(table_set(t, "a key of twenty bytes", 1), COUNTERS_TABLE_FULL);
    assert_int_equal(table_stats(t).keys, count);
    assert_int_equal(table_stats(t).evictions, 0);
    for (uint64_t i = 0; i < count; i++) {
        assert_int_equal(add_numbered(t, i, KEY_SIZE, 1), COUNTERS_DONE_UNKNOWN);
    }
    assert_bound(t);
}

static void a_table_of_loading_keys_is_full(void **state)
{
    struct table *t = *state;
    uint64_t count = 0;

    while (read_numbered(t, count, KEY_SIZE) == COUNTERS_WAIT_LOAD) {
        count++;
    }
    assert_true(count > MEMORY / 90);
    assert_int_equal(add_numbered(t, count, KEY_SIZE, 1), COUNTERS_TABLE_FULL);
    assert_int_equal(table_stats(t).loading, count);
    assert_bound(t);
}

static void a_flush_makes_a_full_table_take_new_keys(void **state)
{
    struct table *t = *state;
    uint64_t first = fill(t, 0, KEY_SIZE);
    uint64_t again;

    table_flush(t);
    again = fill(t, first, KEY_SIZE);
    assert_true(again >= first * 98 / 100);
    assert_bound(t);
}

/* How many of the first 1000 keys had to be loaded while each was read once. */
static unsigned misses_of_thousand(struct table *t)
{
    unsigned misses = 0;

    for (uint64_t i = 0; i < 1000; i++) {
        t->turn.may_wait = false;
        misses += read_numbered(t, i, KEY_SIZE) == COUNTERS_STORE_DOWN;
        t->turn.may_wait = true;
        assert_true(cache_numbered(t, i, KEY_SIZE, 1));
    }
    return misses;
}

static void keys_in_use_outlive_those_that_are_not(void **state)
{
    struct table *t = *state;
    unsigned misses = 0;
    uint64_t number = 1000;

    (void)misses_of_thousand(t);
    for (int round = 0; round < 40; round++) {
        for (int i = 0; i < 5000; i++) {
            assert_true(cache_numbered(t, number++, KEY_SIZE, 1));
        }
        misses += misses_of_thousand(t);
    }
    /* Without a second chance each would be gone after the 20,000 others that fit. */
    assert_true(table_stats(t).evictions > 150000);
    if (misses > 40 * 1000 * 5 / 100) {
        fail_msg("%u of 40000 reads of keys in use had to load", misses);
    }
    assert_bound(t);
}

static unsigned count_referenced(struct table *t)
{
    struct counters *c = t->counters;
    unsigned count = 0;

    for (uint32_t i = 0; i < c->shard_count; i++) {
        const struct shard_index *index = &c->shards[i].index;

        for (uint32_t slot = 0; slot < index->count; slot++) {
            counters_ref ref = index->slots[slot].ref;

            count +=
                ref != 0 && (entry_flags(arena_entry(&c->arena, ref)) & ENTRY_REFERENCED) != 0;
        }
    }
    return count;
}

/* All keys are in use, and a new one comes: it must not pay for a walk through the table. */
static void a_new_key_is_not_kept_waiting_by_keys_in_use(void **state)
{
    struct table *t = *state;
    uint64_t number = 0;
    unsigned before;

    while (table_stats(t).evictions == 0) {
        assert_true(cache_numbered(t, number++, KEY_SIZE, 1));
    }
    t->turn.may_wait = false;
    for (uint64_t i = 0; i < number; i++) {
        (void)read_numbered(t, i, KEY_SIZE);
    }
    before = count_referenced(t);
    assert_true(before > MEMORY / 90);
    /* A page of each shard and class may have room; after so many a page was evicted. */
    for (uint64_t i = 0; i < 100; i++) {
        assert_int_equal(add_numbered(t, number + i, KEY_SIZE, 1), COUNTERS_DONE_UNKNOWN);
    }
    assert_true(table_stats(t).evictions > 50);
    assert_true(count_referenced(t) > before / 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(clean_entries_make_room_for_new_keys),
        TEST(touched_keys_are_never_evicted),
        TEST(keys_of_the_sealed_epoch_are_never_evicted),
        TEST(loading_keys_are_never_evicted),
        TEST(pinned_keys_are_never_evicted_and_unpinned_ones_are),
        TEST(a_table_of_touched_keys_is_full_and_counts_what_it_holds),
        TEST(a_table_of_loading_keys_is_full),
        TEST(a_flush_makes_a_full_table_take_new_keys),
        TEST(keys_in_use_outlive_those_that_are_not),
        TEST(a_new_key_is_not_kept_waiting_by_keys_in_use),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
