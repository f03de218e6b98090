/*
 * Loads against flushes: D is what the flusher has published as applied, L what a load's
 * snapshot says. Each race of DESIGN section 5, Misses, one by one.
 */
#include "table.h"

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

static enum counters_install install(struct table *t, counters_ref ref, int64_t value,
                                     uint64_t epoch)
{
    return counters_install(t->counters, ref, value, true, epoch, t->turn.tick);
}

/* A key with +5 in the epoch that is then sealed, base unknown, and a load of it started. */
static counters_ref sealed_key_loading(struct table *t, struct counters_sealed *ret_sealed)
{
    counters_ref ref;

    t->turn.may_wait = false;
    assert_int_equal(table_add(t, "k", 5), COUNTERS_DONE_UNKNOWN);
    t->turn.may_wait = true;
    table_tick(t);
    table_next_turn(t);
    *ret_sealed = table_collect(t);
    ref = table_wait(t, "k");
    return ref;
}

static void the_loader_sees_the_key_and_ends_the_load(void **state)
{
    struct table *t = *state;
    counters_ref ref = table_wait(t, "some key");

    assert_true(sr_span_equal(counters_key(t->counters, ref), sr_span_text("some key")));
    assert_true(counters_loading(t->counters, ref));
    assert_int_equal(install(t, ref, 3, TABLE_EPOCH - 1), COUNTERS_INSTALLED);
    assert_false(counters_loading(t->counters, ref));
    assert_int_equal(table_stats(t).loading, 0);
    table_reads(t, "some key", 3);
    counters_unpin(t->counters, ref);
}

static void a_failed_load_leaves_the_base_unknown_and_the_next_starts_anew(void **state)
{
    struct table *t = *state;
    counters_ref ref = table_wait(t, "k");

    counters_load_failed(t->counters, ref);
    assert_false(counters_loading(t->counters, ref));
    assert_int_equal(table_wait(t, "k"), ref);
    counters_unpin(t->counters, ref);
    t->turn.may_wait = false;
    assert_int_equal(table_read(t, "k"), COUNTERS_STORE_DOWN);
}

static void a_failed_refresh_keeps_the_stale_base(void **state)
{
    struct table *t = *state;

    table_load(t, "k", 100);
    t->turn.tick += 3;
    counters_load_failed(t->counters, table_wait(t, "k"));
    t->turn.may_wait = false;
    table_reads(t, "k", 100);
}

static void a_refresh_may_find_the_row_gone(void **state)
{
    struct table *t = *state;
    counters_ref ref;

    table_load(t, "k", 100);
    t->turn.tick += 3;
    ref = table_wait(t, "k");
    assert_int_equal(counters_install(t->counters, ref, 0, false, TABLE_EPOCH - 1,
                                      t->turn.tick),
                     COUNTERS_INSTALLED);
    assert_int_equal(table_read(t, "k"), COUNTERS_ABSENT);
}

static void a_key_touched_while_it_loads_keeps_what_was_counted(void **state)
{
    struct table *t = *state;
    counters_ref ref = table_wait(t, "k");

    t->turn.may_wait = false;
    assert_int_equal(table_add(t, "k", 7), COUNTERS_DONE_UNKNOWN);
    assert_int_equal(install(t, ref, 100, TABLE_EPOCH - 1), COUNTERS_INSTALLED);
    table_reads(t, "k", 107);
}

static void a_key_set_while_it_loads_stays_set(void **state)
{
    struct table *t = *state;
    counters_ref ref = table_wait(t, "k");

    assert_int_equal(table_set(t, "k", 1), COUNTERS_DONE);
    assert_int_equal(install(t, ref, 100, TABLE_EPOCH - 1), COUNTERS_INSTALLED);
    table_reads(t, "k", 1);
    assert_int_equal(t->out.synced, 100);
}

/* L = D = o-2: the snapshot is of before the flush; its COMMIT comes later. */
static void a_snapshot_before_the_commit_does_not_include_the_sealed_slot(void **state)
{
    struct table *t = *state;
    struct counters_base base = {.value = 105, .known = 1, .exists = 1};
    struct counters_sealed sealed;
    counters_ref ref = sealed_key_loading(t, &sealed);

    assert_int_equal(install(t, ref, 100, TABLE_EPOCH - 1), COUNTERS_INSTALLED);
    table_reads(t, "k", 105);
    assert_int_equal(t->out.synced, 100);
    table_complete(t, &sealed, &base);
    table_reads(t, "k", 105);
    assert_int_equal(t->out.synced, 105);
}

