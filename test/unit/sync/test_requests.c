/*
 * Requests with a token through flusher, loader and starts: counted once whoever brings them,
 * whatever the store answers, and known after a restart.
 */
#include "sync_fixture.h"

static struct flusher_stats stats_of(struct sync_fixture *f)
{
    struct flusher_stats stats;

    flusher_stats(f->flusher, &stats);
    return stats;
}

static enum dedup_status look(struct sync_fixture *f, const char *token, uint8_t number,
                              struct dedup_ref *ret_ref)
{
    uint8_t hash[RECORD_REQUEST_HASH_SIZE] = {number};
    struct dedup_request request = {.token = sr_span_text(token),
                                    .request_hash = {.data = hash, .size = sizeof(hash)},
                                    .totals_count = 1};
    struct dedup_answer answer;
    struct sr_buffer totals;
    enum dedup_status status;

    sr_buffer_init(&totals, 64);
    status = dedup_begin(f->dedup, &request, &totals, ret_ref, &answer);
    if (status == DEDUP_KNOWN) {
        assert_int_equal(answer.status, 200);
        assert_int_equal(answer.totals.size, 8);
        assert_int_equal(answer.totals.data[0] + 256 * answer.totals.data[1], 1000);
    }
    sr_buffer_done(&totals);
    return status;
}

static void two_instances_count_a_request_once(void **state)
{
    struct sync_fixture *f = *state;
    struct sync_fixture *other = sync_open_other(f);

    sync_steps(f);
    sync_steps(other);
    sync_add_request(f, "t", 1, "a", 5);
    sync_add_request(other, "t", 1, "a", 5);
    sync_add_request(other, "u", 1, "a", 100);
    sync_interval(f);
    sync_interval(other);
    assert_int_equal(sync_row(f, "a"), 105);
    assert_int_equal(sync_read(other, "a"), 105);
    assert_int_equal(fake_database_requests(f->database), 2);
    assert_int_equal(stats_of(f).requests_synced, 1);
    assert_int_equal(stats_of(f).requests_taken_back, 0);
    assert_int_equal(stats_of(other).requests_synced, 1);
    assert_int_equal(stats_of(other).requests_taken_back, 1);
    assert_int_equal(stats_of(other).ledger_taken_back, 5);
    assert_int_equal(stats_of(other).ledger_synced, 100);
    assert_int_equal(other->mismatches, 0);
    sync_close_other(other);
}

static void nothing_is_taken_off_a_set_that_came_over_it(void **state)
{
    struct sync_fixture *f = *state;
    struct sync_fixture *other = sync_open_other(f);

    sync_steps(f);
    sync_steps(other);
    sync_add_request(f, "t", 1, "a", 5);
    sync_add_request(other, "t", 1, "a", 5);
    sync_set(other, "a", 50);
    sync_interval(f);
    sync_interval(other);
    assert_int_equal(sync_row(f, "a"), 50);
    assert_int_equal(stats_of(other).ledger_taken_back, 0);
    assert_int_equal(other->mismatches, 0);
    sync_close_other(other);
}

/* It was acknowledged, and it is not what the table has. */
static void another_request_under_the_token_stays_counted(void **state)
{
    struct sync_fixture *f = *state;
    struct sync_fixture *other = sync_open_other(f);

    sync_steps(f);
    sync_steps(other);
    sync_add_request(f, "t", 1, "a", 5);
    sync_add_request(other, "t", 2, "a", 7);
    sync_interval(f);
    sync_interval(other);
    assert_int_equal(sync_row(f, "a"), 12);
    assert_int_equal(stats_of(other).requests_mismatched, 1);
    assert_int_equal(stats_of(other).requests_taken_back, 0);
    sync_close_other(other);
}

