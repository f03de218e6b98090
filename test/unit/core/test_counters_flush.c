/*
 * The flusher's side: what is collected, in which order, and what completing does.
 */
#include "table.h"

#include <stdio.h>
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

static void assert_change(struct table *t, const struct counters_sealed *sealed, size_t i,
                          struct sr_change expected)
{
    struct sr_change change;

    counters_sealed_change(t->counters, sealed, i, &change);
    assert_true(sr_span_equal(change.key, expected.key));
    assert_int_equal(change.kind, expected.kind);
    assert_int_equal(change.generation, expected.generation);
    assert_true(change.value == expected.value);
}

static struct sr_change expect(const char *key, enum sr_change_kind kind, uint32_t generation,
                               int64_t value)
{
    return (struct sr_change){.key = sr_span_text(key),
                              .kind = kind,
                              .generation = generation,
                              .value = value};
}

static void the_sealed_epoch_is_collected_in_key_order(void **state)
{
    struct table *t = *state;
    struct counters_sealed sealed;

    t->turn.may_wait = false;
    assert_int_equal(table_add(t, "b", 1), COUNTERS_DONE_UNKNOWN);
    assert_int_equal(table_add(t, "b", 2), COUNTERS_DONE_UNKNOWN);
    assert_int_equal(table_set(t, "a", -5), COUNTERS_DONE);
    assert_int_equal(table_delete(t, "c"), COUNTERS_DONE);
    assert_int_equal(table_set(t, "ab", 1), COUNTERS_DONE);
    assert_int_equal(table_set(t, "ab", 2), COUNTERS_DONE);
    assert_int_equal(table_add(t, "ab", 3), COUNTERS_DONE);
    assert_int_equal(table_delete(t, "\xc3\xa9"), COUNTERS_DONE);
    assert_int_equal(table_add(t, "\xc3\xa9", 8), COUNTERS_DONE);
    assert_int_equal(table_add(t, "zero", 0), COUNTERS_DONE_UNKNOWN);
    table_tick(t);
    table_next_turn(t);
    sealed = table_collect(t);
    assert_int_equal(sealed.count, 6);
    assert_change(t, &sealed, 0, expect("a", SR_CHANGE_SET, 1, -5));
    assert_change(t, &sealed, 1, expect("ab", SR_CHANGE_SET, 2, 5));
    assert_change(t, &sealed, 2, expect("b", SR_CHANGE_ADD, 0, 3));
    assert_change(t, &sealed, 3, expect("c", SR_CHANGE_DELETE, 1, 0));
    assert_change(t, &sealed, 4, expect("zero", SR_CHANGE_ADD, 0, 0));
    assert_change(t, &sealed, 5, expect("\xc3\xa9", SR_CHANGE_SET, 1, 8));
    table_complete(t, &sealed, NULL);
}

static void the_open_epoch_does_not_reach_the_sealed_one(void **state)
{
    struct table *t = *state;
    struct counters_sealed sealed;

    table_load(t, "k", 100);
    table_adds(t, "k", 1, 101);
    table_tick(t);
    table_next_turn(t);
    table_adds(t, "k", 10, 111);
    sealed = table_collect(t);
    table_adds(t, "k", 20, 131);
    assert_int_equal(table_set(t, "k", 3), COUNTERS_DONE);
    assert_int_equal(table_set(t, "new", 3), COUNTERS_DONE);
    assert_int_equal(sealed.count, 1);
    assert_change(t, &sealed, 0, expect("k", SR_CHANGE_ADD, 0, 1));
    table_complete(t, &sealed, NULL);
    table_reads(t, "k", 3);
}

static void plus_and_minus_the_same_is_a_change(void **state)
{
    struct table *t = *state;
    struct counters_sealed sealed;

    table_load_absent(t, "k");
    table_adds(t, "k", 5, 5);
    table_adds(t, "k", -5, 0);
    table_tick(t);
    table_next_turn(t);
    sealed = table_collect(t);
    assert_int_equal(sealed.count, 1);
    assert_change(t, &sealed, 0, expect("k", SR_CHANGE_ADD, 0, 0));
    table_complete(t, &sealed, NULL);
}

