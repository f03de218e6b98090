/*
 * Salvage: everything whose own checksum holds is handed out once, and what is lost is named.
 */
#include "journal_fixture.h"

#include "core/record.h"
#include "journal/frame.h"
#include "journal/salvage.h"

#include <stdio.h>

struct found {
    int64_t sums[8]; /* by epoch */
    unsigned changes;
    char lost[1000];
    unsigned losses;
};

static enum sr_result take(void *context, uint64_t epoch, const struct sr_change *change,
                           struct sr_err *err)
{
    struct found *found = context;

    (void)err;
    assert_in_range(epoch, 1, 7);
    assert_int_equal(change->kind, SR_CHANGE_ADD);
    found->sums[epoch] += (int64_t)change->value;
    found->changes++;
    return SR_OK;
}

static void lost(void *context, const char *what)
{
    struct found *found = context;
    size_t used = strlen(found->lost);

    (void)snprintf(found->lost + used, sizeof(found->lost) - used, "%s\n", what);
    found->losses++;
}

static struct found salvage(struct fixture *f, uint64_t applied)
{
    struct found found = {.changes = 0};
    struct salvage_sink sink = {.context = &found, .take = take, .lost = lost};

    assert_int_equal(journal_salvage(fake_disk_base(f->fake), applied, &sink, &f->err), SR_OK);
    return found;
}

static void spoil(struct fixture *f, const char *name, uint64_t offset)
{
    uint64_t size = 0;
    uint8_t *bytes = fake_disk_bytes(f->fake, name, &size);

    assert_true(offset < size);
    bytes[offset] ^= 0x10;
}

static void a_whole_journal_is_handed_out_merged(void **state)
{
    struct fixture *f = *state;
    struct found found;

    for (int i = 0; i < 10; i++) {
        may_fail(journal_keep(f->journal, &f->err));
        fixture_add_durably(f, 1, "a", 1);
        fixture_add_durably(f, 2, "b", 10);
    }
    found = salvage(f, 0);
    assert_int_equal(found.losses, 0);
    assert_int_equal(found.changes, 2);
    assert_int_equal(found.sums[1], 10);
    assert_int_equal(found.sums[2], 100);
    found = salvage(f, 1);
    assert_int_equal(found.changes, 1);
    assert_int_equal(found.sums[2], 100);
}

static void what_stands_behind_a_bad_frame_is_found(void **state)
{
    struct fixture *f = *state;
    const char *name = fake_disk_name(f->fake, "raw-", 0);
    struct found found;

    for (int i = 0; i < 10; i++) {
        fixture_add_durably(f, 1, "a", 1 << i);
    }
    spoil(f, name, JOURNAL_FRAMES_AT + 3 * JOURNAL_BLOCK + 70);
    spoil(f, name, JOURNAL_FRAMES_AT + 4 * JOURNAL_BLOCK + 70);
    assert_int_equal(fixture_start(f), SR_DAMAGED);
    found = salvage(f, 0);
    assert_int_equal(found.sums[1], 1023 - 8 - 16);
    assert_int_equal(found.losses, 1);
    assert_non_null(strstr(found.lost, name));
    assert_non_null(strstr(found.lost, "frames 4 to 5"));
}

static void a_file_that_is_gone_leaves_the_others(void **state)
{
    struct fixture *f = *state;
    struct found found;

    for (int i = 0; i < 120; i++) {
        while (journal_keep(f->journal, &f->err) == SR_OK) {
        }
        fixture_add_durably(f, 1, "a", 1);
    }
    fake_disk_remove(f->fake, fake_disk_name(f->fake, "raw-", 1));
    assert_int_equal(fixture_start(f), SR_DAMAGED);
    found = salvage(f, 0);
    assert_in_range(found.sums[1], 60, 119);
    assert_int_equal(found.losses, 1);
    assert_non_null(strstr(found.lost, "frames"));
}

static void a_bad_header_costs_its_file_alone(void **state)
{
    struct fixture *f = *state;
    const char *name = fake_disk_name(f->fake, "raw-", 0);
    struct found found;

    for (int i = 0; i < 120; i++) {
        while (journal_keep(f->journal, &f->err) == SR_OK) {
        }
        fixture_add_durably(f, 1, "a", 1);
    }
    spoil(f, name, 8);
    spoil(f, name, JOURNAL_BLOCK + 8);
    assert_int_equal(fixture_start(f), SR_DAMAGED);
    found = salvage(f, 0);
    assert_in_range(found.sums[1], 60, 119);
    assert_true(found.losses >= 1);
    assert_non_null(strstr(found.lost, name));
}

