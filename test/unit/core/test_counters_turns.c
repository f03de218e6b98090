/*
 * Sets and deletes, their generations, and the order between the turns of two epochs.
 */
#include "table.h"

#include "core/counters_internal.h"

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

static void a_set_needs_no_load_and_is_added_to(void **state)
{
    struct table *t = *state;

    assert_int_equal(table_set(t, "k", 7), COUNTERS_DONE);
    assert_int_equal(t->out.total, 7);
    assert_int_equal(t->out.generation, 1);
    table_adds(t, "k", 3, 10);
    assert_int_equal(t->out.generation, 1);
    table_reads(t, "k", 10);
    assert_false(t->out.synced_known);
    assert_int_equal(table_stats(t).dirty[TABLE_EPOCH & 1], 1);
}

static void a_set_replaces_base_and_increments(void **state)
{
    struct table *t = *state;

    table_load(t, "k", 100);
    table_adds(t, "k", 5, 105);
    assert_int_equal(t->out.generation, 0);
    assert_int_equal(table_set(t, "k", -1), COUNTERS_DONE);
    table_reads(t, "k", -1);
    assert_int_equal(t->out.synced, 100);
    assert_int_equal(table_set(t, "k", INT64_MAX), COUNTERS_DONE);
    assert_int_equal(t->out.generation, 2);
    assert_int_equal(table_add(t, "k", 1), COUNTERS_OVERFLOW);
}

static void a_deleted_key_is_absent_and_counts_from_zero(void **state)
{
    struct table *t = *state;

    table_load(t, "k", 100);
    table_adds(t, "k", 5, 105);
    assert_int_equal(table_delete(t, "k"), COUNTERS_DONE);
    assert_int_equal(t->out.total, 0);
    assert_int_equal(t->out.generation, 1);
    assert_int_equal(table_read(t, "k"), COUNTERS_ABSENT);
    table_adds(t, "k", 4, 4);
    assert_int_equal(t->out.generation, 1);
    table_reads(t, "k", 4);
}

static void a_delete_needs_no_load(void **state)
{
    struct table *t = *state;

    assert_int_equal(table_delete(t, "k"), COUNTERS_DONE);
    assert_int_equal(table_read(t, "k"), COUNTERS_ABSENT);
    table_adds(t, "k", 0, 0);
    table_reads(t, "k", 0);
}

static void the_last_generation_is_not_passed(void **state)
{
    struct table *t = *state;

    assert_int_equal(table_set(t, "k", 1), COUNTERS_DONE);
    entry_of(t, "k")->generation[TABLE_EPOCH & 1] = UINT32_MAX - 1;
    assert_int_equal(table_set(t, "k", 2), COUNTERS_DONE);
    assert_int_equal(t->out.generation, UINT32_MAX);
    assert_int_equal(table_set(t, "k", 3), COUNTERS_SLOT_FULL);
    assert_int_equal(table_delete(t, "k"), COUNTERS_SLOT_FULL);
    table_adds(t, "k", 1, 3);
}

static void both_slots_are_in_the_total(void **state)
{
    struct table *t = *state;

    table_load(t, "k", 100);
    table_adds(t, "k", 1, 101);
    table_tick(t);
    table_adds(t, "k", 2, 103); /* a turn of the older epoch that is still open */
    table_next_turn(t);
    table_adds(t, "k", 4, 107);
    t->turn.epoch--;
    table_adds(t, "k", 8, 115);
    table_reads(t, "k", 115);
    assert_int_equal(table_stats(t).dirty[0], 1);
    assert_int_equal(table_stats(t).dirty[1], 1);
}

static void an_older_turn_waits_where_the_newer_slot_is_a_set(void **state)
{
    struct table *t = *state;

    table_load(t, "k", 100);
    table_tick(t);
    table_next_turn(t);
    assert_int_equal(table_set(t, "k", 5), COUNTERS_DONE);
    t->turn.epoch--;
    assert_int_equal(table_add(t, "k", 1), COUNTERS_WAIT_TURN);
    assert_int_equal(table_set(t, "k", 1), COUNTERS_WAIT_TURN);
    assert_int_equal(table_delete(t, "k"), COUNTERS_WAIT_TURN);
    table_reads(t, "k", 5);
    t->turn.epoch++;
    table_adds(t, "k", 1, 6);
}

static void an_older_turn_waits_where_its_own_slot_is_a_set(void **state)
{
    struct table *t = *state;

    assert_int_equal(table_delete(t, "k"), COUNTERS_DONE);
    table_tick(t);
    table_adds(t, "k", 1, 1); /* the newer slot is untouched */
    table_next_turn(t);
    table_adds(t, "k", 1, 2);
    t->turn.epoch--;
    assert_int_equal(table_add(t, "k", 1), COUNTERS_WAIT_TURN);
    assert_int_equal(table_set(t, "k", 1), COUNTERS_WAIT_TURN);
    table_reads(t, "k", 2);
}

static void an_older_turn_may_add_but_not_set_under_an_add(void **state)
{
    struct table *t = *state;

    table_load(t, "k", 100);
    table_tick(t);
    table_next_turn(t);
    table_adds(t, "k", 1, 101);
    t->turn.epoch--;
    table_adds(t, "k", 2, 103);
    assert_int_equal(table_set(t, "k", 1), COUNTERS_WAIT_TURN);
}

static void an_older_turn_waits_where_only_the_newer_slot_makes_it_fit(void **state)
{
    struct table *t = *state;

    table_load(t, "k", INT64_MAX - 5);
    table_tick(t);
    table_next_turn(t);
    table_adds(t, "k", -10, INT64_MAX - 15);
    t->turn.epoch--;
    table_adds(t, "k", 5, INT64_MAX - 10);
    /* The database would see INT64_MAX + 1 at the end of this epoch. */
    assert_int_equal(table_add(t, "k", 1), COUNTERS_WAIT_TURN);
    assert_int_equal(table_add(t, "k", 11), COUNTERS_OVERFLOW);
    t->turn.epoch++;
    table_adds(t, "k", 1, INT64_MAX - 9);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_set_needs_no_load_and_is_added_to),
        TEST(a_set_replaces_base_and_increments),
        TEST(a_deleted_key_is_absent_and_counts_from_zero),
        TEST(a_delete_needs_no_load),
        TEST(the_last_generation_is_not_passed),
        TEST(both_slots_are_in_the_total),
        TEST(an_older_turn_waits_where_the_newer_slot_is_a_set),
        TEST(an_older_turn_waits_where_its_own_slot_is_a_set),
        TEST(an_older_turn_may_add_but_not_set_under_an_add),
        TEST(an_older_turn_waits_where_only_the_newer_slot_makes_it_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
