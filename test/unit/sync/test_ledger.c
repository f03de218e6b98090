/*
 * The ledger: balances whatever the store answers, and tells when the table and the workers do
 * not agree.
 */
#include "sync_fixture.h"

static struct flusher_stats stats_of(struct sync_fixture *f)
{
    struct flusher_stats stats;

    flusher_stats(f->flusher, &stats);
    return stats;
}

static void what_is_synced_adds_up(void **state)
{
    struct sync_fixture *f = *state;

    sync_steps(f);
    (void)sync_add(f, "a", 7);
    (void)sync_add(f, "b", -9);
    assert_int_equal(stats_of(f).ledger_synced, 0);
    sync_interval(f);
    assert_int_equal((int64_t)stats_of(f).ledger_synced, -2);
    (void)sync_add(f, "a", 5);
    sync_interval(f);
    assert_int_equal((int64_t)stats_of(f).ledger_synced, 3);
    assert_int_equal(stats_of(f).ledger_mismatch, 0);
    assert_int_equal(f->mismatches, 0);
}

static void a_refused_row_is_told_apart(void **state)
{
    struct sync_fixture *f = *state;

    sync_steps(f);
    fake_database_refuse_key(f->database, sr_span_text("b"), "22003");
    (void)sync_add(f, "a", 7);
    (void)sync_add(f, "b", 100);
    sync_interval(f);
    assert_int_equal(stats_of(f).ledger_synced, 7);
    assert_int_equal(stats_of(f).ledger_refused, 100);
    assert_int_equal(stats_of(f).ledger_mismatch, 0);
}

/* An attempt that saw refused rows and failed must not count them a second time. */
static void every_fault_at_every_call_balances(void **state)
{
    (void)state;
    for (int fault = FAKE_FAIL_BEFORE; fault <= FAKE_COMMIT_LATE; fault++) {
        for (uint64_t n = 1; n <= 12; n++) {
            struct sync_fixture *f = NULL;

            assert_int_equal(sync_setup((void **)&f), 0);
            fake_database_refuse_key(f->database, sr_span_text("b"), "22003");
            fake_database_fail_at(f->database, n, (enum fake_fault)fault);
            for (int i = 1; i <= 3; i++) {
                (void)sync_add(f, "a", i);
                (void)sync_add(f, "b", 100);
                sync_interval(f);
            }
            sync_long_time(f);
            assert_int_equal(stats_of(f).ledger_synced, 6);
            assert_int_equal(stats_of(f).ledger_refused, 300);
            assert_int_equal(f->mismatches, 0);
            assert_int_equal(sync_teardown((void **)&f), 0);
        }
    }
}

static void a_count_that_the_table_lost_is_reported_once(void **state)
{
    struct sync_fixture *f = *state;

    sync_steps(f);
    (void)sync_add(f, "a", 7);
    f->counted[0] += 3; /* as if workers had counted what no slot holds, */
    f->counted[1] += 3; /* whichever epoch is open */
    sync_interval(f);
    assert_int_equal(f->mismatches, 1);
    assert_int_equal(stats_of(f).ledger_mismatch, 3);
    (void)sync_add(f, "a", 1);
    sync_interval(f); /* the other parity's three */
    (void)sync_add(f, "a", 1);
    sync_interval(f);
    assert_int_equal(f->mismatches, 2);
    assert_int_equal(stats_of(f).ledger_mismatch, 6);
}

#define T(name) cmocka_unit_test_setup_teardown(name, sync_setup, sync_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(what_is_synced_adds_up),
        T(a_refused_row_is_told_apart),
        cmocka_unit_test(every_fault_at_every_call_balances),
        T(a_count_that_the_table_lost_is_reported_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
