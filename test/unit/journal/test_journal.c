/*
 * The journal without faults: commit, positions, room, seal, state files, retirement,
 * retention, compaction, starts.
 */
#include "journal/frame.h"
#include "journal_fixture.h"

#include <stdio.h>

static void what_was_committed_is_in_a_state_file_after_a_start(void **state)
{
    struct fixture *f = *state;
    bool found;

    fixture_add_durably(f, 1, "a", 2);
    fixture_add_durably(f, 1, "a", 3);
    fixture_add_durably(f, 1, "b", -4);
    assert_int_equal(fixture_crash(f, FAKE_CRASH_DROP), SR_OK);
    assert_int_equal(f->recovery.replayed_records, 3);
    assert_int_equal(f->recovery.newest_epoch, 1);
    assert_int_equal(f->recovery.open_epoch, 2);
    assert_int_equal(fixture_in_state(f, 1, "a"), 5);
    assert_int_equal(fixture_total(f, "b", &found), -4);
}

static void a_second_start_replays_nothing_again(void **state)
{
    struct fixture *f = *state;
    bool found;

    fixture_add_durably(f, 1, "a", 2);
    assert_int_equal(fixture_crash(f, FAKE_CRASH_KEEP), SR_OK);
    assert_int_equal(fixture_crash(f, FAKE_CRASH_DROP), SR_OK);
    assert_int_equal(f->recovery.replayed_records, 0);
    assert_int_equal(fixture_total(f, "a", &found), 2);
}

static void two_epochs_become_two_state_files_in_a_chain(void **state)
{
    struct fixture *f = *state;
    struct journal_state second;

    fixture_add_durably(f, 1, "a", 1);
    fixture_add_durably(f, 2, "a", 10);
    fixture_add_durably(f, 1, "a", 100);
    assert_int_equal(fixture_crash(f, FAKE_CRASH_DROP), SR_OK);
    assert_int_equal(fixture_in_state(f, 1, "a"), 101);
    assert_int_equal(fixture_in_state(f, 2, "a"), 10);
    assert_true(journal_state_after(f->journal, 1, &second));
    assert_int_equal(second.predecessor, 1);
    assert_int_equal(f->recovery.open_epoch, 3);
}

static void one_frame_takes_the_whole_queue(void **state)
{
    struct fixture *f = *state;
    struct journal_stats stats;

    for (int i = 0; i < 100; i++) {
        (void)fixture_add(f, 1, "a", 1);
    }
    assert_int_equal(journal_commit(f->journal, &f->err), SR_OK);
    assert_int_equal(journal_commit(f->journal, &f->err), SR_NOT_FOUND);
    journal_stats(f->journal, &stats);
    assert_int_equal(stats.frames, 1);
    assert_int_equal(journal_durable(f->journal), journal_handed(f->journal));
}

static void more_than_a_frame_waiting_is_refused_and_given_back_room_helps(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(journal_reserve(f->journal, FIXTURE_FILE_BYTES), JOURNAL_ROOM_QUEUE_FULL);
    assert_int_equal(journal_reserve(f->journal, 40000), JOURNAL_ROOM);
    assert_int_equal(journal_reserve(f->journal, 40000), JOURNAL_ROOM_QUEUE_FULL);
    journal_unreserve(f->journal, 40000);
    assert_int_equal(journal_reserve(f->journal, 40000), JOURNAL_ROOM);
    journal_unreserve(f->journal, 40000);
}

static void keep_spares(struct fixture *f)
{
    while (journal_keep(f->journal, &f->err) == SR_OK) {
    }
}

/* How many bytes of padding are not zero in the frames of all raw files. */
static unsigned dirty_padding(struct fixture *f, unsigned *ret_frames)
{
    unsigned dirty = 0;

    *ret_frames = 0;
    for (unsigned i = 0; i < fake_disk_count(f->fake, ""); i++) {
        uint64_t size = 0;
        const uint8_t *file = fake_disk_bytes(f->fake, fake_disk_name(f->fake, "", i), &size);
        struct journal_frame frame;
        uint64_t bytes = 0;

        for (uint64_t at = JOURNAL_FRAMES_AT; at < size; at += bytes) {
            const uint8_t *pad;

            if (journal_frame_decode((struct sr_span){file + at, size - at}, &frame, &bytes) !=
                SR_OK) {
                break;
            }
            pad = file + at + JOURNAL_FRAME_HEADER + frame.payload.size;
            for (; pad < file + at + bytes; pad++) {
                dirty += *pad != 0;
            }
            (*ret_frames)++;
        }
    }
    return dirty;
}