static void a_refused_row_and_what_is_taken_back_balance(void **state)
{
    struct sync_fixture *f = *state;
    struct sync_fixture *other = sync_open_other(f);

    sync_steps(f);
    sync_steps(other);
    sync_add_request(f, "t", 1, "a", 5);
    sync_interval(f);
    fake_database_refuse_key(f->database, sr_span_text("a"), "22003");
    sync_add_request(other, "t", 1, "a", 5);
    sync_add_request(other, "u", 1, "a", 100);
    sync_interval(other);
    assert_int_equal(sync_row(f, "a"), 5);
    assert_int_equal(fake_database_refused_at(f->database, 0)->delta, 100);
    assert_int_equal(stats_of(other).ledger_refused, 100);
    assert_int_equal(stats_of(other).ledger_taken_back, 5);
    assert_int_equal(stats_of(other).ledger_synced, 0);
    sync_close_other(other);
}

static void every_fault_at_every_call_counts_once(void **state)
{
    (void)state;
    for (int fault = FAKE_FAIL_BEFORE; fault <= FAKE_RESTART; fault++) {
        for (uint64_t n = 1; n <= 10; n++) {
            struct sync_fixture *f = NULL;
            struct sync_fixture *other;

            assert_int_equal(sync_setup((void **)&f), 0);
            other = sync_open_other(f);
            sync_steps(f);
            sync_add_request(f, "t", 1, "a", 5);
            sync_interval(f);
            fake_database_fail_at(f->database, n, (enum fake_fault)fault);
            for (int i = 0; i < 3; i++) {
                sync_add_request(other,
                                 i == 1   ? "t"
                                 : i == 0 ? "u"
                                          : "v",
                                 1, "a", i == 1 ? 5 : 100);
                sync_interval(other);
            }
            sync_long_time(other);
            assert_int_equal(sync_row(f, "a"), 205);
            assert_int_equal(stats_of(other).ledger_taken_back, 5);
            assert_int_equal(stats_of(other).ledger_synced, 200);
            assert_int_equal(other->mismatches, 0);
            sync_close_other(other);
            assert_int_equal(sync_teardown((void **)&f), 0);
        }
    }
}

static void a_database_that_falls_back_counts_once(void **state)
{
    struct sync_fixture *f = *state;
    struct sync_fixture *other = sync_open_other(f);

    sync_steps(f);
    sync_steps(other);
    fake_database_keep(f->database);
    sync_add_request(f, "t", 1, "a", 5);
    sync_interval(f);
    sync_add_request(other, "t", 1, "a", 5);
    sync_add_request(other, "u", 1, "a", 100);
    sync_interval(other);
    assert_int_equal(sync_row(f, "a"), 105);
    fake_database_fall_back(f->database);
    assert_int_equal(sync_row(f, "a"), INT64_MIN);
    /* The other way round now: who came second brings its own first. */
    sync_long_time(other);
    assert_int_equal(sync_row(f, "a"), 105);
    sync_long_time(f);
    assert_int_equal(sync_row(f, "a"), 105);
    assert_int_equal(fake_database_requests(f->database), 2);
    sync_close_other(other);
}

static void a_request_is_known_after_a_restart_without_a_database(void **state)
{
    struct sync_fixture *f = *state;
    struct dedup_ref ref;

    sync_steps(f);
    fake_database_set_down(f->database, true);
    sync_add_request(f, "t", 1, "a", 5);
    sync_crash(f, FAKE_CRASH_DROP);
    sync_crash(f, FAKE_CRASH_DROP);
    assert_int_equal(look(f, "t", 1, &ref), DEDUP_KNOWN);
    assert_int_equal(look(f, "t", 2, &ref), DEDUP_MISMATCH);
    fake_database_set_down(f->database, false);
    sync_long_time(f);
    assert_int_equal(sync_row(f, "a"), 5);
    assert_int_equal(fake_database_requests(f->database), 1);
}

static void a_start_takes_back_what_another_instance_brought_meanwhile(void **state)
{
    struct sync_fixture *f = *state;
    struct sync_fixture *other = sync_open_other(f);

    sync_steps(f);
    sync_steps(other);
    fake_database_set_down(f->database, true);
    sync_add_request(f, "t", 1, "a", 5);
    sync_add_request(f, "u", 1, "a", 100);
    sync_crash(f, FAKE_CRASH_DROP);
    fake_database_set_down(f->database, false);
    sync_add_request(other, "t", 1, "a", 5);
    sync_long_time(other);
    sync_long_time(f);
    assert_int_equal(sync_row(f, "a"), 105);
    assert_int_equal(stats_of(f).requests_taken_back, 1);
    sync_close_other(other);
}

