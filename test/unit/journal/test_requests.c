/*
 * Requests with a token in the journal: they survive crashes, compaction and state files whole
 * and in token order, beside the changes that hold their values.
 */
#include "journal_fixture.h"

#include "base/bytes.h"
#include "core/record.h"
#include "journal/state.h"

#include <stdio.h>
#include <string.h>

#define ITEMS_MAX 10000U
#define REQUEST_BYTES (ITEMS_MAX * 64U)

/* Encodes a request of `items` records of keys "k0", "k1" ... with value 1. */
static struct sr_span encode(uint64_t epoch, const char *token, uint32_t items, uint8_t *bytes)
{
    static uint8_t hash[RECORD_REQUEST_HASH_SIZE] = {9};
    static uint8_t totals[8 * ITEMS_MAX];
    size_t size = 0;

    for (uint32_t i = 0; i < items; i++) {
        sr_put_u64(totals + 8 * (size_t)i, i);
    }
    for (uint32_t i = 0; i < items; i++) {
        char key[16];
        struct record record = {.kind = RECORD_ADD, .epoch = epoch, .value = 1};

        (void)snprintf(key, sizeof(key), "k%u", i);
        record.key = sr_span_text(key);
        if (i == 0) {
            record.token =
                (struct record_token){.token = sr_span_text(token),
                                      .status = 200,
                                      .records = items - 1,
                                      .request_hash = {.data = hash, .size = sizeof(hash)},
                                      .totals = {.data = totals, .size = 8 * (size_t)items}};
        }
        record_encode(&record, bytes + size);
        size += record_encoded_size(&record);
    }
    return (struct sr_span){.data = bytes, .size = size};
}

static uint8_t request_bytes[REQUEST_BYTES];

static void hand_over(struct fixture *f, uint64_t epoch, struct sr_span records, uint32_t count)
{
    assert_int_equal(journal_reserve(f->journal, records.size), JOURNAL_ROOM);
    (void)journal_hand_over(f->journal, records, count, epoch);
    assert_int_equal(journal_commit(f->journal, &f->err), SR_OK);
}

static void add_request(struct fixture *f, uint64_t epoch, const char *token, uint32_t items)
{
    hand_over(f, epoch, encode(epoch, token, items, request_bytes), items);
}

static struct state_reader *read_state(struct fixture *f, uint64_t epoch)
{
    struct journal_state state;
    struct state_reader *reader = NULL;

    assert_true(journal_state_after(f->journal, epoch - 1, &state));
    assert_int_equal(state.epoch, epoch);
    assert_int_equal(state_reader_open(f->options.disk, state.name, &reader, &f->err), SR_OK);
    return reader;
}

/* The next request is this one, byte for byte. */
static void expect_request(struct fixture *f, struct state_reader *reader, uint64_t epoch,
                           const char *token, uint32_t items)
{
    struct sr_span expected = encode(epoch, token, items, request_bytes);
    struct sr_buffer records;

    sr_buffer_init(&records, REQUEST_BYTES);
    assert_int_equal(state_reader_request(reader, &records, &f->err), SR_OK);
    assert_int_equal(records.size, expected.size);
    assert_memory_equal(records.data, expected.data, expected.size);
    sr_buffer_done(&records);
}

static void expect_no_request(struct fixture *f, struct state_reader *reader)
{
    struct sr_buffer records;

    sr_buffer_init(&records, REQUEST_BYTES);
    assert_int_equal(state_reader_request(reader, &records, &f->err), SR_NOT_FOUND);
    sr_buffer_done(&records);
}

static void expect_change(struct fixture *f, struct state_reader *reader, const char *key,
                          int64_t value)
{
    struct sr_change change;

    assert_int_equal(state_reader_next(reader, &change, &f->err), SR_OK);
    assert_true(sr_span_equal(change.key, sr_span_text(key)));
    assert_int_equal(change.value, value);
}

static void expect_end(struct fixture *f, struct state_reader **reader)
{
    struct sr_change change;

    assert_int_equal(state_reader_next(*reader, &change, &f->err), SR_NOT_FOUND);
    state_reader_close(reader);
}

static void requests_come_out_of_a_crash_in_token_order_and_are_counted(void **state)
{
    struct fixture *f = *state;
    struct state_reader *reader;

    add_request(f, 1, "tok-b", 2);
    fixture_add_durably(f, 1, "k1", 10);
    add_request(f, 1, "tok-a", 1);
    assert_int_equal(fixture_crash(f, FAKE_CRASH_DROP), SR_OK);
    reader = read_state(f, 1);
    expect_request(f, reader, 1, "tok-a", 1);
    expect_request(f, reader, 1, "tok-b", 2);
    expect_no_request(f, reader);
    expect_change(f, reader, "k0", 2);
    expect_change(f, reader, "k1", 11);
    expect_end(f, &reader);
}

static void who_wants_changes_only_gets_them(void **state)
{
    struct fixture *f = *state;
    struct state_reader *reader;

    add_request(f, 1, "tok", 2);
    assert_int_equal(fixture_crash(f, FAKE_CRASH_DROP), SR_OK);
    reader = read_state(f, 1);
    for (int round = 0; round < 2; round++) {
        expect_change(f, reader, "k0", 1);
        expect_no_request(f, reader);
        expect_change(f, reader, "k1", 1);
        state_reader_rewind(reader);
    }
    expect_request(f, reader, 1, "tok", 2);
    state_reader_close(&reader);
}

