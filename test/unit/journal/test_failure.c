/*
 * A disk that fails: nothing is taken back, nothing durable is lost, the journal mends itself
 * with a fresh file.
 */
#include "journal_fixture.h"

#include <stdio.h>
#include <stdlib.h>

static void a_failed_commit_is_written_to_a_fresh_file_and_then_durable(void **state)
{
    struct fixture *f = *state;
    uint64_t position;
    bool found;

    fixture_add_durably(f, 1, "a", 1);
    position = fixture_add(f, 1, "a", 2);
    fake_disk_fail_at(f->fake, 1, SR_IO);
    assert_int_equal(journal_commit(f->journal, &f->err), SR_IO);
    assert_true(journal_durable(f->journal) < position);
    assert_int_equal(journal_reserve(f->journal, 25), JOURNAL_ROOM_FAILED);
    assert_int_equal(journal_commit(f->journal, &f->err), SR_OK);
    assert_int_equal(journal_durable(f->journal), position);
    assert_int_equal(journal_reserve(f->journal, 25), JOURNAL_ROOM);
    journal_unreserve(f->journal, 25);
    assert_int_equal(fixture_crash(f, FAKE_CRASH_DROP), SR_OK);
    assert_int_equal(fixture_total(f, "a", &found), 3);
}

static void a_file_that_failed_is_never_written_again(void **state)
{
    struct fixture *f = *state;
    char name[64];
    uint64_t size;
    uint8_t *before;

    fixture_add_durably(f, 1, "a", 1);
    (void)snprintf(name, sizeof(name), "%s", fake_disk_name(f->fake, "raw-", 0));
    (void)fixture_add(f, 1, "a", 2);
    fake_disk_fail_at(f->fake, 1, SR_IO);
    assert_int_equal(journal_commit(f->journal, &f->err), SR_IO);
    assert_int_equal(journal_commit(f->journal, &f->err), SR_OK);
    before = malloc(FIXTURE_FILE_BYTES);
    memcpy(before, fake_disk_bytes(f->fake, name, &size), FIXTURE_FILE_BYTES);
    for (int i = 0; i < 200; i++) {
        fixture_add_durably(f, 1, "b", 1);
        while (journal_keep(f->journal, &f->err) == SR_OK) {
        }
    }
    assert_memory_equal(before, fake_disk_bytes(f->fake, name, &size), FIXTURE_FILE_BYTES);
    free(before);
}

static void failures_while_mending_only_delay(void **state)
{
    struct fixture *f = *state;
    uint64_t position;
    unsigned failures = 0;
    bool found;

    fixture_add_durably(f, 1, "a", 1);
    position = fixture_add(f, 1, "a", 2);
    for (uint64_t n = 1; n < 60; n++) {
        fake_disk_fail_at(f->fake, 1 + n % 7, SR_IO);
        failures += journal_commit(f->journal, &f->err) != SR_OK;
        fake_disk_fail_at(f->fake, 0, SR_OK);
    }
    may_fail(journal_commit(f->journal, &f->err));
    assert_true(failures > 1);
    assert_int_equal(journal_durable(f->journal), position);
    assert_int_equal(fixture_crash(f, FAKE_CRASH_DROP), SR_OK);
    assert_int_equal(fixture_total(f, "a", &found), 3);
}

static void write_mode_keeps_unsynced_frames_until_a_fresh_file_holds_them(void **state)
{
    struct fixture *f = *state;
    uint64_t position = 0;
    bool found;

    f->options.durability = JOURNAL_WRITE;
    assert_int_equal(fixture_start(f), SR_OK);
    for (int i = 0; i < 5; i++) {
        position = fixture_add(f, 1, "a", 1);
        assert_int_equal(journal_commit(f->journal, &f->err), SR_OK);
    }
    fake_disk_advance(f->fake, 1000);
    fake_disk_fail_at(f->fake, 1, SR_IO); /* the sync */
    assert_int_equal(journal_commit(f->journal, &f->err), SR_IO);
    assert_int_equal(journal_commit(f->journal, &f->err), SR_OK);
    assert_int_equal(journal_synced(f->journal), position);
    assert_int_equal(fixture_crash(f, FAKE_CRASH_DROP), SR_OK);
    assert_int_equal(fixture_total(f, "a", &found), 5);
}

/* Acknowledged when written: what kills the process takes nothing, in the middle of mending
 * either. Returns false when the failure was not reached any more. */
static bool write_mode_dies_while_mending_at(struct fixture *f, uint64_t n, enum fake_crash how)
{
    bool reached;
    bool found;

    f->options.durability = JOURNAL_WRITE;
    assert_int_equal(fixture_start(f), SR_OK);
    for (int i = 0; i < 5; i++) {
        (void)fixture_add(f, 1, "a", 1);
        assert_int_equal(journal_commit(f->journal, &f->err), SR_OK);
    }
    fake_disk_advance(f->fake, 1000);
    fake_disk_fail_at(f->fake, 1, SR_IO); /* the sync */
    assert_int_equal(journal_commit(f->journal, &f->err), SR_IO);
    fake_disk_fail_at(f->fake, n, SR_IO);
    may_fail(journal_commit(f->journal, &f->err));
    reached = fake_disk_failed(f->fake);
    fake_disk_fail_at(f->fake, 0, SR_OK);
    assert_int_equal(fixture_crash(f, how), SR_OK);
    if (how == FAKE_CRASH_KEEP || !reached) {
        assert_int_equal(fixture_total(f, "a", &found), 5);
    }
    return reached;
}

