/*
 * The claim and what its epoch means: copied directories, rows that are gone, databases that
 * fell back.
 */
#include "sync_fixture.h"

#include <string.h>

static void flush_one(struct sync_fixture *f, int64_t value)
{
    (void)sync_add(f, "a", value);
    sync_interval(f);
}

static void a_database_that_fell_back_gets_what_it_lacks_again(void **state)
{
    struct sync_fixture *f = *state;

    sync_steps(f);
    flush_one(f, 1);
    fake_database_keep(f->database);
    flush_one(f, 2);
    flush_one(f, 4);
    assert_int_equal(sync_row(f, "a"), 7);
    fake_database_fall_back(f->database);
    assert_int_equal(sync_row(f, "a"), 1);
    flush_one(f, 8);
    sync_long_time(f);
    assert_int_equal(sync_row(f, "a"), 15);
    assert_int_equal(sync_read(f, "a"), 15);
}

static void a_fallback_is_seen_by_an_idle_instance(void **state)
{
    struct sync_fixture *f = *state;

    sync_steps(f);
    flush_one(f, 1);
    fake_database_keep(f->database);
    flush_one(f, 2);
    fake_database_fall_back(f->database);
    sync_long_time(f);
    assert_int_equal(sync_row(f, "a"), 3);
}

static void a_fallback_beyond_the_retention_is_a_stop(void **state)
{
    struct sync_fixture *f = *state;

    sync_steps(f);
    flush_one(f, 1);
    fake_database_keep(f->database);
    flush_one(f, 2);
    for (uint32_t ms = 0; ms < 3 * FIXTURE_RETENTION_MS; ms += FIXTURE_INTERVAL_MS) {
        flush_one(f, 1);
    }
    fake_database_fall_back(f->database);
    flush_one(f, 4);
    sync_long_time(f);
    assert_int_equal(sync_state(f), FLUSHER_STOPPED);
    assert_int_equal(sync_row(f, "a"), 1);
}

static void retention_does_not_run_while_the_database_is_away(void **state)
{
    struct sync_fixture *f = *state;

    sync_steps(f);
    flush_one(f, 1);
    fake_database_keep(f->database);
    flush_one(f, 2);
    fake_database_set_down(f->database, true);
    for (uint32_t ms = 0; ms < 3 * FIXTURE_RETENTION_MS; ms += FIXTURE_INTERVAL_MS) {
        flush_one(f, 1);
    }
    fake_database_fall_back(f->database);
    fake_database_set_down(f->database, false);
    sync_long_time(f);
    assert_int_equal(sync_row(f, "a"), 3 + 3 * FIXTURE_RETENTION_MS / FIXTURE_INTERVAL_MS);
}

static void a_copied_directory_stops_one_of_the_two(void **state)
{
    struct sync_fixture *f = *state;
    struct sr_uuid instance = datadir_instance(f->datadir);
    struct store *copy;
    struct sr_uuid tokens[3] = {{{1}}};
    struct store_claim claim = {.mine = tokens};
    size_t count = 0;
    uint64_t epoch;
    const struct sr_uuid *mine;

    sync_steps(f);
    flush_one(f, 1);
    /* The copy knows the tokens of the moment it was made, and draws one of its own. */
    mine = datadir_tokens(f->datadir, &count);
    assert_true(count >= 1);
    tokens[1] = mine[count - 1];
    claim.fresh = tokens[0];
    claim.mine_count = 2;
    copy = fake_store_open(f->database, &instance);
    assert_int_equal(copy->ops->claim(copy, &claim, &epoch, &f->err), SR_OK);
    flush_one(f, 2);
    sync_long_time(f);
    assert_int_equal(sync_state(f), FLUSHER_STOPPED);
    assert_int_equal(sync_row(f, "a"), 1);
    store_close(&copy);
}

static void a_writers_row_that_vanished_is_a_stop(void **state)
{
    struct sync_fixture *f = *state;
    struct sr_uuid instance = datadir_instance(f->datadir);

    sync_steps(f);
    flush_one(f, 1);
    fake_database_forget_writer(f->database, &instance);
    flush_one(f, 2);
    sync_long_time(f);
    assert_int_equal(sync_state(f), FLUSHER_STOPPED);
    assert_int_equal(sync_row(f, "a"), 1);
}

/* Nothing of the new epochs on the disk: as if yesterday's copy of the directory had been put
 * back. */
static void forget_states(struct sync_fixture *f)
{
    while (fake_disk_name(f->fake, "state-", 0) != NULL) {
        fake_disk_remove(f->fake, fake_disk_name(f->fake, "state-", 0));
    }
    while (fake_disk_name(f->fake, "raw-", 0) != NULL) {
        fake_disk_remove(f->fake, fake_disk_name(f->fake, "raw-", 0));
    }
}

static void an_older_copy_of_the_directory_is_a_stop(void **state)
{
    struct sync_fixture *f = *state;

    sync_steps(f);
    flush_one(f, 1);
    flush_one(f, 2);
    forget_states(f);
    sync_crash(f, FAKE_CRASH_KEEP);
    sync_long_time(f);
    assert_int_equal(sync_state(f), FLUSHER_STOPPED);
    assert_int_equal(sync_row(f, "a"), 3);
}

