/*
 * A full disk: refused before anything is lost, and the way on that a start has kept for it.
 */
#include "journal_fixture.h"

#include "journal/journal_internal.h"

#include <string.h>

static void a_full_disk_refuses_and_a_freed_one_goes_on(void **state)
{
    struct fixture *f = *state;
    enum journal_room room;
    bool found;
    int64_t added = 0;

    fake_disk_limit(f->fake, 3 * FIXTURE_FILE_BYTES);
    do {
        while (journal_keep(f->journal, &f->err) == SR_OK) {
        }
        room = journal_reserve(f->journal, 25);
        if (room == JOURNAL_ROOM) {
            journal_unreserve(f->journal, 25);
            fixture_add_durably(f, 1, "a", 1);
            added++;
        }
    } while (room == JOURNAL_ROOM);
    assert_int_equal(room, JOURNAL_ROOM_FULL);
    fake_disk_limit(f->fake, 0);
    while (journal_keep(f->journal, &f->err) == SR_OK) {
    }
    fixture_add_durably(f, 1, "a", 1);
    assert_int_equal(fixture_crash(f, FAKE_CRASH_DROP), SR_OK);
    assert_int_equal(fixture_total(f, "a", &found), added + 1);
}

static void count_tmp(void *context, const char *name)
{
    *(unsigned *)context += strstr(name, ".tmp") != NULL;
}

static unsigned unfinished_files(struct fixture *f)
{
    struct disk *disk = fake_disk_base(f->fake);
    unsigned count = 0;

    assert_int_equal(disk->list(disk, count_tmp, &count, NULL), SR_OK);
    return count;
}

static void a_disk_that_is_full_since_the_start_leaves_the_file_whose_room_was_taken(
    void **state)
{
    struct fixture *f = *state;

    raw_file_reserve(f->journal);
    fake_disk_limit(f->fake, 1);
    assert_int_equal(journal_keep(f->journal, &f->err), SR_OK);
    assert_int_equal(journal_keep(f->journal, &f->err), SR_FULL);
    assert_int_equal(unfinished_files(f), 0);
}

static void room_that_was_taken_and_not_needed_is_given_back(void **state)
{
    struct fixture *f = *state;

    raw_file_reserve(f->journal);
    assert_int_equal(unfinished_files(f), 1);
    raw_file_unreserve(f->journal);
    assert_int_equal(unfinished_files(f), 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(a_full_disk_refuses_and_a_freed_one_goes_on),
        T(a_disk_that_is_full_since_the_start_leaves_the_file_whose_room_was_taken),
        T(room_that_was_taken_and_not_needed_is_given_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