static void nothing_touched_collects_nothing(void **state)
{
    struct table *t = *state;
    struct counters_sealed sealed;

    table_load(t, "k", 1);
    table_tick(t);
    table_next_turn(t);
    sealed = table_collect(t);
    assert_int_equal(sealed.count, 0);
    assert_null(sealed.refs);
    table_complete(t, &sealed, NULL);
    counters_sealed_done(&sealed);
}

static void completing_moves_the_slot_into_the_base(void **state)
{
    struct table *t = *state;
    struct counters_base base = {.value = 106, .known = 1, .exists = 1};
    struct counters_sealed sealed;

    table_load(t, "k", 100);
    table_adds(t, "k", 5, 105);
    table_tick(t);
    table_next_turn(t);
    table_adds(t, "k", 10, 115);
    sealed = table_collect(t);
    table_complete(t, &sealed, &base); /* another instance had added 1 */
    table_reads(t, "k", 116);
    assert_int_equal(t->out.synced, 106);
    assert_int_equal(table_stats(t).dirty[TABLE_EPOCH & 1], 0);
    assert_int_equal(table_stats(t).dirty[(TABLE_EPOCH + 1) & 1], 1);
}

static void a_base_of_a_flush_is_fresh(void **state)
{
    struct table *t = *state;
    struct counters_base base = {.value = 5, .known = 1, .exists = 1};
    struct counters_sealed sealed;

    table_load_absent(t, "k");
    table_adds(t, "k", 5, 5);
    table_tick(t);
    table_next_turn(t);
    t->turn.tick += 50;
    sealed = table_collect(t);
    table_complete(t, &sealed, &base);
    table_reads(t, "k", 5);
}

static void a_refused_row_is_loaded_anew(void **state)
{
    struct table *t = *state;
    static const struct counters_base bases[3] = {{.value = 11, .known = 1, .exists = 1},
                                                  {.value = 99, .known = 0, .exists = 1},
                                                  {.value = 31, .known = 1, .exists = 1}};
    struct counters_sealed sealed;

    table_load(t, "a", 10);
    table_load(t, "b", 20);
    table_load(t, "c", 30);
    table_adds(t, "a", 1, 11);
    table_adds(t, "b", 1, 21);
    table_adds(t, "c", 1, 31);
    table_tick(t);
    table_next_turn(t);
    sealed = table_collect(t);
    table_complete(t, &sealed, bases);
    assert_true(counters_valid(t->counters));
    table_reads(t, "a", 11);
    table_reads(t, "c", 31);
    table_load(t, "b", 20); /* the increment is not in the total: it was refused */
    table_reads(t, "b", 20);
}

static void a_refused_row_keeps_what_the_open_epoch_counted(void **state)
{
    struct table *t = *state;
    static const struct counters_base refused = {.known = 0};
    struct counters_sealed sealed;

    table_load(t, "b", 20);
    table_adds(t, "b", 1, 21);
    table_tick(t);
    table_next_turn(t);
    table_adds(t, "b", 2, 23);
    sealed = table_collect(t);
    table_complete(t, &sealed, &refused);
    table_load(t, "b", 20);
    table_reads(t, "b", 22);
}

static void without_bases_all_keys_are_loaded_anew(void **state)
{
    struct table *t = *state;

    table_load(t, "k", 1);
    table_adds(t, "k", 1, 2);
    table_flush(t);
    table_load(t, "k", 2);
    table_reads(t, "k", 2);
}

static void a_deleted_row_is_absent_after_its_flush(void **state)
{
    struct table *t = *state;
    static const struct counters_base gone = {.value = 0, .known = 1, .exists = 0};
    struct counters_sealed sealed;

    table_load(t, "k", 100);
    assert_int_equal(table_delete(t, "k"), COUNTERS_DONE);
    table_tick(t);
    table_next_turn(t);
    assert_int_equal(table_read(t, "k"), COUNTERS_ABSENT);
    sealed = table_collect(t);
    assert_change(t, &sealed, 0, expect("k", SR_CHANGE_DELETE, 1, 0));
    table_complete(t, &sealed, &gone);
    assert_int_equal(table_read(t, "k"), COUNTERS_ABSENT);
    table_adds(t, "k", 3, 3);
}