static void write_mode_loses_nothing_to_a_kill_while_it_mends(void **state)
{
    static const enum fake_crash crashes[] = {FAKE_CRASH_KEEP, FAKE_CRASH_DROP,
                                              FAKE_CRASH_RANDOM};

    for (size_t i = 0; i < sizeof(crashes) / sizeof(crashes[0]); i++) {
        uint64_t n = 0;
        bool reached = true;

        while (reached) {
            assert_int_equal(fixture_teardown(state), 0);
            assert_int_equal(fixture_setup(state), 0);
            reached = write_mode_dies_while_mending_at(*state, ++n, crashes[i]);
        }
        assert_true(n > 5);
    }
}

/* JOURNAL_WRITE: an acknowledged add whose sync fails. */
static void fail_a_sync(struct fixture *f, const char *key, uint64_t epoch)
{
    (void)fixture_add(f, epoch, key, 1);
    assert_int_equal(journal_commit(f->journal, &f->err), SR_OK);
    fake_disk_advance(f->fake, 1000);
    fake_disk_fail_at(f->fake, 1, SR_IO);
    assert_int_equal(journal_commit(f->journal, &f->err), SR_IO);
}

static enum sr_result no_change(void *context, struct sr_change *ret_change, struct sr_err *err)
{
    (void)context;
    (void)ret_change;
    (void)err;
    return SR_NOT_FOUND;
}

/* The failed file waits for its removal while the one behind it is a spare already. */
static void a_failed_file_that_is_retired_is_no_gap_after_a_crash(void **state)
{
    struct journal_source nothing = {.next = no_change};
    struct fixture *f = *state;

    fixture_add_durably(f, 1, "a", 1);
    (void)fixture_add(f, 1, "a", 1);
    fake_disk_fail_at(f->fake, 1, SR_IO);
    assert_int_equal(journal_commit(f->journal, &f->err), SR_IO);
    assert_int_equal(journal_commit(f->journal, &f->err), SR_OK);
    for (int i = 0; i < 2 * (int)(FIXTURE_FILE_BYTES / 4096); i++) {
        may_fail(journal_keep(f->journal, &f->err));
        (void)fixture_add(f, 1, "a", 1);
        assert_int_equal(journal_commit(f->journal, &f->err), SR_OK);
    }
    assert_int_equal(journal_write_state(f->journal, 1, 0, &nothing, &f->err), SR_OK);
    assert_int_equal(fixture_crash(f, FAKE_CRASH_DROP), SR_OK);
    assert_int_equal(f->recovery.newest_epoch, 1);
}

static void cover_epoch_1(void *context)
{
    struct journal_source nothing = {.next = no_change};
    struct fixture *f = context;

    assert_int_equal(journal_write_state(f->journal, 1, 0, &nothing, NULL), SR_OK);
}

/* A file that failed is retired before the n-th call of the journal thread, which is about to
 * need a new file. Returns false when the call was not reached any more. */
static bool retires_a_failed_file_before_call(struct fixture *f, uint64_t n)
{
    bool acted;

    fixture_add_durably(f, 1, "a", 1);
    (void)fixture_add(f, 1, "a", 1);
    fake_disk_fail_at(f->fake, 1, SR_IO);
    assert_int_equal(journal_commit(f->journal, &f->err), SR_IO);
    assert_int_equal(journal_commit(f->journal, &f->err), SR_OK);
    while (journal_keep(f->journal, &f->err) == SR_OK) {
    }
    fake_disk_act_before(f->fake, n, cover_epoch_1, f);
    for (int i = 0; i < (int)(FIXTURE_FILE_BYTES / 4096); i++) {
        (void)fixture_add(f, 2, "b", 1);
        assert_int_equal(journal_commit(f->journal, &f->err), SR_OK);
    }
    acted = fake_disk_acted(f->fake);
    fake_disk_act_before(f->fake, 0, NULL, NULL);
    assert_int_equal(fixture_crash(f, FAKE_CRASH_DROP), SR_OK);
    assert_int_equal(fixture_in_state(f, 2, "b"), (int64_t)(FIXTURE_FILE_BYTES / 4096));
    return acted;
}

/* The header of the file that is being begun may say that the failed one is needed. */
static void a_file_that_is_retired_while_the_next_one_begins_is_no_gap(void **state)
{
    uint64_t n = 0;
    bool acted = true;

    while (acted) {
        assert_int_equal(fixture_teardown(state), 0);
        assert_int_equal(fixture_setup(state), 0);
        acted = retires_a_failed_file_before_call(*state, ++n);
    }
    assert_true(n > FIXTURE_FILE_BYTES / 4096);
}