/* Frames are made in two buffers in turn: what long ones leave there is on no disk. */
static void short_frames_behind_long_ones_are_padded_with_zeros(void **state)
{
    static const unsigned records[] = {300, 200, 1, 2, 150, 3, 1, 100, 1, 1};
    struct fixture *f = *state;
    unsigned frames;

    keep_spares(f);
    for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
        for (unsigned n = 0; n < records[i]; n++) {
            (void)fixture_add(f, 1, "a", 1);
        }
        assert_int_equal(journal_commit(f->journal, &f->err), SR_OK);
    }
    assert_int_equal(dirty_padding(f, &frames), 0);
    assert_int_equal(frames, sizeof(records) / sizeof(records[0]));
}

/* Fills the journal until it refuses; returns how many records it took. */
static unsigned fill(struct fixture *f, uint64_t epoch)
{
    unsigned count = 0;

    keep_spares(f);
    for (;;) {
        enum journal_room room = journal_reserve(f->journal, 25);

        if (room != JOURNAL_ROOM) {
            assert_int_equal(room, JOURNAL_ROOM_FULL);
            return count;
        }
        journal_unreserve(f->journal, 25);
        fixture_add_durably(f, epoch, "a", 1);
        count++;
        keep_spares(f);
    }
}

static void a_full_journal_refuses_but_has_room_for_the_seal(void **state)
{
    struct fixture *f = *state;
    unsigned count = fill(f, 1);
    struct journal_stats stats;
    bool found;

    assert_true(count > 100);
    journal_stats(f->journal, &stats);
    assert_true(stats.bytes <= stats.limit_bytes);
    assert_true(journal_seal(f->journal, 1) > 0);
    assert_int_equal(journal_commit(f->journal, &f->err), SR_OK);
    assert_int_equal(journal_synced(f->journal), journal_handed(f->journal));
    assert_int_equal(fixture_crash(f, FAKE_CRASH_DROP), SR_OK);
    assert_int_equal(fixture_total(f, "a", &found), count);
}

struct one_change {
    const char *key;
    int64_t value;
    bool given;
};

static enum sr_result next_change(void *context, struct sr_change *ret_change,
                                  struct sr_err *err)
{
    struct one_change *one = context;

    (void)err;
    if (one->given) {
        return SR_NOT_FOUND;
    }
    one->given = true;
    *ret_change = (struct sr_change){.key = sr_span_text(one->key),
                                     .value = one->value,
                                     .kind = SR_CHANGE_ADD};
    return SR_OK;
}

static void write_state(struct fixture *f, uint64_t epoch, const char *key, int64_t value)
{
    struct one_change one = {.key = key, .value = value};
    struct journal_source source = {.next = next_change, .context = &one};

    assert_int_equal(journal_write_state(f->journal, epoch, epoch - 1, &source, &f->err),
                     SR_OK);
}

static void a_covered_epoch_frees_its_files_and_is_not_replayed(void **state)
{
    struct fixture *f = *state;
    unsigned count = fill(f, 1);
    struct journal_stats stats;

    write_state(f, 1, "a", count);
    journal_stats(f->journal, &stats);
    assert_int_equal(stats.raw_files, 1);
    assert_int_equal(journal_reserve(f->journal, 25), JOURNAL_ROOM);
    journal_unreserve(f->journal, 25);
    fixture_add_durably(f, 2, "a", 5);
    assert_int_equal(fixture_crash(f, FAKE_CRASH_DROP), SR_OK);
    assert_int_equal(f->recovery.replayed_records, 1);
    assert_int_equal(fixture_in_state(f, 1, "a"), count);
    assert_int_equal(fixture_in_state(f, 2, "a"), 5);
}