static void each_epoch_keeps_its_own_requests(void **state)
{
    struct fixture *f = *state;
    struct state_reader *reader;

    add_request(f, 1, "one", 1);
    add_request(f, 2, "two", 1);
    assert_int_equal(fixture_crash(f, FAKE_CRASH_DROP), SR_OK);
    assert_int_equal(fixture_crash(f, FAKE_CRASH_DROP), SR_OK);
    reader = read_state(f, 1);
    expect_request(f, reader, 1, "one", 1);
    expect_no_request(f, reader);
    state_reader_close(&reader);
    reader = read_state(f, 2);
    expect_request(f, reader, 2, "two", 1);
    expect_no_request(f, reader);
    state_reader_close(&reader);
}

/* Requests until the journal has closed a number of files. */
static unsigned fill_with_requests(struct fixture *f, unsigned first, unsigned files)
{
    unsigned count = first;
    struct journal_stats stats;

    do {
        char token[16];

        (void)snprintf(token, sizeof(token), "t%06u", count++);
        add_request(f, 1, token, 3);
        assert_true(journal_keep(f->journal, &f->err) != SR_IO);
        journal_stats(f->journal, &stats);
    } while (stats.raw_files <= files);
    return count;
}

static void compaction_again_and_again_keeps_them(void **state)
{
    struct fixture *f = *state;
    struct state_reader *reader;
    struct sr_buffer records;
    unsigned count = 0;
    struct journal_stats stats;

    for (int round = 0; round < 3; round++) {
        count = fill_with_requests(f, count, 8);
        may_fail(journal_compact(f->journal, 1, 0, &f->err));
    }
    journal_stats(f->journal, &stats);
    assert_in_range(stats.compactions, 2, 3);
    assert_int_equal(fixture_crash(f, FAKE_CRASH_DROP), SR_OK);
    sr_buffer_init(&records, REQUEST_BYTES);
    reader = read_state(f, 1);
    for (unsigned i = 0; i < count; i++) {
        char token[16];

        (void)snprintf(token, sizeof(token), "t%06u", i);
        expect_request(f, reader, 1, token, 3);
    }
    expect_no_request(f, reader);
    expect_change(f, reader, "k0", count);
    expect_change(f, reader, "k1", count);
    expect_change(f, reader, "k2", count);
    expect_end(f, &reader);
    sr_buffer_done(&records);
}

static void a_request_of_more_records_than_a_frame_holds_stays_whole(void **state)
{
    struct fixture *f = *state;
    struct journal_header header = {.file_id = 900, .epoch = 4, .newest_epoch = 4};
    struct sr_span records = encode(4, "large", ITEMS_MAX, request_bytes);
    struct sr_change change = {.key = sr_span_text("z"), .value = 1, .kind = SR_CHANGE_ADD};
    struct state_writer *writer = NULL;
    struct state_reader *reader = NULL;

    assert_int_equal(state_writer_open(f->options.disk, "state-large", &header, &writer,
                                       &f->err),
                     SR_OK);
    assert_int_equal(state_writer_request(writer, records, &f->err), SR_OK);
    assert_int_equal(state_writer_add(writer, &change, &f->err), SR_OK);
    assert_int_equal(state_writer_finish(writer, true, &header, &f->err), SR_OK);
    state_writer_close(&writer);
    assert_int_equal(header.change_count, 1);
    assert_int_equal(state_reader_open(f->options.disk, "state-large", &reader, &f->err),
                     SR_OK);
    expect_request(f, reader, 4, "large", ITEMS_MAX);
    expect_change(f, reader, "z", 1);
    expect_end(f, &reader);
    fake_disk_remove(f->fake, "state-large");
}

static void a_part_of_a_request_is_damage(void **state)
{
    struct fixture *f = *state;
    struct sr_span records = encode(1, "tok", 2, request_bytes);

    /* Its second record comes in the next frame only. */
    hand_over(f, 1, (struct sr_span){.data = records.data, .size = records.size - 26}, 1);
    hand_over(f, 1, (struct sr_span){.data = records.data + records.size - 26, .size = 26}, 1);
    journal_close(&f->journal);
    fake_disk_crash(f->fake, FAKE_CRASH_KEEP);
    assert_int_equal(fixture_start(f), SR_DAMAGED);
    assert_non_null(strstr(f->err.text, "a part of a request"));
}

static void a_request_without_its_end_is_damage(void **state)
{
    struct fixture *f = *state;
    struct sr_span records = encode(1, "tok", 2, request_bytes);

    hand_over(f, 1, (struct sr_span){.data = records.data, .size = records.size - 26}, 1);
    journal_close(&f->journal);
    fake_disk_crash(f->fake, FAKE_CRASH_KEEP);
    assert_int_equal(fixture_start(f), SR_DAMAGED);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            requests_come_out_of_a_crash_in_token_order_and_are_counted, fixture_setup,
            fixture_teardown),
        cmocka_unit_test_setup_teardown(who_wants_changes_only_gets_them, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(each_epoch_keeps_its_own_requests, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(compaction_again_and_again_keeps_them, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(
            a_request_of_more_records_than_a_frame_holds_stays_whole, fixture_setup,
            fixture_teardown),
        cmocka_unit_test_setup_teardown(a_part_of_a_request_is_damage, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(a_request_without_its_end_is_damage, fixture_setup,
                                        fixture_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
