/*
 * Damage against torn tails: what was durable and is bad now is refused with file and offset;
 * what was never durable is cut. test_flips.c spoils every bit.
 */
#include "journal_fixture.h"

#include "journal/frame.h"

static void spoil(struct fixture *f, const char *name, uint64_t offset)
{
    uint64_t size = 0;
    uint8_t *bytes = fake_disk_bytes(f->fake, name, &size);

    assert_true(offset < size);
    bytes[offset] ^= 0x10;
}

static void restart_refuses_damage(struct fixture *f, const char *name)
{
    assert_int_equal(fixture_start(f), SR_DAMAGED);
    assert_non_null(strstr(f->err.text, name));
    assert_non_null(strstr(f->err.text, "offset"));
}

static void a_bad_frame_before_a_later_one_is_damage(void **state)
{
    struct fixture *f = *state;
    const char *name = fake_disk_name(f->fake, "raw-", 0);

    for (int i = 0; i < 3; i++) {
        fixture_add_durably(f, 1, "a", 1);
    }
    spoil(f, name, JOURNAL_FRAMES_AT + JOURNAL_BLOCK + 70);
    restart_refuses_damage(f, name);
}

static void a_bad_last_frame_is_a_torn_tail(void **state)
{
    struct fixture *f = *state;
    bool found;

    for (int i = 0; i < 3; i++) {
        fixture_add_durably(f, 1, "a", 1);
    }
    spoil(f, fake_disk_name(f->fake, "raw-", 0), JOURNAL_FRAMES_AT + 2 * JOURNAL_BLOCK + 70);
    assert_int_equal(fixture_start(f), SR_OK);
    assert_int_equal(fixture_total(f, "a", &found), 2);
    assert_int_equal(f->recovery.torn_bytes, JOURNAL_BLOCK);
}

static void a_file_that_the_journal_needs_and_that_is_gone_is_damage(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 120; i++) {
        while (journal_keep(f->journal, &f->err) == SR_OK) {
        }
        fixture_add_durably(f, 1, "a", 1);
    }
    assert_true(fake_disk_count(f->fake, "raw-") > 3);
    fake_disk_remove(f->fake, fake_disk_name(f->fake, "raw-", 1));
    assert_int_equal(fixture_start(f), SR_DAMAGED);
}

static void the_oldest_needed_file_gone_is_damage(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 120; i++) {
        while (journal_keep(f->journal, &f->err) == SR_OK) {
        }
        fixture_add_durably(f, 1, "a", 1);
    }
    fake_disk_remove(f->fake, fake_disk_name(f->fake, "raw-", 0));
    assert_int_equal(fixture_start(f), SR_DAMAGED);
}

static void frames_of_a_files_former_life_do_not_count(void **state)
{
    struct fixture *f = *state;
    bool found;

    /* A start retires the raw file; the next one reuses it while old frames lie behind the new
     * ones. */
    for (int i = 0; i < 10; i++) {
        fixture_add_durably(f, 1, "a", 1);
    }
    for (int i = 0; i < 6; i++) {
        assert_int_equal(fixture_crash(f, FAKE_CRASH_DROP), SR_OK);
        fixture_add_durably(f, f->recovery.open_epoch, "a", 1);
    }
    assert_int_equal(fixture_crash(f, FAKE_CRASH_DROP), SR_OK);
    assert_int_equal(fixture_total(f, "a", &found), 16);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(a_bad_frame_before_a_later_one_is_damage),
        T(a_bad_last_frame_is_a_torn_tail),
        T(a_file_that_the_journal_needs_and_that_is_gone_is_damage),
        T(the_oldest_needed_file_gone_is_damage),
        T(frames_of_a_files_former_life_do_not_count),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