/* The spare that is filled while mending had told that a failed file before it is retired.
 * Returns false when the failure was not reached any more. */
static bool mends_in_a_retired_file_failing_at(struct fixture *f, uint64_t n)
{
    struct journal_source nothing = {.next = no_change};
    uint64_t open;
    bool reached;
    bool found;

    f->options.durability = JOURNAL_WRITE;
    assert_int_equal(fixture_start(f), SR_OK);
    open = f->recovery.open_epoch;
    fail_a_sync(f, "a", open);
    assert_int_equal(journal_commit(f->journal, &f->err), SR_OK);
    while (journal_keep(f->journal, &f->err) == SR_OK) {
    }
    for (int i = 0; i < (int)(FIXTURE_FILE_BYTES / 4096); i++) {
        (void)fixture_add(f, open, "a", 1);
        assert_int_equal(journal_commit(f->journal, &f->err), SR_OK);
    }
    assert_int_equal(journal_write_state(f->journal, open, 0, &nothing, &f->err), SR_OK);
    fail_a_sync(f, "b", open + 1);
    for (int i = 0; i < 2; i++) { /* the other spares go */
        fake_disk_fail_at(f->fake, 1, SR_IO);
        assert_int_equal(journal_commit(f->journal, &f->err), SR_IO);
    }
    fake_disk_fail_at(f->fake, n, SR_IO);
    may_fail(journal_commit(f->journal, &f->err));
    reached = fake_disk_failed(f->fake);
    fake_disk_fail_at(f->fake, 0, SR_OK);
    assert_int_equal(fixture_crash(f, FAKE_CRASH_DROP), SR_OK);
    if (!reached) {
        assert_int_equal(fixture_total(f, "b", &found), 1);
    }
    return reached;
}

static void write_mode_mends_in_a_file_that_told_what_is_retired(void **state)
{
    uint64_t n = 0;
    bool reached = true;

    while (reached) {
        assert_int_equal(fixture_teardown(state), 0);
        assert_int_equal(fixture_setup(state), 0);
        reached = mends_in_a_retired_file_failing_at(*state, ++n);
    }
    assert_true(n > 5);
}

/* One round of everything with the n-th disk call failing; every commit that succeeded must be
 * found again. Returns false when the failure was not reached any more. */
static bool round_with_failure_at(struct fixture *f, uint64_t n, enum sr_result how)
{
    int64_t durable = 0;
    int64_t added = 0;
    bool found;
    bool reached;

    fake_disk_fail_at(f->fake, n, how);
    if (fixture_crash(f, FAKE_CRASH_KEEP) != SR_OK) {
        fake_disk_fail_at(f->fake, 0, SR_OK);
        assert_int_equal(fixture_crash(f, FAKE_CRASH_DROP), SR_OK);
    }
    fake_disk_fail_at(f->fake, n, how);
    for (int i = 0; i < 60; i++) {
        if (journal_reserve(f->journal, 25) == JOURNAL_ROOM) {
            journal_unreserve(f->journal, 25);
            (void)fixture_add(f, f->recovery.open_epoch, "a", 1);
            added++;
        }
        may_fail(journal_keep(f->journal, &f->err));
        may_fail(journal_compact(f->journal, f->recovery.open_epoch,
                                 journal_covered(f->journal), &f->err));
        may_fail(journal_commit(f->journal, &f->err));
        durable = (int64_t)(journal_durable(f->journal) / 25);
    }
    reached = fake_disk_failed(f->fake);
    assert_int_equal(fixture_crash(f, FAKE_CRASH_DROP), SR_OK);
    if (durable > 0) {
        int64_t value = fixture_in_state(f, f->recovery.newest_epoch, "a");

        assert_true(value >= durable);
        assert_true(value <= added);
    }
    (void)fixture_total(f, "a", &found);
    return reached;
}

static void sweep(struct fixture *f, enum sr_result how)
{
    uint64_t n = 1;

    while (round_with_failure_at(f, n, how)) {
        n++;
        journal_applied(f->journal, f->recovery.newest_epoch, n * 1000000);
    }
    assert_true(n > 50);
}

static void every_call_may_fail_and_nothing_durable_is_lost(void **state)
{
    sweep(*state, SR_IO);
}

static void every_call_may_find_the_disk_full_and_nothing_durable_is_lost(void **state)
{
    sweep(*state, SR_FULL);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(a_failed_commit_is_written_to_a_fresh_file_and_then_durable),
        T(a_file_that_failed_is_never_written_again),
        T(failures_while_mending_only_delay),
        T(a_failed_file_that_is_retired_is_no_gap_after_a_crash),
        T(a_file_that_is_retired_while_the_next_one_begins_is_no_gap),
        T(write_mode_keeps_unsynced_frames_until_a_fresh_file_holds_them),
        T(write_mode_loses_nothing_to_a_kill_while_it_mends),
        T(write_mode_mends_in_a_file_that_told_what_is_retired),
        T(every_call_may_fail_and_nothing_durable_is_lost),
        T(every_call_may_find_the_disk_full_and_nothing_durable_is_lost),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
