/*
 * Listing: changed keys in order, however many there are, and totals over rows.
 */
#include "table.h"

#include "core/counters_list.h"

#include <stdio.h>

#define MEMORY ((size_t)16 << 20)

static int setup(void **state)
{
    static struct table table;

    table_init(&table, MEMORY, 4);
    *state = &table;
    return 0;
}

static int teardown(void **state)
{
    table_done(*state);
    return 0;
}

/* The lowest changed keys as "key key ". */
static const char *changed(struct table *t, const char *from, bool past, const char *prefix,
                           uint32_t max)
{
    static char text[1024];
    struct counters_range range = {.from = sr_span_text(from),
                                   .is_past = past,
                                   .prefix = sr_span_text(prefix)};
    struct counters_list list;
    size_t size = 0;

    assert_int_equal(counters_list_init(&list, max), SR_OK);
    counters_list_changed(t->counters, &range, &list);
    text[0] = '\0';
    for (uint32_t i = 0; i < list.count; i++) {
        struct sr_span key = counters_list_key(&list, i);

        size += (size_t)snprintf(text + size, sizeof(text) - size, "%.*s ", (int)key.size,
                                 (const char *)key.data);
    }
    counters_list_done(&list);
    return text;
}

static void only_changed_keys_that_exist_are_listed(void **state)
{
    struct table *t = *state;

    table_load(t, "clean", 1);
    table_load(t, "b", 1);
    table_adds(t, "b", 1, 2);
    assert_int_equal(table_set(t, "a", 1), COUNTERS_DONE);
    assert_int_equal(table_delete(t, "deleted"), COUNTERS_DONE);
    t->turn.may_wait = false;
    assert_int_equal(table_add(t, "unknown", 1), COUNTERS_DONE_UNKNOWN);
    assert_string_equal(changed(t, "", false, "", 10), "a b unknown ");
    assert_string_equal(changed(t, "", false, "", 2), "a b ");
    assert_string_equal(changed(t, "a", false, "", 2), "a b ");
    assert_string_equal(changed(t, "a", true, "", 2), "b unknown ");
    assert_string_equal(changed(t, "", false, "un", 2), "unknown ");
    table_flush(t);
    assert_string_equal(changed(t, "", false, "", 10), "");
}

static void the_lowest_of_many_keys_are_found(void **state)
{
    struct table *t = *state;
    struct counters_range range = {.from = sr_span_text("k00005000")};
    struct counters_list list;
    char key[16];

    t->turn.may_wait = false;
    for (unsigned n = 0; n < 30000; n++) { /* many slots a lock, four shards */
        (void)snprintf(key, sizeof(key), "k%08u", n * 7919 % 30000);
        assert_int_equal(table_add(t, key, 1), COUNTERS_DONE_UNKNOWN);
    }
    assert_int_equal(counters_list_init(&list, 1000), SR_OK);
    counters_list_changed(t->counters, &range, &list);
    assert_int_equal(list.count, 1000);
    for (uint32_t i = 0; i < list.count; i++) {
        (void)snprintf(key, sizeof(key), "k%08u", 5000 + i);
        assert_true(sr_span_equal(counters_list_key(&list, i), sr_span_text(key)));
    }
    counters_list_done(&list);
}

static struct counters_seen see(struct table *t, const char *key, int64_t value, bool exists,
                                uint64_t epoch)
{
    struct counters_row row = {.value = value, .exists = exists, .loaded_epoch = epoch};
    struct counters_seen seen;

    assert_true(counters_see(t->counters, sr_span_text(key), &row, &seen));
    return seen;
}

static void a_total_is_taken_over_the_row(void **state)
{
    struct table *t = *state;

    assert_int_equal(see(t, "nowhere", 5, true, TABLE_EPOCH - 1).total, 5);
    assert_false(see(t, "nowhere", 0, false, TABLE_EPOCH - 1).exists);
    table_load(t, "a", 100);
    table_adds(t, "a", 1, 101);
    assert_int_equal(see(t, "a", 200, true, TABLE_EPOCH - 1).total, 201);
    assert_int_equal(see(t, "a", 0, false, TABLE_EPOCH - 1).total, 1);
    assert_int_equal(table_delete(t, "a"), COUNTERS_DONE);
    assert_false(see(t, "a", 200, true, TABLE_EPOCH - 1).exists);
    table_load(t, "big", 0);
    table_adds(t, "big", 1, 1);
    assert_false(see(t, "big", INT64_MAX, true, TABLE_EPOCH - 1).total_known);
    assert_true(see(t, "big", INT64_MAX, true, TABLE_EPOCH - 1).exists);
}

static void a_row_that_includes_the_sealed_epoch_is_not_added_to_twice(void **state)
{
    struct table *t = *state;

    table_load(t, "a", 100);
    table_adds(t, "a", 1, 101);
    table_tick(t);
    table_next_turn(t);
    table_adds(t, "a", 10, 111);
    assert_int_equal(see(t, "a", 100, true, TABLE_EPOCH - 1).total, 111);
    assert_int_equal(see(t, "a", 101, true, TABLE_EPOCH).total, 111);
}

static void a_row_that_a_flush_has_overtaken_is_not_taken(void **state)
{
    struct table *t = *state;
    struct counters_row row = {.value = 1, .exists = true, .loaded_epoch = TABLE_EPOCH - 1};
    struct counters_seen seen;

    table_load(t, "a", 1);
    table_adds(t, "a", 1, 2);
    table_flush(t);
    assert_false(counters_see(t->counters, sr_span_text("a"), &row, &seen));
    row.loaded_epoch = t->turn.epoch; /* the open one: not our row */
    assert_false(counters_see(t->counters, sr_span_text("a"), &row, &seen));
    row.loaded_epoch = t->turn.epoch - 1;
    assert_true(counters_see(t->counters, sr_span_text("a"), &row, &seen));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(only_changed_keys_that_exist_are_listed),
        TEST(the_lowest_of_many_keys_are_found),
        TEST(a_total_is_taken_over_the_row),
        TEST(a_row_that_includes_the_sealed_epoch_is_not_added_to_twice),
        TEST(a_row_that_a_flush_has_overtaken_is_not_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
