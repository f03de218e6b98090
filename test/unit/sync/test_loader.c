/*
 * The loader: misses become bases; stale loads are repeated; a database that is down delays and
 * loses nothing.
 */
#include "sync_fixture.h"

#include <semaphore.h>
#include <time.h>

#define HURRIED_LOADS 60U /* with pauses they take 27 seconds */
#define PATIENCE_S 15

static void a_base_is_loaded_from_the_table(void **state)
{
    struct sync_fixture *f = *state;

    fake_database_put(f->database, sr_span_text("a"), 40);
    sync_steps(f);
    assert_int_equal(sync_add(f, "a", 2), 42);
    assert_int_equal(sync_read(f, "b"), INT64_MIN);
}

static void a_load_that_fails_is_repeated_until_it_succeeds(void **state)
{
    struct sync_fixture *f = *state;
    struct counters_turn turn = {.epoch = f->open_epoch, .may_wait = true};
    struct counters_outcome outcome = {0};
    struct sr_span key = sr_span_text("a");

    fake_database_put(f->database, key, 40);
    sync_steps(f);
    assert_int_equal(counters_read(f->counters, &turn, key, counters_hash(f->counters, key),
                                   &outcome),
                     COUNTERS_WAIT_LOAD);
    assert_true(outcome.start_load);
    assert_int_equal(loader_queue(f->loader, outcome.ref), SR_OK);
    fake_database_set_down(f->database, true);
    assert_true(loader_step(f->loader));
    assert_true(loader_prompt(f->loader, 1099)); /* time stands at 1,000 */
    assert_false(loader_prompt(f->loader, 1101));
    assert_true(loader_answers(f->loader, 1999));
    assert_false(loader_answers(f->loader, 2001));
    assert_true(counters_loading(f->counters, outcome.ref));
    fake_database_set_down(f->database, false);
    assert_true(loader_step(f->loader));
    assert_true(loader_answers(f->loader, 9999));
    assert_true(loader_prompt(f->loader, 9999));
    assert_false(counters_loading(f->counters, outcome.ref));
    counters_unpin(f->counters, outcome.ref);
    assert_int_equal(sync_read(f, "a"), 40);
}

static void a_load_below_the_applied_epoch_is_repeated(void **state)
{
    struct sync_fixture *f = *state;

    sync_steps(f);
    (void)sync_add(f, "a", 1);
    sync_interval(f);
    fake_database_keep(f->database);
    (void)sync_add(f, "a", 5);
    sync_interval(f);
    sync_crash(f, FAKE_CRASH_DROP);
    /* D is 2 from the journal; the database has fallen back to 1. */
    fake_database_fall_back(f->database);
    {
        struct counters_turn turn = {.epoch = f->open_epoch, .may_wait = true};
        struct counters_outcome outcome = {0};
        struct sr_span key = sr_span_text("a");
        struct loader_stats stats;

        assert_int_equal(counters_read(f->counters, &turn, key, counters_hash(f->counters, key),
                                       &outcome),
                         COUNTERS_WAIT_LOAD);
        assert_int_equal(loader_queue(f->loader, outcome.ref), SR_OK);
        assert_true(loader_step(f->loader));
        assert_true(counters_loading(f->counters, outcome.ref));
        loader_stats(f->loader, &stats);
        assert_int_equal(stats.stale, 1);
    }
}

static void before_the_first_claim_nothing_is_taken_for_a_base(void **state)
{
    struct sync_fixture *f = *state;
    struct counters_turn turn = {.epoch = f->open_epoch, .may_wait = true};
    struct counters_outcome outcome = {0};
    struct sr_span key = sr_span_text("a");

    /* Another instance's row is there, ours is not. */
    fake_database_put(f->database, key, 40);
    assert_int_equal(counters_read(f->counters, &turn, key, counters_hash(f->counters, key),
                                   &outcome),
                     COUNTERS_WAIT_LOAD);
    assert_int_equal(loader_queue(f->loader, outcome.ref), SR_OK);
    assert_true(loader_step(f->loader));
    assert_true(counters_loading(f->counters, outcome.ref));
    sync_steps(f);
    assert_true(loader_step(f->loader));
    assert_false(counters_loading(f->counters, outcome.ref));
    counters_unpin(f->counters, outcome.ref);
    assert_int_equal(sync_read(f, "a"), 40);
}

struct hurry {
    struct loader *loader;
    unsigned loads;
    sem_t enough;
};

static enum fake_fault fail_and_hurry(void *context, const struct fake_call *call)
{
    struct hurry *h = context;

    (void)call;
    h->loads++;
    if (h->loads == HURRIED_LOADS) {
        (void)sem_post(&h->enough);
        return FAKE_NONE;
    }
    loader_hurry(h->loader);
    return FAKE_FAIL_BEFORE;
}

static void a_load_that_failed_does_not_pause_when_the_database_was_heard_of(void **state)
{
    struct sync_fixture *f = *state;
    struct hurry h = {.loader = f->loader};
    struct counters_turn turn = {.epoch = f->open_epoch, .may_wait = true};
    struct counters_outcome outcome = {0};
    struct sr_span key = sr_span_text("a");
    struct timespec deadline;

    sync_steps(f);
    assert_int_equal(f->claimed, 1);
    assert_int_equal(sem_init(&h.enough, 0, 0), 0);
    fake_database_hook(f->database,
                       &(struct fake_hooks){.context = &h, .decide = fail_and_hurry});
    assert_int_equal(counters_read(f->counters, &turn, key, counters_hash(f->counters, key),
                                   &outcome),
                     COUNTERS_WAIT_LOAD);
    assert_int_equal(loader_queue(f->loader, outcome.ref), SR_OK);
    assert_int_equal(loader_start(f->loader, &f->err), SR_OK);
    (void)clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += PATIENCE_S;
    assert_int_equal(sem_timedwait(&h.enough, &deadline), 0);
    loader_stop(f->loader);
    assert_int_equal(h.loads, HURRIED_LOADS);
    counters_unpin(f->counters, outcome.ref);
    (void)sem_destroy(&h.enough);
}

static void the_queue_has_a_bound(void **state)
{
    struct sync_fixture *f = *state;
    unsigned queued = 0;

    while (loader_queue(f->loader, 0) == SR_OK) {
        queued++;
    }
    assert_int_equal(queued, 65536);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, sync_setup, sync_teardown)
    const struct CMUnitTest tests[] = {
        T(a_base_is_loaded_from_the_table),
        T(a_load_that_fails_is_repeated_until_it_succeeds),
        T(a_load_below_the_applied_epoch_is_repeated),
        T(before_the_first_claim_nothing_is_taken_for_a_base),
        T(a_load_that_failed_does_not_pause_when_the_database_was_heard_of),
        T(the_queue_has_a_bound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