static void a_store_that_cannot_be_believed_is_a_stop(void **state)
{
    struct sync_fixture *f = *state;
    uint64_t calls;

    sync_steps(f);
    flush_one(f, 1);
    fake_database_fail_at(f->database, 1, FAKE_SPOIL);
    flush_one(f, 2);
    assert_int_equal(sync_state(f), FLUSHER_STOPPED);
    calls = fake_database_calls(f->database);
    flush_one(f, 4);
    sync_long_time(f);
    assert_int_equal(sync_state(f), FLUSHER_STOPPED);
    assert_int_equal(fake_database_calls(f->database), calls);
    assert_int_equal(sync_row(f, "a"), 1);
    sync_crash(f, FAKE_CRASH_DROP); /* the operator has acted: nothing was removed */
    sync_long_time(f);
    assert_int_equal(sync_row(f, "a"), 7);
}

/* ---- durability none: the seal of an epoch whose state file could not be written ---- */

static void start_unjournaled(struct sync_fixture *f)
{
    f->durability = JOURNAL_NONE;
    sync_crash(f, FAKE_CRASH_KEEP);
    sync_steps(f);
}

/* An epoch of which the disk, which is full, gets nothing but the seal. */
static void flush_beside_a_full_disk(struct sync_fixture *f, int64_t value)
{
    fake_disk_limit(f->fake, 1);
    flush_one(f, value);
    fake_disk_limit(f->fake, 0);
}

static void a_lost_epoch_that_was_flushed_does_not_pass_for_an_empty_one(void **state)
{
    struct sync_fixture *f = *state;
    struct flusher_stats stats;

    start_unjournaled(f);
    flush_one(f, 1);
    fake_database_keep(f->database);
    flush_beside_a_full_disk(f, 2);
    assert_int_equal(sync_row(f, "a"), 3);
    sync_crash(f, FAKE_CRASH_KEEP);
    sync_steps(f);
    flush_one(f, 4); /* all is well while the database has the epoch */
    assert_int_equal(sync_row(f, "a"), 7);
    fake_database_fall_back(f->database);
    sync_long_time(f);
    flusher_stats(f->flusher, &stats);
    assert_int_equal(stats.state, FLUSHER_STOPPED);
    assert_non_null(strstr(stats.reason, "state files"));
    assert_int_equal(sync_row(f, "a"), 1); /* nothing of what lies above the gap */
}

static void nor_after_starts_without_the_database(void **state)
{
    struct sync_fixture *f = *state;

    start_unjournaled(f);
    flush_one(f, 1);
    fake_database_keep(f->database);
    flush_beside_a_full_disk(f, 2);
    fake_database_set_down(f->database, true);
    for (int starts = 0; starts < 3; starts++) {
        sync_crash(f, FAKE_CRASH_KEEP);
        sync_long_time(f);
    }
    fake_database_set_down(f->database, false);
    sync_long_time(f);
    assert_int_equal(sync_state(f), FLUSHER_CAUGHT_UP);
    fake_database_fall_back(f->database);
    sync_long_time(f);
    assert_int_equal(sync_state(f), FLUSHER_STOPPED);
    assert_int_equal(sync_row(f, "a"), 1);
}

/* Of an epoch that died with the process nothing is missing where the database lacks it: what
 * was unknown is certain from the claim on, also for later starts. */
static void a_lost_epoch_that_never_was_flushed_is_an_empty_one(void **state)
{
    struct sync_fixture *f = *state;

    start_unjournaled(f);
    flush_one(f, 1);
    fake_database_keep(f->database);
    fake_database_set_down(f->database, true);
    flush_beside_a_full_disk(f, 2);
    sync_crash(f, FAKE_CRASH_KEEP);
    fake_database_set_down(f->database, false);
    sync_long_time(f);
    assert_int_equal(sync_row(f, "a"), 1);
    sync_crash(f, FAKE_CRASH_KEEP);
    sync_steps(f);
    flush_one(f, 4);
    fake_database_fall_back(f->database);
    sync_long_time(f);
    assert_int_equal(sync_state(f), FLUSHER_CAUGHT_UP);
    assert_int_equal(sync_row(f, "a"), 5);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, sync_setup, sync_teardown)
    const struct CMUnitTest tests[] = {
        T(a_database_that_fell_back_gets_what_it_lacks_again),
        T(a_fallback_is_seen_by_an_idle_instance),
        T(a_fallback_beyond_the_retention_is_a_stop),
        T(retention_does_not_run_while_the_database_is_away),
        T(a_copied_directory_stops_one_of_the_two),
        T(a_writers_row_that_vanished_is_a_stop),
        T(an_older_copy_of_the_directory_is_a_stop),
        T(a_store_that_cannot_be_believed_is_a_stop),
        T(a_lost_epoch_that_was_flushed_does_not_pass_for_an_empty_one),
        T(nor_after_starts_without_the_database),
        T(a_lost_epoch_that_never_was_flushed_is_an_empty_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
