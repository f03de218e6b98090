/*
 * That no memory is stranded: sizes of keys change, entries that cannot move lie everywhere.
 */
#include "keys.h"
#include "table.h"

#define MEMORY ((size_t)2 << 20)
#define KEY_SIZE 20U

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

/* Each size in turn fills the table, all keys touched, as well as it fills a new table. */
static void a_change_of_key_sizes_strands_no_memory(void **state)
{
    static const size_t sizes[] = {8, 512, 9, 100, 20, 300, 64, 8, 512, 20};
    uint64_t number = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct table *t = *state;
        struct table fresh;
        uint64_t capacity;
        uint64_t count;

        table_init(&fresh, MEMORY, 0);
        capacity = fill(&fresh, 0, sizes[i]);
        table_done(&fresh);
        count = fill(t, number, sizes[i]);
        number += count;
        assert_bound(t);
        if (count < capacity * 85 / 100) {
            fail_msg("%zu keys of %zu bytes where a new table takes %zu", (size_t)count,
                     sizes[i], (size_t)capacity);
        }
        table_flush(t);
    }
}

/* One key of each page is counted all the time, so that no page is ever without a touched one.
 */
static void busy_keys_scattered_over_all_pages_strand_no_memory(void **state)
{
    struct table *t = *state;
    uint64_t small = fill(t, 0, 8);
    struct counters_sealed sealed;
    uint64_t large;

    table_tick(t);
    table_next_turn(t);
    t->turn.may_wait = false;
    for (uint64_t i = 0; i < small; i += 80) {
        assert_int_equal(add_numbered(t, i, 8, 1), COUNTERS_DONE_UNKNOWN);
    }
    sealed = table_collect(t);
    table_complete(t, &sealed, NULL);
    /* The small keys that are busy take an 80th of the memory; the rest can become large. */
    large = fill(t, 0, 400);
    assert_true(large > MEMORY / 450 * 80 / 100);
    assert_bound(t);
    for (uint64_t i = 0; i < small; i += 80) {
        assert_int_equal(add_numbered(t, i, 8, 1), COUNTERS_DONE_UNKNOWN);
    }
    table_tick(t);
    table_next_turn(t);
    sealed = table_collect(t);
    assert_int_equal(sealed.count, large + (small + 79) / 80);
    table_complete(t, &sealed, NULL);
}

/* Entries move only while nobody knows where they are. */
static void sealed_and_loading_keys_stay_where_they_are(void **state)
{
    struct table *t = *state;
    uint64_t small = fill(t, 0, 8);
    counters_ref loading;
    struct counters_sealed sealed;
    struct sr_change change;

    table_flush(t);
    t->turn.may_wait = false;
    for (uint64_t i = 0; i < small; i += 80) {
        assert_int_equal(add_numbered(t, i, 8, (int64_t)i), COUNTERS_DONE_UNKNOWN);
    }
    t->turn.may_wait = true;
    assert_int_equal(read_numbered(t, 1, 8), COUNTERS_WAIT_LOAD);
    loading = t->out.ref;
    table_tick(t);
    table_next_turn(t);
    sealed = table_collect(t);
    (void)fill(t, 0, 400);
    assert_bound(t);
    for (size_t i = 0; i < sealed.count; i++) {
        char buffer[SR_KEY_SIZE_MAX];

        counters_sealed_change(t->counters, &sealed, i, &change);
        assert_true(sr_span_equal(change.key, numbered_key(buffer, i * 80, 8)));
        assert_true(change.value == (int64_t)i * 80);
    }
    assert_int_equal(sealed.count, (small + 79) / 80);
    assert_int_equal(counters_install(t->counters, loading, 7, true, TABLE_EPOCH, t->turn.tick),
                     COUNTERS_INSTALLED);
    table_complete(t, &sealed, NULL);
}

/* During an outage: a touched key on each page, sealed for long, and the rest of it a cache. */
static void sealed_keys_scattered_over_all_pages_leave_the_rest_to_new_keys(void **state)
{
    struct counters_sealed sealed;
    struct table t;
    uint64_t number = 0;
    uint64_t clean;
    uint64_t count;

    (void)state;
    table_init(&t, (size_t)16 << 20, 256);
    while (table_stats(&t).evictions == 0) {
        assert_true(cache_numbered(&t, number++, KEY_SIZE, 1));
    }
    t.turn.may_wait = false;
    for (uint64_t i = 0; i < number; i += 20) {
        enum counters_status status = add_numbered(&t, i, KEY_SIZE, 1);

        assert_true(status == COUNTERS_DONE || status == COUNTERS_DONE_UNKNOWN);
    }
    table_tick(&t);
    table_next_turn(&t);
    sealed = table_collect(&t);
    clean = table_stats(&t).keys - sealed.count;
    count = fill(&t, number, KEY_SIZE);
    /* Up to the first shard that has none any more: hashes do not spread them quite evenly. */
    if (count < clean * 85 / 100) {
        fail_msg("%zu new keys in place of %zu clean ones", (size_t)count, (size_t)clean);
    }
    table_complete(&t, &sealed, NULL);
    table_done(&t);
}

static void the_smallest_tables_work(void **state)
{
    (void)state;
    for (uint32_t shards = 1; shards <= 4; shards *= 2) {
        struct table t;
        uint64_t number = 0;

        table_init(&t, COUNTERS_MEMORY_MIN, shards);
        for (int epoch = 0; epoch < 20; epoch++) {
            uint64_t count = fill(&t, number, 8 + (size_t)epoch * 20);

            assert_true(count > 0);
            assert_true(table_stats(&t).memory_bytes <= COUNTERS_MEMORY_MIN);
            assert_true(counters_valid(t.counters));
            number += count;
            table_flush(&t);
        }
        table_done(&t);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_change_of_key_sizes_strands_no_memory),
        TEST(busy_keys_scattered_over_all_pages_strand_no_memory),
        TEST(sealed_and_loading_keys_stay_where_they_are),
        cmocka_unit_test(sealed_keys_scattered_over_all_pages_leave_the_rest_to_new_keys),
        cmocka_unit_test(the_smallest_tables_work),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
