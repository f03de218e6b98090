/*
 * Damage against torn tails: what was durable and is bad now is refused with file and offset;
 * what was never durable is cut.
 */
#include "journal_fixture.h"

#include "journal/frame.h"
#include "journal/state.h"

#include <stdio.h>
#include <stdlib.h>

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

/* A copy of all files, so that each flip starts from the same disk. */
struct snapshot {
    char name[64];
    uint8_t *bytes;
    uint64_t size;
};

static unsigned take_snapshot(struct fixture *f, struct snapshot *files, unsigned max)
{
    unsigned count = fake_disk_count(f->fake, "");

    assert_true(count <= max);
    for (unsigned i = 0; i < count; i++) {
        const char *name = fake_disk_name(f->fake, "", i);
        const uint8_t *bytes = fake_disk_bytes(f->fake, name, &files[i].size);

        (void)snprintf(files[i].name, sizeof(files[i].name), "%s", name);
        files[i].bytes = malloc(files[i].size);
        memcpy(files[i].bytes, bytes, files[i].size);
    }
    return count;
}

static void restore(struct fixture *f, const struct snapshot *files, unsigned count)
{
    struct disk *disk = f->options.disk;

    journal_close(&f->journal);
    while (fake_disk_name(f->fake, "", 0) != NULL) {
        fake_disk_remove(f->fake, fake_disk_name(f->fake, "", 0));
    }
    for (unsigned i = 0; i < count; i++) {
        struct disk_file *file = NULL;

        assert_int_equal(disk->open(disk, files[i].name, true, false, &file, &f->err), SR_OK);
        assert_int_equal(disk->write(disk, file, 0, files[i].bytes, files[i].size, &f->err),
                         SR_OK);
        disk->close(disk, &file);
    }
}

/* Right, or refused with file and offset; a state file's damage may also show when it is read.
 */
static void right_or_refused(struct fixture *f, int64_t total)
{
    struct journal_state state = {0};
    enum sr_result result = fixture_start(f);
    int64_t sum = 0;

    if (result != SR_OK) {
        assert_int_equal(result, SR_DAMAGED);
        assert_non_null(strstr(f->err.text, "offset"));
        return;
    }
    while (journal_state_after(f->journal, state.epoch, &state)) {
        struct state_reader *reader = NULL;
        struct sr_change change;

        result = state_reader_open(f->options.disk, state.name, &reader, &f->err);
        while (result == SR_OK &&
               (result = state_reader_next(reader, &change, &f->err)) == SR_OK) {
            sum += (int64_t)change.value;
        }
        state_reader_close(&reader);
        if (result == SR_DAMAGED) {
            assert_non_null(strstr(f->err.text, "offset"));
            return;
        }
        assert_int_equal(result, SR_NOT_FOUND);
    }
    assert_int_equal(sum, total);
}

/* Every bit of what holds something; zeros behind it in steps. */
static void flip_all(struct fixture *f, int64_t total, uint64_t step)
{
    struct snapshot files[16];
    unsigned count = take_snapshot(f, files, 16);

    for (unsigned i = 0; i < count; i++) {
        for (uint64_t bit = 0; bit < files[i].size * 8; bit += step) {
            files[i].bytes[bit / 8] ^= (uint8_t)(1U << (bit % 8));
            restore(f, files, count);
            right_or_refused(f, total);
            files[i].bytes[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        }
    }
    for (unsigned i = 0; i < count; i++) {
        free(files[i].bytes);
    }
}

static void a_flipped_bit_of_a_cleanly_closed_journal_is_right_or_refused(void **state)
{
    struct fixture *f = *state;

    /* The short form: a prime step visits every byte position of a block in time; make torture
     * flips each bit. */
    for (int i = 0; i < 5; i++) {
        fixture_add_durably(f, 1, "a", 1);
    }
    assert_int_equal(journal_start(f->journal, &f->err), SR_OK);
    journal_stop(f->journal);
    flip_all(f, 5, 499);
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
        T(a_flipped_bit_of_a_cleanly_closed_journal_is_right_or_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