static void generations_begin_anew_in_each_epoch(void **state)
{
    struct table *t = *state;

    for (int epoch = 0; epoch < 4; epoch++) {
        assert_int_equal(table_set(t, "k", 1), COUNTERS_DONE);
        assert_int_equal(t->out.generation, 1);
        assert_int_equal(table_set(t, "k", 2), COUNTERS_DONE);
        assert_int_equal(t->out.generation, 2);
        table_flush(t);
    }
}

static void a_set_of_the_sealed_epoch_lies_under_the_open_one(void **state)
{
    struct table *t = *state;
    struct counters_sealed sealed;

    table_load(t, "k", 100);
    assert_int_equal(table_set(t, "k", 7), COUNTERS_DONE);
    table_tick(t);
    table_next_turn(t);
    table_adds(t, "k", 1, 8);
    assert_int_equal(t->out.generation, 0);
    sealed = table_collect(t);
    assert_change(t, &sealed, 0, expect("k", SR_CHANGE_SET, 1, 7));
    table_complete(t, &sealed, NULL);
}

/* At the end, to be saved: while the epoch before it waits for the database. */
static void the_open_epoch_can_be_collected_when_nobody_works_any_more(void **state)
{
    struct table *t = *state;
    struct counters_sealed sealed;
    struct counters_sealed open;

    assert_int_equal(table_set(t, "old", 1), COUNTERS_DONE);
    table_tick(t);
    table_next_turn(t);
    sealed = table_collect(t);
    assert_int_equal(table_set(t, "new", 2), COUNTERS_DONE);
    assert_int_equal(table_set(t, "old", 3), COUNTERS_DONE);
    assert_int_equal(counters_collect(t->counters, TABLE_EPOCH + 1, &open, NULL), SR_OK);
    assert_int_equal(open.count, 2);
    assert_change(t, &open, 0, expect("new", SR_CHANGE_SET, 1, 2));
    assert_change(t, &open, 1, expect("old", SR_CHANGE_SET, 1, 3));
    assert_int_equal(sealed.count, 1);
    assert_change(t, &sealed, 0, expect("old", SR_CHANGE_SET, 1, 1));
    counters_sealed_done(&open);
    counters_sealed_done(&sealed);
}

/* Many keys that share long beginnings, over many epochs. */
static void all_keys_are_collected_once_and_in_order(void **state)
{
    struct table *t = *state;
    static const int steps[] = {1, 7, 1009};

    t->turn.may_wait = false;
    for (int round = 0; round < 3; round++) {
        struct counters_sealed sealed;
        struct sr_change before = {.generation = 0};
        int64_t sum = 0;

        for (int i = 0; i < 5000; i++) {
            char key[64];

            (void)snprintf(key, sizeof(key), "%s:%d", i % 3 == 0 ? "user" : "user:page:view",
                           i * steps[round] % 5000);
            assert_int_equal(table_add(t, key, i), COUNTERS_DONE_UNKNOWN);
        }
        table_tick(t);
        table_next_turn(t);
        sealed = table_collect(t);
        for (size_t i = 0; i < sealed.count; i++) {
            struct sr_change change;

            counters_sealed_change(t->counters, &sealed, i, &change);
            assert_true(i == 0 || sr_span_compare(before.key, change.key) < 0);
            sum += (int64_t)change.value;
            before = change;
        }
        assert_int_equal(sum, 5000 * 4999 / 2);
        assert_true(counters_valid(t->counters));
        table_complete(t, &sealed, NULL);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_sealed_epoch_is_collected_in_key_order),
        TEST(the_open_epoch_does_not_reach_the_sealed_one),
        TEST(plus_and_minus_the_same_is_a_change),
        TEST(nothing_touched_collects_nothing),
        TEST(completing_moves_the_slot_into_the_base),
        TEST(a_base_of_a_flush_is_fresh),
        TEST(a_refused_row_is_loaded_anew),
        TEST(a_refused_row_keeps_what_the_open_epoch_counted),
        TEST(without_bases_all_keys_are_loaded_anew),
        TEST(a_deleted_row_is_absent_after_its_flush),
        TEST(generations_begin_anew_in_each_epoch),
        TEST(a_set_of_the_sealed_epoch_lies_under_the_open_one),
        TEST(the_open_epoch_can_be_collected_when_nobody_works_any_more),
        TEST(all_keys_are_collected_once_and_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
