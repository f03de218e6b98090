/*
 * Power loss at any moment, with unsynced blocks kept, dropped and torn: what was durable is
 * there, once; what was not is there at most once.
 */
#include "journal_fixture.h"

#define KEY_SIZE 25 /* bytes of a record of a one-byte key */

struct history {
    int64_t durable; /* sum that was acknowledged over all lives */
    int64_t maybe;   /* sum that was handed over and not acknowledged */
};

static uint64_t next_random(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005U + 1442695040888963407U; /* Knuth's MMIX */
    return *seed >> 33;
}

/* One life: random work, then a crash. */
static void live(struct fixture *f, struct history *history, uint64_t *seed)
{
    uint64_t steps = next_random(seed) % 60;
    uint64_t epoch = f->recovery.open_epoch;
    int64_t handed = 0;

    if (next_random(seed) % 4 == 0) {
        fake_disk_fail_at(f->fake, 1 + next_random(seed) % 40, SR_IO);
    }
    for (uint64_t i = 0; i < steps; i++) {
        switch (next_random(seed) % 6) {
        case 0:
            may_fail(journal_keep(f->journal, &f->err));
            break;
        case 1:
            may_fail(journal_commit(f->journal, &f->err));
            break;
        case 2:
            may_fail(journal_compact(f->journal, epoch, journal_covered(f->journal), &f->err));
            break;
        default:
            if (journal_reserve(f->journal, KEY_SIZE) == JOURNAL_ROOM) {
                journal_unreserve(f->journal, KEY_SIZE);
                (void)fixture_add(f, epoch, "a", 1);
                handed++;
            }
        }
    }
    history->durable += (int64_t)(journal_durable(f->journal) / KEY_SIZE);
    history->maybe += handed - (int64_t)(journal_durable(f->journal) / KEY_SIZE);
}

static void crash_and_compare(struct fixture *f, struct history *history, uint64_t *seed)
{
    int64_t total;
    bool found;

    /* A crash during the start itself, too. */
    if (next_random(seed) % 3 == 0) {
        journal_close(&f->journal);
        fake_disk_crash(f->fake, FAKE_CRASH_RANDOM);
        fake_disk_fail_at(f->fake, 1 + next_random(seed) % 60, SR_IO);
        may_fail(fixture_start(f));
    }
    assert_int_equal(fixture_crash(f, FAKE_CRASH_RANDOM), SR_OK);
    total = fixture_total(f, "a", &found);
    assert_in_range(total, history->durable, history->durable + history->maybe);
    /* What survived is durable from here on. */
    history->durable = total;
    history->maybe = 0;
}

static void a_thousand_lives_lose_nothing_and_double_nothing(void **state)
{
    struct fixture *f = *state;

    for (uint64_t seed = 1; seed <= 100; seed++) {
        struct history history = {0};
        uint64_t random = seed;

        for (int life = 0; life < 10; life++) {
            live(f, &history, &random);
            crash_and_compare(f, &history, &random);
        }
        journal_close(&f->journal);
        fake_disk_free(&f->fake);
        f->fake = fake_disk_new(seed);
        f->options.disk = fake_disk_base(f->fake);
        assert_int_equal(fixture_start(f), SR_OK);
    }
}

/* Its state file could not be written: once a file of it is retired, what is left of it in the
 * others must not be taken for the whole, which a database that fell back would be given. */
static void an_epoch_that_was_given_up_does_not_come_back_in_part(void **state)
{
    struct fixture *f = *state;
    struct journal_state found;
    struct journal_stats stats;

    do { /* the current file holds a part of the epoch, too */
        while (journal_keep(f->journal, &f->err) == SR_OK) {
        }
        fixture_add_durably(f, 1, "a", 1);
        journal_stats(f->journal, &stats);
    } while (stats.raw_files < 2);
    (void)journal_seal(f->journal, 1);
    assert_int_equal(journal_commit(f->journal, &f->err), SR_OK);
    journal_cover(f->journal, 1);
    assert_int_equal(fixture_crash(f, FAKE_CRASH_DROP), SR_OK);
    assert_false(journal_state_after(f->journal, 0, &found));
    assert_int_equal(f->recovery.newest_epoch, 1);
    assert_true(f->recovery.open_epoch > 1);
}

/* A start that finds the seal of epoch 1 and nothing else of it. */
static struct fixture *start_with_a_hollow_state(void **state)
{
    struct journal_state found;
    struct fixture *f;

    assert_int_equal(fixture_setup(state), 0);
    f = *state;
    (void)journal_seal(f->journal, 1);
    assert_int_equal(journal_commit(f->journal, &f->err), SR_OK);
    assert_int_equal(fixture_crash(f, FAKE_CRASH_DROP), SR_OK);
    assert_true(journal_state_after(f->journal, 0, &found));
    assert_true(found.hollow && found.epoch == 1 && found.changes == 0);
    return f;
}

/* Whichever call fails, and with a power loss behind it: the chain goes on, and an epoch that
 * the database lacked does not become one that is missing. */
static void an_epoch_that_the_database_lacks_is_empty_at_every_fault(void **state)
{
    bool failed = true;

    for (uint64_t n = 1; failed; n++) {
        struct fixture *f = start_with_a_hollow_state(state);
        struct journal_state found;

        fake_disk_fail_at(f->fake, n, SR_IO);
        journal_judge_hollow(f->journal, 0);
        failed = fake_disk_failed(f->fake);
        fake_disk_fail_at(f->fake, 0, SR_OK);
        assert_true(journal_state_after(f->journal, 0, &found));
        assert_int_equal(fixture_crash(f, FAKE_CRASH_DROP), SR_OK);
        assert_true(journal_state_after(f->journal, 0, &found));
        assert_true(failed || !found.hollow);
        journal_judge_hollow(f->journal, 0);
        assert_int_equal(fixture_crash(f, FAKE_CRASH_DROP), SR_OK);
        journal_judge_hollow(f->journal, 1);
        assert_true(journal_state_after(f->journal, 0, &found));
        assert_true(failed || fake_disk_count(f->fake, "state-") == 1);
        (void)fixture_teardown(state);
        assert_true(n < 100);
    }
}

static void an_epoch_that_the_database_has_is_missing_at_every_fault(void **state)
{
    bool failed = true;

    for (uint64_t n = 1; failed; n++) {
        struct fixture *f = start_with_a_hollow_state(state);
        struct journal_state found;

        fake_disk_fail_at(f->fake, n, SR_IO);
        journal_judge_hollow(f->journal, 1);
        failed = fake_disk_failed(f->fake);
        fake_disk_fail_at(f->fake, 0, SR_OK);
        assert_false(journal_state_after(f->journal, 0, &found));
        assert_int_equal(fixture_crash(f, FAKE_CRASH_DROP), SR_OK);
        journal_judge_hollow(f->journal, 1);
        assert_int_equal(fixture_crash(f, FAKE_CRASH_DROP), SR_OK);
        assert_false(journal_state_after(f->journal, 0, &found));
        assert_int_equal(f->recovery.newest_epoch, 1);
        (void)fixture_teardown(state);
        assert_true(n < 100);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_epoch_that_the_database_lacks_is_empty_at_every_fault),
        cmocka_unit_test(an_epoch_that_the_database_has_is_missing_at_every_fault),
        cmocka_unit_test_setup_teardown(an_epoch_that_was_given_up_does_not_come_back_in_part,
                                        fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(a_thousand_lives_lose_nothing_and_double_nothing,
                                        fixture_setup, fixture_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