/* L = e > D: COMMIT is done, but its answer has not reached the flusher. */
static void a_snapshot_after_the_commit_includes_the_sealed_slot(void **state)
{
    struct table *t = *state;
    struct counters_base base = {.value = 105, .known = 1, .exists = 1};
    struct counters_sealed sealed;
    counters_ref ref = sealed_key_loading(t, &sealed);

    /* Another instance added 20 between the flush and the load. */
    assert_int_equal(install(t, ref, 125, TABLE_EPOCH), COUNTERS_INSTALLED);
    table_reads(t, "k", 125);
    assert_int_equal(t->out.synced, 125);
    table_adds(t, "k", 1, 126);
    /* What the flush returned is older than what was loaded. */
    table_complete(t, &sealed, &base);
    table_reads(t, "k", 126);
    assert_int_equal(t->out.synced, 125);
}

/* The same, where the flusher never learns the values. */
static void a_base_that_includes_the_epoch_outlives_a_lost_answer(void **state)
{
    struct table *t = *state;
    struct counters_sealed sealed;
    counters_ref ref = sealed_key_loading(t, &sealed);

    assert_int_equal(install(t, ref, 125, TABLE_EPOCH), COUNTERS_INSTALLED);
    table_complete(t, &sealed, NULL);
    table_reads(t, "k", 125);
}

/* L < D: the flush was applied and published, the snapshot is of before it. */
static void a_snapshot_older_than_the_applied_epoch_is_loaded_again(void **state)
{
    struct table *t = *state;
    struct counters_base base = {.value = 105, .known = 1, .exists = 1};
    struct counters_sealed sealed;
    counters_ref ref = sealed_key_loading(t, &sealed);

    counters_set_applied(t->counters, TABLE_EPOCH);
    assert_int_equal(install(t, ref, 100, TABLE_EPOCH - 1), COUNTERS_STALE);
    assert_true(counters_loading(t->counters, ref));
    table_complete(t, &sealed, &base);
    assert_int_equal(install(t, ref, 100, TABLE_EPOCH - 1), COUNTERS_STALE);
    table_reads(t, "k", 105);
    assert_int_equal(install(t, ref, 105, TABLE_EPOCH), COUNTERS_INSTALLED);
    table_reads(t, "k", 105);
}

/* L = D = e, published, and complete has not come to this key yet. */
static void a_snapshot_between_publishing_and_completing_includes_the_slot(void **state)
{
    struct table *t = *state;
    struct counters_base base = {.value = 105, .known = 1, .exists = 1};
    struct counters_sealed sealed;
    counters_ref ref = sealed_key_loading(t, &sealed);

    counters_set_applied(t->counters, TABLE_EPOCH);
    assert_int_equal(install(t, ref, 105, TABLE_EPOCH), COUNTERS_INSTALLED);
    table_reads(t, "k", 105);
    table_complete(t, &sealed, &base);
    table_reads(t, "k", 105);
}

/* L = D = e after complete: the entry got its base meanwhile, and this one is no older. */
static void a_snapshot_after_completing_is_taken_and_includes_no_later_slot(void **state)
{
    struct table *t = *state;
    struct counters_base base = {.value = 105, .known = 1, .exists = 1};
    struct counters_sealed sealed;
    counters_ref ref = sealed_key_loading(t, &sealed);

    t->turn.may_wait = false;
    assert_int_equal(table_add(t, "k", 3), COUNTERS_DONE_UNKNOWN);
    table_complete(t, &sealed, &base);
    table_reads(t, "k", 108);
    table_tick(t);
    table_next_turn(t);
    assert_int_equal(install(t, ref, 205, TABLE_EPOCH), COUNTERS_INSTALLED);
    table_reads(t, "k", 208);
}

static void a_snapshot_includes_sets_and_deletes_as_well(void **state)
{
    struct table *t = *state;
    struct counters_sealed sealed;
    counters_ref set;
    counters_ref gone;

    /* The loads were under way when the keys were set. */
    set = table_wait(t, "set");
    gone = table_wait(t, "gone");
    assert_int_equal(table_set(t, "set", 9), COUNTERS_DONE);
    assert_int_equal(table_delete(t, "gone"), COUNTERS_DONE);
    table_tick(t);
    table_next_turn(t);
    assert_int_equal(install(t, set, 30, TABLE_EPOCH), COUNTERS_INSTALLED);
    assert_int_equal(install(t, gone, 40, TABLE_EPOCH), COUNTERS_INSTALLED);
    /* Others added after our flush: the set is in the base, it does not come over it again. */
    table_reads(t, "set", 30);
    table_reads(t, "gone", 40);
    sealed = table_collect(t);
    table_complete(t, &sealed, NULL);
    table_reads(t, "set", 30);
    table_reads(t, "gone", 40);
}