static void applied_epochs_go_after_the_retention_but_the_newest_stays(void **state)
{
    struct fixture *f = *state;
    struct journal_state kept;

    for (uint64_t epoch = 1; epoch <= 3; epoch++) {
        write_state(f, epoch, "a", 1);
    }
    journal_applied(f->journal, 3, 1000);
    assert_int_equal(fake_disk_count(f->fake, "state-"), 3);
    journal_applied(f->journal, 3, 1000 + f->options.retention_ms + 1);
    assert_int_equal(fake_disk_count(f->fake, "state-"), 1);
    assert_true(journal_state_after(f->journal, 0, &kept));
    assert_int_equal(kept.epoch, 3);
}

static void what_is_not_applied_is_never_dropped(void **state)
{
    struct fixture *f = *state;

    write_state(f, 1, "a", 1);
    write_state(f, 2, "a", 1);
    journal_applied(f->journal, 0, 1);
    journal_applied(f->journal, 0, 1 + 10 * f->options.retention_ms);
    assert_int_equal(fake_disk_count(f->fake, "state-"), 2);
}

static void compaction_turns_closed_files_into_one_state_of_the_open_epoch(void **state)
{
    struct fixture *f = *state;
    struct journal_stats before;
    struct journal_stats after;
    unsigned count;
    bool found;

    write_state(f, 1, "z", 1);
    count = fill(f, 2);
    journal_stats(f->journal, &before);
    assert_int_equal(journal_compact(f->journal, 2, 1, &f->err), SR_OK);
    journal_stats(f->journal, &after);
    assert_true(after.raw_files < before.raw_files);
    fixture_add_durably(f, 2, "a", 7);
    assert_int_equal(fixture_crash(f, FAKE_CRASH_DROP), SR_OK);
    assert_int_equal(fixture_total(f, "a", &found), count + 7);
    assert_int_equal(fake_disk_count(f->fake, "state-"), 2);
}

static void compaction_again_and_again_keeps_the_sum(void **state)
{
    struct fixture *f = *state;
    uint64_t sum = 0;
    bool found;

    for (int round = 0; round < 4; round++) {
        sum += fill(f, 1);
        assert_int_equal(journal_compact(f->journal, 1, 0, &f->err), SR_OK);
    }
    assert_int_equal(fixture_crash(f, FAKE_CRASH_DROP), SR_OK);
    assert_int_equal(fixture_total(f, "a", &found), sum);
}

static void write_mode_acknowledges_at_once_and_syncs_after_a_second(void **state)
{
    struct fixture *f = *state;
    uint64_t position;

    f->options.durability = JOURNAL_WRITE;
    assert_int_equal(fixture_start(f), SR_OK);
    position = fixture_add(f, 1, "a", 1);
    assert_int_equal(journal_commit(f->journal, &f->err), SR_OK);
    assert_int_equal(journal_durable(f->journal), position);
    assert_int_equal(journal_synced(f->journal), 0);
    assert_int_equal(journal_commit(f->journal, &f->err), SR_NOT_FOUND);
    fake_disk_advance(f->fake, 1000);
    assert_int_equal(journal_commit(f->journal, &f->err), SR_OK);
    assert_int_equal(journal_synced(f->journal), position);
}

/* The close frame may reach the disk before the frames in front of it: unless they are synced
 * first, a start finds damage. */
static void write_mode_syncs_before_it_closes_a_file(void **state)
{
    struct fixture *f = *state;
    const unsigned frames = FIXTURE_FILE_BYTES / 4096 - 3; /* headers and close frame */
    uint64_t position = 0;

    f->options.durability = JOURNAL_WRITE;
    assert_int_equal(fixture_start(f), SR_OK);
    assert_int_equal(journal_keep(f->journal, &f->err), SR_OK);
    for (unsigned i = 0; i < frames; i++) {
        position = fixture_add(f, 1, "a", 1);
        assert_int_equal(journal_commit(f->journal, &f->err), SR_OK);
    }
    assert_true(journal_synced(f->journal) < position);
    (void)fixture_add(f, 1, "a", 1);
    fake_disk_fail_at(f->fake, 2, SR_IO); /* the close frame, behind the frames' sync */
    assert_int_equal(journal_commit(f->journal, &f->err), SR_IO);
    assert_int_equal(journal_synced(f->journal), position);
}