static void the_loader_tells_what_the_table_knows(void **state)
{
    struct sync_fixture *f = *state;
    struct sync_fixture *other = sync_open_other(f);
    struct dedup_ref known;
    struct dedup_ref unknown;

    sync_steps(f);
    sync_add_request(f, "t", 1, "a", 5);
    sync_interval(f);
    assert_int_equal(look(other, "t", 1, &known), DEDUP_NEW);
    assert_int_equal(look(other, "u", 1, &unknown), DEDUP_NEW);
    dedup_ask(other->dedup, known);
    dedup_ask(other->dedup, unknown);
    assert_int_equal(loader_ask(other->loader, known), SR_OK);
    assert_int_equal(loader_ask(other->loader, unknown), SR_OK);
    fake_database_set_down(f->database, true);
    assert_true(loader_step(other->loader));
    assert_int_equal(dedup_state(other->dedup, known), DEDUP_STATE_ASKING);
    fake_database_set_down(f->database, false);
    assert_true(loader_step(other->loader));
    assert_false(loader_step(other->loader));
    assert_int_equal(dedup_state(other->dedup, unknown), DEDUP_STATE_RUNNING);
    assert_int_equal(look(other, "t", 1, &known), DEDUP_KNOWN);
    assert_int_equal(look(other, "t", 2, &known), DEDUP_MISMATCH);
    sync_close_other(other);
}

static void who_gave_up_is_not_asked_about(void **state)
{
    struct sync_fixture *f = *state;
    struct dedup_ref ref;
    uint64_t calls;

    sync_steps(f);
    assert_int_equal(look(f, "t", 1, &ref), DEDUP_NEW);
    dedup_ask(f->dedup, ref);
    assert_int_equal(loader_ask(f->loader, ref), SR_OK);
    dedup_abandon(f->dedup, ref);
    calls = fake_database_calls(f->database);
    assert_false(loader_step(f->loader));
    assert_int_equal(fake_database_calls(f->database), calls);
}

static void a_request_is_forgotten_when_its_window_has_passed(void **state)
{
    struct sync_fixture *f = *state;
    struct dedup_stats stats;
    struct dedup_ref ref;

    sync_steps(f);
    sync_add_request(f, "t", 1, "a", 5);
    sync_crash(f, FAKE_CRASH_DROP); /* enters the window */
    sync_steps(f);
    assert_int_equal(sync_row(f, "a"), 5);
    fake_disk_advance(f->fake, FIXTURE_WINDOW_MS - FIXTURE_INTERVAL_MS);
    sync_steps(f);
    assert_int_equal(look(f, "t", 1, &ref), DEDUP_KNOWN);
    fake_database_age_requests(f->database);
    (void)sync_add(f, "b", 1);
    sync_interval(f);
    sync_interval(f);
    dedup_stats(f->dedup, &stats);
    assert_int_equal(stats.entries, 0);
    assert_int_equal(fake_database_requests(f->database), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, sync_setup, sync_teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(two_instances_count_a_request_once),
        TEST(nothing_is_taken_off_a_set_that_came_over_it),
        TEST(another_request_under_the_token_stays_counted),
        TEST(a_refused_row_and_what_is_taken_back_balance),
        cmocka_unit_test(every_fault_at_every_call_counts_once),
        TEST(a_database_that_falls_back_counts_once),
        TEST(a_request_is_known_after_a_restart_without_a_database),
        TEST(a_start_takes_back_what_another_instance_brought_meanwhile),
        TEST(the_loader_tells_what_the_table_knows),
        TEST(who_gave_up_is_not_asked_about),
        TEST(a_request_is_forgotten_when_its_window_has_passed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
