/*
 * The flusher: an epoch goes into the store once, whatever the store's answers are.
 */
#include "sync_fixture.h"

static void an_interval_brings_counts_into_the_table(void **state)
{
    struct sync_fixture *f = *state;

    sync_steps(f);
    assert_int_equal(sync_add(f, "a", 2), 2);
    assert_int_equal(sync_add(f, "a", 3), 5);
    assert_int_equal(sync_row(f, "a"), INT64_MIN);
    sync_interval(f);
    assert_int_equal(sync_row(f, "a"), 5);
    assert_int_equal(sync_add(f, "a", 1), 6);
    assert_true(!flusher_idle(f->flusher));
    sync_interval(f);
    assert_int_equal(sync_row(f, "a"), 6);
    assert_true(flusher_idle(f->flusher));
}

static void zero_and_plus_minus_are_counted_keys(void **state)
{
    struct sync_fixture *f = *state;

    sync_steps(f);
    assert_int_equal(sync_add(f, "zero", 0), 0);
    assert_int_equal(sync_add(f, "both", 5), 5);
    assert_int_equal(sync_add(f, "both", -5), 0);
    sync_interval(f);
    assert_int_equal(sync_row(f, "zero"), 0);
    assert_int_equal(sync_row(f, "both"), 0);
}

static void an_open_turn_delays_the_seal(void **state)
{
    struct sync_fixture *f = *state;

    sync_steps(f);
    (void)sync_add(f, "a", 1);
    f->turns_open = true;
    sync_interval(f);
    assert_int_equal(sync_row(f, "a"), INT64_MIN);
    f->turns_open = false;
    sync_steps(f);
    assert_int_equal(sync_row(f, "a"), 1);
}

static void nothing_is_flushed_before_the_seal_is_durable(void **state)
{
    struct sync_fixture *f = *state;

    sync_steps(f);
    (void)sync_add(f, "a", 1);
    fake_disk_advance(f->fake, FIXTURE_INTERVAL_MS);
    for (int i = 0; i < 10; i++) {
        (void)flusher_step(f->flusher); /* and no commit of the journal */
    }
    assert_int_equal(sync_row(f, "a"), INT64_MIN);
    sync_steps(f);
    assert_int_equal(sync_row(f, "a"), 1);
}

/* Three intervals of counts with a fault at the n-th call: in the end all is counted once. */
static void meet(enum fake_fault fault, uint64_t n)
{
    struct sync_fixture *f = NULL;
    int64_t sum = 0;

    assert_int_equal(sync_setup((void **)&f), 0);
    fake_database_fail_at(f->database, n, fault);
    for (int i = 1; i <= 3; i++) {
        (void)sync_add(f, "a", i);
        sum += i;
        sync_interval(f);
    }
    sync_long_time(f);
    assert_int_equal(sync_row(f, "a"), sum);
    assert_int_equal(sync_read(f, "a"), sum);
    assert_true(flusher_idle(f->flusher));
    assert_int_equal(sync_teardown((void **)&f), 0);
}

static void every_fault_at_every_call_counts_once(void **state)
{
    (void)state;
    for (int fault = FAKE_FAIL_BEFORE; fault < FAKE_FAULTS; fault++) {
        for (uint64_t n = 1; n <= 12 && fault != FAKE_FALL_BACK; n++) {
            meet((enum fake_fault)fault, n); /* falling back: test_fence.c */
        }
    }
}

static void a_crash_at_every_fault_counts_once(void **state)
{
    struct sync_fixture *f = *state;
    int64_t sum = 0;

    for (uint64_t n = 1; n <= 8; n++) {
        fake_database_fail_at(f->database, n, n % 2 == 0 ? FAKE_LOSE_ANSWER : FAKE_COMMIT_LATE);
        (void)sync_add(f, "a", 1);
        sync_interval(f);
        (void)sync_add(f, "a", 10);
        sum += 11;
        sync_crash(f, FAKE_CRASH_DROP);
        sync_long_time(f);
        assert_int_equal(sync_row(f, "a"), sum);
    }
}

static void increments_go_on_while_the_database_is_down(void **state)
{
    struct sync_fixture *f = *state;

    sync_steps(f);
    assert_int_equal(sync_add(f, "known", 1), 1);
    sync_interval(f);
    fake_database_set_down(f->database, true);
    for (int i = 0; i < 30; i++) {
        assert_int_equal(sync_add(f, "known", 1), 2 + i);
        sync_interval(f);
    }
    assert_int_equal(sync_add(f, "new", 7), INT64_MIN);
    assert_int_equal(sync_state(f), FLUSHER_STORE_DOWN);
    fake_database_set_down(f->database, false);
    sync_long_time(f);
    assert_int_equal(sync_row(f, "known"), 31);
    assert_int_equal(sync_row(f, "new"), 7);
    assert_int_equal(sync_read(f, "new"), 7);
}

static void a_start_without_a_database_is_nothing_special(void **state)
{
    struct sync_fixture *f = *state;

    (void)sync_add(f, "a", 1);
    fake_database_set_down(f->database, true);
    sync_crash(f, FAKE_CRASH_DROP);
    sync_steps(f);
    assert_int_equal(sync_add(f, "a", 2), INT64_MIN);
    sync_crash(f, FAKE_CRASH_DROP);
    sync_steps(f);
    assert_int_equal(sync_add(f, "a", 4), INT64_MIN);
    fake_database_set_down(f->database, false);
    sync_long_time(f);
    assert_int_equal(sync_row(f, "a"), 7);
    assert_int_equal(sync_read(f, "a"), 7);
}