/* A start turns raw records into a state file, whose frames hold 8,192 changes. */
static void a_bad_state_is_read_as_far_as_it_goes(void **state)
{
    struct fixture *f = *state;
    const char *name;
    uint64_t size = 0;
    struct found found;

    for (int i = 0; i < 10000; i++) {
        char key[16];

        (void)snprintf(key, sizeof(key), "%d", i);
        (void)fixture_add(f, 1, key, 1);
        if (i % 500 == 499) {
            may_fail(journal_keep(f->journal, &f->err));
            assert_int_equal(journal_commit(f->journal, &f->err), SR_OK);
        }
    }
    assert_int_equal(fixture_crash(f, FAKE_CRASH_DROP), SR_OK);
    found = salvage(f, 0);
    assert_int_equal(found.sums[1], 10000);
    assert_int_equal(found.losses, 0);
    name = fake_disk_name(f->fake, "state-", 0);
    (void)fake_disk_bytes(f->fake, name, &size);
    spoil(f, name, size - 3 * JOURNAL_BLOCK);
    found = salvage(f, 0);
    assert_int_equal(found.sums[1], 8192);
    assert_int_equal(found.losses, 1);
    assert_non_null(strstr(found.lost, name));
}

static void a_state_that_reads_whole_is_not_counted_beside_its_raw_records(void **state)
{
    struct fixture *f = *state;
    struct found found;

    for (int i = 0; i < 10; i++) {
        fixture_add_durably(f, 1, "a", 1);
    }
    assert_int_equal(fixture_crash(f, FAKE_CRASH_DROP), SR_OK); /* epoch 1 is a state now */
    fixture_add_durably(f, f->recovery.open_epoch, "a", 100);
    found = salvage(f, 0);
    assert_int_equal(found.sums[1], 10);
    assert_int_equal(found.sums[f->recovery.open_epoch], 100);
    assert_int_equal(found.changes, 2);
}

/* A request of two records of "a", by 1 and 2, with a token; durable. */
static void add_request(struct fixture *f, uint64_t epoch, const char *token)
{
    static const uint8_t hash[RECORD_REQUEST_HASH_SIZE] = {1, 2, 3};
    static const uint8_t totals[16] = {1, [8] = 3};
    struct record records[2] = {{.kind = RECORD_ADD, .epoch = epoch, .value = 1},
                                {.kind = RECORD_ADD, .epoch = epoch, .value = 2}};
    uint8_t bytes[512];
    size_t size = 0;

    records[0].token =
        (struct record_token){.token = sr_span_text(token),
                              .status = 200,
                              .records = 1,
                              .request_hash = {.data = hash, .size = sizeof(hash)},
                              .totals = {.data = totals, .size = sizeof(totals)}};
    for (int i = 0; i < 2; i++) {
        records[i].key = sr_span_text("a");
        record_encode(&records[i], bytes + size);
        size += record_encoded_size(&records[i]);
    }
    assert_int_equal(journal_reserve(f->journal, size), JOURNAL_ROOM);
    (void)journal_hand_over(f->journal, (struct sr_span){.data = bytes, .size = size}, 2,
                            epoch);
    assert_int_equal(journal_commit(f->journal, &f->err), SR_OK);
}

/* Their values count once, as raw records and in a state file, where they stand in front. */
static void requests_with_a_token_count_once(void **state)
{
    struct fixture *f = *state;
    struct found found;

    add_request(f, 1, "token-b");
    fixture_add_durably(f, 1, "a", 100);
    add_request(f, 1, "token-a");
    found = salvage(f, 0);
    assert_int_equal(found.losses, 0);
    assert_int_equal(found.changes, 1);
    assert_int_equal(found.sums[1], 106);
    assert_int_equal(fixture_crash(f, FAKE_CRASH_DROP), SR_OK); /* epoch 1 is a state now */
    assert_non_null(fake_disk_name(f->fake, "state-", 0));
    found = salvage(f, 0);
    assert_int_equal(found.losses, 0);
    assert_int_equal(found.changes, 1);
    assert_int_equal(found.sums[1], 106);
}

static void a_bad_request_costs_what_stands_behind_it_in_a_state_only(void **state)
{
    struct fixture *f = *state;
    uint64_t open_epoch;
    struct found found;

    add_request(f, 1, "token");
    assert_int_equal(fixture_crash(f, FAKE_CRASH_DROP), SR_OK);
    open_epoch = f->recovery.open_epoch;
    add_request(f, open_epoch, "token-2");
    spoil(f, fake_disk_name(f->fake, "state-", 0), JOURNAL_FRAMES_AT + 70);
    found = salvage(f, 0);
    assert_int_equal(found.losses, 1);
    assert_int_equal(found.sums[1], 0);
    assert_int_equal(found.sums[open_epoch], 3);
}

#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_whole_journal_is_handed_out_merged),
        T(what_stands_behind_a_bad_frame_is_found),
        T(a_file_that_is_gone_leaves_the_others),
        T(a_bad_header_costs_its_file_alone),
        T(a_bad_state_is_read_as_far_as_it_goes),
        T(a_state_that_reads_whole_is_not_counted_beside_its_raw_records),
        T(requests_with_a_token_count_once),
        T(a_bad_request_costs_what_stands_behind_it_in_a_state_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
