/*
 * A journal on a fake disk.
 */
#include "journal_fixture.h"

#include "core/record.h"
#include "journal/state.h"

#include <stdlib.h>

static void count_progress(void *context)
{
    ((struct fixture *)context)->progress++;
}

int fixture_setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    f->fake = fake_disk_new(1);
    f->options = (struct journal_options){.disk = fake_disk_base(f->fake),
                                          .durability = JOURNAL_FSYNC,
                                          .limit_bytes = 4U * 1024U * 1024U,
                                          .file_bytes = FIXTURE_FILE_BYTES,
                                          .retention_ms = 600000,
                                          .retention_bytes = 1024U * 1024U,
                                          .progress = count_progress,
                                          .context = f};
    f->options.instance.bytes[0] = 7;
    *state = f;
    assert_int_equal(fixture_start(f), SR_OK);
    return 0;
}

int fixture_teardown(void **state)
{
    struct fixture *f = *state;

    journal_close(&f->journal);
    fake_disk_free(&f->fake);
    free(f);
    return 0;
}

enum sr_result fixture_start(struct fixture *f)
{
    journal_close(&f->journal);
    return journal_open(&f->options, &f->journal, &f->recovery, &f->err);
}

enum sr_result fixture_crash(struct fixture *f, enum fake_crash how)
{
    journal_close(&f->journal);
    fake_disk_crash(f->fake, how);
    return fixture_start(f);
}

uint64_t fixture_add(struct fixture *f, uint64_t epoch, const char *key, int64_t value)
{
    uint8_t bytes[RECORD_HEADER_SIZE + SR_KEY_SIZE_MAX];
    struct record record = {.kind = RECORD_ADD,
                            .epoch = epoch,
                            .value = value,
                            .key = sr_span_text(key)};
    size_t size = record_encoded_size(&record);

    assert_int_equal(journal_reserve(f->journal, size), JOURNAL_ROOM);
    record_encode(&record, bytes);
    return journal_hand_over(f->journal, (struct sr_span){.data = bytes, .size = size}, 1,
                             epoch);
}

void fixture_add_durably(struct fixture *f, uint64_t epoch, const char *key, int64_t value)
{
    uint64_t position = fixture_add(f, epoch, key, value);

    assert_int_equal(journal_commit(f->journal, &f->err), SR_OK);
    assert_true(journal_durable(f->journal) >= position);
}

static bool value_in(struct fixture *f, const struct journal_state *state, const char *key,
                     int64_t *ret_value)
{
    struct state_reader *reader = NULL;
    struct sr_change change;
    enum sr_result result;
    bool found = false;

    assert_int_equal(state_reader_open(f->options.disk, state->name, &reader, &f->err), SR_OK);
    while ((result = state_reader_next(reader, &change, &f->err)) == SR_OK) {
        if (sr_span_equal(change.key, sr_span_text(key))) {
            *ret_value = (int64_t)change.value;
            found = true;
        }
    }
    assert_int_equal(result, SR_NOT_FOUND);
    state_reader_close(&reader);
    return found;
}

int64_t fixture_total(struct fixture *f, const char *key, bool *ret_found)
{
    struct journal_state state = {0};
    int64_t total = 0;

    *ret_found = false;
    while (journal_state_after(f->journal, state.epoch, &state)) {
        int64_t value;

        if (value_in(f, &state, key, &value)) {
            total += value;
            *ret_found = true;
        }
    }
    return total;
}

int64_t fixture_in_state(struct fixture *f, uint64_t epoch, const char *key)
{
    struct journal_state state;
    int64_t value = 0;

    assert_true(journal_state_after(f->journal, epoch - 1, &state));
    assert_int_equal(state.epoch, epoch);
    assert_true(value_in(f, &state, key, &value));
    return value;
}