static void a_refused_row_goes_aside_and_the_others_go_in(void **state)
{
    struct sync_fixture *f = *state;
    struct flusher_stats stats;

    sync_steps(f);
    fake_database_refuse_key(f->database, sr_span_text("bad"), "54000");
    (void)sync_add(f, "bad", 3);
    (void)sync_add(f, "good", 4);
    sync_interval(f);
    assert_int_equal(sync_row(f, "good"), 4);
    assert_int_equal(sync_row(f, "bad"), INT64_MIN);
    assert_int_equal(fake_database_refused(f->database), 1);
    assert_int_equal(fake_database_refused_at(f->database, 0)->delta, 3);
    flusher_stats(f->flusher, &stats);
    assert_int_equal(stats.rows_refused, 1);
    assert_int_equal(sync_read(f, "bad"), INT64_MIN);
}

static void a_users_own_update_is_respected(void **state)
{
    struct sync_fixture *f = *state;

    sync_steps(f);
    (void)sync_add(f, "a", 1);
    sync_interval(f);
    fake_database_put(f->database, sr_span_text("a"), 100);
    (void)sync_add(f, "a", 1);
    sync_interval(f);
    assert_int_equal(sync_row(f, "a"), 101);
    assert_int_equal(sync_read(f, "a"), 101);
}

static void the_age_of_the_oldest_change_is_told(void **state)
{
    struct sync_fixture *f = *state;
    struct flusher_stats stats;

    sync_steps(f);
    (void)sync_add(f, "a", 1);
    sync_interval(f);
    fake_database_set_down(f->database, true);
    (void)sync_add(f, "a", 1);
    sync_interval(f);
    sync_interval(f);
    flusher_stats(f->flusher, &stats);
    assert_in_range(stats.oldest_unsynced_ms, 2 * FIXTURE_INTERVAL_MS, 3 * FIXTURE_INTERVAL_MS);
    fake_database_set_down(f->database, false);
    sync_long_time(f);
    flusher_stats(f->flusher, &stats);
    assert_int_equal(stats.oldest_unsynced_ms, 0);
}

static void a_flush_is_done_when_all_before_it_is_in_the_table(void **state)
{
    struct sync_fixture *f = *state;
    struct flusher_ticket ticket;
    struct flusher_flushed flushed;

    sync_steps(f);
    (void)sync_add(f, "a", 1);
    (void)sync_add(f, "b", 2);
    flusher_flush(f->flusher, &ticket);
    assert_false(flusher_flush_done(f->flusher, &ticket, &flushed));
    f->turns_open = true;
    sync_steps(f);
    assert_false(flusher_flush_done(f->flusher, &ticket, &flushed));
    f->turns_open = false;
    sync_steps(f); /* and no interval */
    assert_true(flusher_flush_done(f->flusher, &ticket, &flushed));
    assert_int_equal(sync_row(f, "a"), 1);
    assert_int_equal(flushed.rows, 2);
    assert_int_equal(flushed.rows_refused, 0);
}

static void a_flush_waits_for_the_epoch_before_and_for_its_own(void **state)
{
    struct sync_fixture *f = *state;
    struct flusher_ticket ticket;
    struct flusher_flushed flushed;

    sync_steps(f);
    (void)sync_add(f, "a", 1);
    fake_database_set_down(f->database, true);
    sync_interval(f);
    (void)sync_add(f, "b", 2);
    flusher_flush(f->flusher, &ticket);
    sync_long_time(f);
    assert_false(flusher_flush_done(f->flusher, &ticket, &flushed));
    fake_database_set_down(f->database, false);
    sync_long_time(f);
    assert_true(flusher_flush_done(f->flusher, &ticket, &flushed));
    assert_int_equal(sync_row(f, "b"), 2);
    assert_int_equal(flushed.rows, 2);
}

static void a_flush_of_nothing_still_hears_of_the_database(void **state)
{
    struct sync_fixture *f = *state;
    struct flusher_ticket ticket;
    struct flusher_flushed flushed;

    sync_steps(f);
    flusher_flush(f->flusher, &ticket);
    sync_steps(f);
    assert_true(flusher_flush_done(f->flusher, &ticket, &flushed));
    assert_int_equal(flushed.rows, 0);
    fake_database_set_down(f->database, true);
    flusher_flush(f->flusher, &ticket);
    sync_long_time(f);
    assert_false(flusher_flush_done(f->flusher, &ticket, &flushed));
    fake_database_set_down(f->database, false);
    sync_long_time(f);
    assert_true(flusher_flush_done(f->flusher, &ticket, &flushed));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, sync_setup, sync_teardown)
    const struct CMUnitTest tests[] = {
        T(an_interval_brings_counts_into_the_table),
        T(zero_and_plus_minus_are_counted_keys),
        T(an_open_turn_delays_the_seal),
        T(nothing_is_flushed_before_the_seal_is_durable),
        cmocka_unit_test(every_fault_at_every_call_counts_once),
        T(a_crash_at_every_fault_counts_once),
        T(increments_go_on_while_the_database_is_down),
        T(a_start_without_a_database_is_nothing_special),
        T(a_refused_row_goes_aside_and_the_others_go_in),
        T(a_users_own_update_is_respected),
        T(the_age_of_the_oldest_change_is_told),
        T(a_flush_is_done_when_all_before_it_is_in_the_table),
        T(a_flush_waits_for_the_epoch_before_and_for_its_own),
        T(a_flush_of_nothing_still_hears_of_the_database),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