/* Under JOURNAL_NONE a sealed epoch may be in the database and leave nothing else here. */
static void a_seal_alone_is_an_epoch_of_the_chain(void **state)
{
    struct fixture *f = *state;
    struct journal_state epoch;

    f->options.durability = JOURNAL_NONE;
    assert_int_equal(fixture_start(f), SR_OK);
    (void)journal_seal(f->journal, 1);
    assert_int_equal(journal_commit(f->journal, &f->err), SR_OK);
    assert_int_equal(fixture_crash(f, FAKE_CRASH_DROP), SR_OK);
    assert_int_equal(f->recovery.newest_epoch, 1);
    assert_true(journal_state_after(f->journal, 0, &epoch));
    assert_int_equal(epoch.changes, 0);
}

/* A start makes every epoch final; which ones were so before it tells who may have flushed
 * them. */
static void an_epoch_that_a_start_finds_unsealed_was_not_final_before_it(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(f->recovery.sealed_epoch, 0);
    fixture_add_durably(f, 1, "a", 1);
    (void)journal_seal(f->journal, 1);
    fixture_add_durably(f, 2, "a", 1);
    assert_int_equal(fixture_crash(f, FAKE_CRASH_DROP), SR_OK);
    assert_int_equal(f->recovery.newest_epoch, 2);
    assert_int_equal(f->recovery.sealed_epoch, 1);
    assert_int_equal(fixture_crash(f, FAKE_CRASH_DROP), SR_OK);
    assert_int_equal(f->recovery.sealed_epoch, 2);
}

static void write_mode_syncs_for_a_seal_without_waiting(void **state)
{
    struct fixture *f = *state;
    uint64_t position;

    f->options.durability = JOURNAL_WRITE;
    assert_int_equal(fixture_start(f), SR_OK);
    (void)fixture_add(f, 1, "a", 1);
    position = journal_seal(f->journal, 1);
    assert_int_equal(journal_commit(f->journal, &f->err), SR_OK);
    assert_int_equal(journal_synced(f->journal), position);
}

static void write_mode_survives_the_death_of_the_process(void **state)
{
    struct fixture *f = *state;
    bool found;

    f->options.durability = JOURNAL_WRITE;
    assert_int_equal(fixture_start(f), SR_OK);
    fixture_add_durably(f, 1, "a", 9);
    assert_int_equal(fixture_crash(f, FAKE_CRASH_KEEP), SR_OK);
    assert_int_equal(fixture_total(f, "a", &found), 9);
}

static void epochs_are_never_used_twice(void **state)
{
    struct fixture *f = *state;
    uint64_t last = f->recovery.open_epoch;

    for (int i = 0; i < 5; i++) {
        assert_int_equal(fixture_crash(f, FAKE_CRASH_DROP), SR_OK);
        assert_true(f->recovery.open_epoch > last);
        last = f->recovery.open_epoch;
    }
}

static void another_instances_files_are_refused(void **state)
{
    struct fixture *f = *state;

    fixture_add_durably(f, 1, "a", 1);
    f->options.instance.bytes[0] = 8;
    assert_int_equal(fixture_start(f), SR_DAMAGED);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(what_was_committed_is_in_a_state_file_after_a_start),
        T(a_second_start_replays_nothing_again),
        T(two_epochs_become_two_state_files_in_a_chain),
        T(one_frame_takes_the_whole_queue),
        T(short_frames_behind_long_ones_are_padded_with_zeros),
        T(more_than_a_frame_waiting_is_refused_and_given_back_room_helps),
        T(a_full_journal_refuses_but_has_room_for_the_seal),
        T(a_covered_epoch_frees_its_files_and_is_not_replayed),
        T(applied_epochs_go_after_the_retention_but_the_newest_stays),
        T(what_is_not_applied_is_never_dropped),
        T(compaction_turns_closed_files_into_one_state_of_the_open_epoch),
        T(compaction_again_and_again_keeps_the_sum),
        T(write_mode_acknowledges_at_once_and_syncs_after_a_second),
        T(write_mode_syncs_before_it_closes_a_file),
        T(a_seal_alone_is_an_epoch_of_the_chain),
        T(an_epoch_that_a_start_finds_unsealed_was_not_final_before_it),
        T(write_mode_syncs_for_a_seal_without_waiting),
        T(write_mode_survives_the_death_of_the_process),
        T(epochs_are_never_used_twice),
        T(another_instances_files_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