static void an_untouched_key_has_nothing_to_include(void **state)
{
    struct table *t = *state;
    counters_ref ref;

    table_tick(t);
    ref = table_wait(t, "k");
    assert_int_equal(install(t, ref, 50, TABLE_EPOCH), COUNTERS_INSTALLED);
    table_next_turn(t);
    table_adds(t, "k", 1, 51);
}

static void an_epoch_that_is_not_ours_is_no_snapshot(void **state)
{
    struct table *t = *state;
    counters_ref ref = table_wait(t, "k");

    assert_int_equal(install(t, ref, 50, TABLE_EPOCH), COUNTERS_STALE);
    assert_int_equal(install(t, ref, 50, UINT64_MAX), COUNTERS_STALE);
    assert_int_equal(install(t, ref, 50, 0), COUNTERS_STALE);
    assert_true(counters_loading(t->counters, ref));
    assert_int_equal(install(t, ref, 50, TABLE_EPOCH - 1), COUNTERS_INSTALLED);
}

static void a_load_under_way_when_bases_are_forgotten_is_done_again(void **state)
{
    struct table *t = *state;
    counters_ref ref = table_wait(t, "k");

    counters_forget_bases(t->counters);
    assert_int_equal(install(t, ref, 50, TABLE_EPOCH - 1), COUNTERS_STALE);
    assert_int_equal(install(t, ref, 40, TABLE_EPOCH - 1), COUNTERS_INSTALLED);
    table_reads(t, "k", 40);
}

static void a_failed_load_takes_the_mark_of_forgetting_with_it(void **state)
{
    struct table *t = *state;
    counters_ref ref = table_wait(t, "k");

    counters_forget_bases(t->counters);
    counters_load_failed(t->counters, ref);
    assert_int_equal(table_wait(t, "k"), ref);
    assert_int_equal(install(t, ref, 40, TABLE_EPOCH - 1), COUNTERS_INSTALLED);
}

static void forgotten_bases_are_loaded_again_and_nothing_counted_is_lost(void **state)
{
    struct table *t = *state;

    table_load(t, "clean", 10);
    table_load(t, "added", 20);
    table_load(t, "set", 30);
    table_adds(t, "added", 1, 21);
    assert_int_equal(table_set(t, "set", 5), COUNTERS_DONE);
    counters_forget_bases(t->counters);
    table_reads(t, "set", 5);
    assert_false(t->out.synced_known);
    table_load(t, "clean", 11);
    table_load(t, "added", 22);
    table_reads(t, "clean", 11);
    table_reads(t, "added", 23);
}

/* Included, forgotten, then the old epoch is applied anew: its values are the newer ones. */
static void a_forgotten_base_includes_nothing_any_more(void **state)
{
    struct table *t = *state;
    struct counters_base base = {.value = 85, .known = 1, .exists = 1};
    struct counters_sealed sealed;
    counters_ref ref = sealed_key_loading(t, &sealed);

    assert_int_equal(install(t, ref, 125, TABLE_EPOCH), COUNTERS_INSTALLED);
    counters_forget_bases(t->counters);
    table_complete(t, &sealed, &base);
    table_reads(t, "k", 85);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_loader_sees_the_key_and_ends_the_load),
        TEST(a_failed_load_leaves_the_base_unknown_and_the_next_starts_anew),
        TEST(a_failed_refresh_keeps_the_stale_base),
        TEST(a_refresh_may_find_the_row_gone),
        TEST(a_key_touched_while_it_loads_keeps_what_was_counted),
        TEST(a_key_set_while_it_loads_stays_set),
        TEST(a_snapshot_before_the_commit_does_not_include_the_sealed_slot),
        TEST(a_snapshot_after_the_commit_includes_the_sealed_slot),
        TEST(a_base_that_includes_the_epoch_outlives_a_lost_answer),
        TEST(a_snapshot_older_than_the_applied_epoch_is_loaded_again),
        TEST(a_snapshot_between_publishing_and_completing_includes_the_slot),
        TEST(a_snapshot_after_completing_is_taken_and_includes_no_later_slot),
        TEST(a_snapshot_includes_sets_and_deletes_as_well),
        TEST(an_untouched_key_has_nothing_to_include),
        TEST(an_epoch_that_is_not_ours_is_no_snapshot),
        TEST(a_load_under_way_when_bases_are_forgotten_is_done_again),
        TEST(a_failed_load_takes_the_mark_of_forgetting_with_it),
        TEST(forgotten_bases_are_loaded_again_and_nothing_counted_is_lost),
        TEST(a_forgotten_base_includes_nothing_any_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
