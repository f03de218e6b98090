/*
 * The contract of what an operator asks for: refused rows told, counted after all, dropped; a
 * writer's row retired. None needs a claim: each is asked on a connection of its own.
 */
#include "store/contract_support.h"

#include <stdio.h>
#include <string.h>

#define ROWS_MAX 2000

/* Rows as they were told; a copy's key is its own. */
struct told {
    struct store_refused rows[ROWS_MAX];
    char keys[ROWS_MAX][32];
    size_t count;
    size_t stop_at; /* this row is an error; 0: none */
};

static enum sr_result take_row(void *context, const struct store_refused *row)
{
    struct told *told = context;

    assert_true(told->count < ROWS_MAX && row->key.size < sizeof(told->keys[0]));
    memcpy(told->keys[told->count], row->key.data, row->key.size);
    told->rows[told->count] = *row;
    told->rows[told->count].key.data = (const uint8_t *)told->keys[told->count];
    told->count++;
    return told->count == told->stop_at ? SR_FULL : SR_OK;
}

/* The rows of a key ("": of all) from `after` on. */
static enum sr_result list(struct contract_writer *writer, const char *key, const char *after,
                           struct told *told)
{
    return writer->store->ops->list_refused(writer->store, sr_span_text(key), after, take_row,
                                            told, &writer->err);
}

static size_t list_all(struct contract_writer *writer, const char *key, struct told *told)
{
    *told = (struct told){.count = 0};
    assert_int_equal(list(writer, key, "", told), SR_OK);
    return told->count;
}

/* A connection that has not claimed. */
static void operator_open(struct contract_writer *ret_operator,
                          const struct contract_writer *writer)
{
    *ret_operator = *writer;
    ret_operator->store =
        writer->target->open(writer->target->context, &ret_operator->instance);
}

/* The counter "a" at 2^63-1, and an increment by `value` that it refused. */
static void refuse(struct contract_writer *writer, int64_t value)
{
    struct sr_change full = contract_change(SR_CHANGE_SET, "a", INT64_MAX);
    struct sr_change change = contract_change(SR_CHANGE_ADD, "a", value);
    struct store_outcome outcome;

    contract_apply_all(writer, &full, 1, NULL);
    contract_apply_all(writer, &change, 1, &outcome);
    assert_true(outcome.refused);
}

static enum sr_result replay(struct contract_writer *writer, const struct store_refused *row,
                             int64_t *ret_value)
{
    return writer->store->ops->replay_refused(writer->store, row, ret_value, &writer->err);
}

static enum sr_result drop(struct contract_writer *writer, const struct store_refused *row)
{
    return writer->store->ops->drop_refused(writer->store, row, &writer->err);
}

static struct told told; /* large */

/* --- telling ------------------------------------------------------------------------------ */

static void a_refused_row_is_told_with_all_it_holds(void **state)
{
    struct sr_uuid instance = contract_uuid(1);
    struct contract_writer writer, other;
    char text[SR_UUID_TEXT_SIZE];
    const struct store_refused *row = &told.rows[0];

    sr_uuid_text(&instance, text);
    contract_writer_open(&writer, *state, 1);
    refuse(&writer, 7);
    operator_open(&other, &writer);
    assert_int_equal(list_all(&other, "", &told), 1);
    assert_true(row->id[0] != '\0');
    assert_string_equal(row->instance, text);
    assert_int_equal(row->epoch, 2);
    assert_true(sr_span_equal(row->key, sr_span_text("a")));
    assert_true(!row->is_set && row->has_value && row->value == 7);
    assert_string_equal(row->sqlstate, "22003");
    assert_true(row->at_s > 0);
    contract_writer_close(&other);
    contract_writer_close(&writer);
}

static struct sr_change full_key(uint64_t index, char *key_space)
{
    (void)sprintf(key_space, "key-%06u", (unsigned)index);
    return contract_change(SR_CHANGE_SET, key_space, INT64_MAX);
}

static struct sr_change one_too_many(uint64_t index, char *key_space)
{
    struct sr_change change = full_key(index, key_space);

    change.kind = SR_CHANGE_ADD;
    change.value = (int64_t)index + 1;
    return change;
}

static void apply_made(struct contract_writer *writer, uint64_t count,
                       struct sr_change (*make)(uint64_t index, char *key_space))
{
    struct contract_source source;
    struct contract_sink sink;

    contract_source_make(&source, count, make);
    contract_sink_init(&sink);
    assert_int_equal(contract_apply(writer, &source, &sink), SR_OK);
    contract_sink_done(&sink);
    contract_source_done(&source);
}

static void many_refused_rows_are_told_in_pages_each_once(void **state)
{
    enum { COUNT = STORE_REFUSED_PAGE + 100 };
    struct contract_writer writer;
    uint64_t sum = 0;

    contract_writer_open(&writer, *state, 1);
    apply_made(&writer, COUNT, full_key);
    apply_made(&writer, COUNT, one_too_many);
    assert_int_equal(list_all(&writer, "", &told), STORE_REFUSED_PAGE);
    assert_int_equal(list(&writer, "", told.rows[told.count - 1].id, &told), SR_OK);
    assert_int_equal(told.count, COUNT);
    assert_int_equal(list(&writer, "", told.rows[told.count - 1].id, &told), SR_OK);
    assert_int_equal(told.count, COUNT);
    for (size_t i = 0; i < told.count; i++) {
        sum += (uint64_t)told.rows[i].value; /* 1 + 2 + ...: each once */
    }
    assert_int_equal(sum, (uint64_t)COUNT * (COUNT + 1) / 2);
    assert_int_equal(list_all(&writer, "key-000041", &told), 1);
    assert_int_equal(told.rows[0].value, 42);
    assert_int_equal(list_all(&writer, "key-", &told), 0); /* a key, not a prefix */
    contract_writer_close(&writer);
}

static void who_takes_no_more_rows_ends_the_telling(void **state)
{
    struct contract_writer writer;

    contract_writer_open(&writer, *state, 1);
    refuse(&writer, 1);
    refuse(&writer, 2);
    refuse(&writer, 3);
    told = (struct told){.stop_at = 2};
    assert_int_equal(list(&writer, "", "", &told), SR_FULL);
    assert_int_equal(told.count, 2);
    assert_int_equal(list_all(&writer, "", &told), 3); /* the connection is as good as before */
    contract_writer_close(&writer);
}

/* --- counting after all, dropping --------------------------------------------------------- */

static void a_refused_increment_is_counted_after_all_once(void **state)
{
    struct sr_change less = contract_change(SR_CHANGE_ADD, "a", -10);
    struct contract_writer writer, other;
    struct store_refused row;
    int64_t value = 0;

    contract_writer_open(&writer, *state, 1);
    refuse(&writer, 7);
    contract_apply_all(&writer, &less, 1, NULL);
    operator_open(&other, &writer);
    assert_int_equal(list_all(&other, "a", &told), 1);
    row = told.rows[0];
    assert_int_equal(replay(&other, &row, &value), SR_OK);
    assert_true(value == INT64_MAX - 3);
    contract_assert_value(&writer, "a", INT64_MAX - 3);
    assert_int_equal(list_all(&other, "", &told), 0);
    /* Said again, as after an answer that was lost: it is gone, and nothing is added. */
    row.key = sr_span_text("a");
    assert_int_equal(replay(&other, &row, &value), SR_NOT_FOUND);
    assert_int_equal(drop(&other, &row), SR_NOT_FOUND);
    contract_assert_value(&writer, "a", INT64_MAX - 3);
    contract_writer_close(&other);
    contract_writer_close(&writer);
}

static void what_still_does_not_fit_stays_where_it_is(void **state)
{
    struct contract_writer writer;
    int64_t value = 0;

    contract_writer_open(&writer, *state, 1);
    refuse(&writer, 7);
    assert_int_equal(list_all(&writer, "a", &told), 1);
    assert_int_equal(replay(&writer, &told.rows[0], &value), SR_INVALID);
    assert_int_equal(writer.err.code, SR_INVALID);
    assert_true(writer.err.text[0] != '\0');
    contract_assert_value(&writer, "a", INT64_MAX);
    assert_int_equal(list_all(&writer, "a", &told), 1);
    contract_writer_close(&writer);
}

static void a_counter_that_was_deleted_meanwhile_begins_with_the_replay(void **state)
{
    struct sr_change gone = contract_change(SR_CHANGE_DELETE, "a", 0);
    struct contract_writer writer;
    int64_t value = 0;

    contract_writer_open(&writer, *state, 1);
    refuse(&writer, 7);
    contract_apply_all(&writer, &gone, 1, NULL);
    assert_int_equal(list_all(&writer, "a", &told), 1);
    assert_int_equal(replay(&writer, &told.rows[0], &value), SR_OK);
    assert_int_equal(value, 7);
    contract_assert_value(&writer, "a", 7);
    contract_writer_close(&writer);
}

static void a_dropped_row_is_gone_and_the_others_stay(void **state)
{
    struct contract_refused refused[2];
    struct contract_writer writer;

    contract_writer_open(&writer, *state, 1);
    refuse(&writer, 7);
    refuse(&writer, 8);
    assert_int_equal(list_all(&writer, "a", &told), 2);
    assert_int_equal(drop(&writer, &told.rows[told.rows[0].value == 7 ? 0 : 1]), SR_OK);
    assert_int_equal(writer.target->refused(writer.target->context, refused, 2), 1);
    assert_int_equal(refused[0].delta, 8);
    contract_assert_value(&writer, "a", INT64_MAX);
    contract_writer_close(&writer);
}

/* A row is found by its place and by what it holds: one that took the place of another since it
 * was told is somebody else's. */
static void another_row_in_the_same_place_is_left_alone(void **state)
{
    struct contract_writer writer;
    struct store_refused row;
    int64_t value;

    contract_writer_open(&writer, *state, 1);
    refuse(&writer, 7);
    assert_int_equal(list_all(&writer, "a", &told), 1);
    for (int what = 0; what < 4; what++) {
        row = told.rows[0];
        row.value += what == 0;
        row.epoch += what == 1;
        row.key = what == 2 ? sr_span_text("b") : row.key;
        row.instance[0] = what == 3 ? 'f' : row.instance[0];
        assert_int_equal(replay(&writer, &row, &value), SR_NOT_FOUND);
        assert_int_equal(drop(&writer, &row), SR_NOT_FOUND);
    }
    assert_int_equal(list_all(&writer, "a", &told), 1);
    contract_assert_value(&writer, "a", INT64_MAX);
    contract_assert_absent(&writer, "b");
    contract_writer_close(&writer);
}

/* --- the writer's row --------------------------------------------------------------------- */

static enum sr_result retire(struct contract_writer *writer, struct sr_uuid owner,
                             uint64_t epoch)
{
    return writer->store->ops->retire(writer->store, &owner, epoch, &writer->err);
}

static enum sr_result look(struct contract_writer *writer, uint64_t *ret_epoch)
{
    bool owned = false;
    enum sr_result res = writer->store->ops->look(writer->store, &writer->owner, ret_epoch,
                                                  &owned, &writer->err);

    assert_true(res != SR_OK || owned);
    return res;
}

static void a_retired_writers_row_is_gone_and_what_it_counted_stays(void **state)
{
    struct sr_change change = contract_change(SR_CHANGE_ADD, "a", 5);
    struct contract_writer writer, other, operator;
    struct contract_source source;
    struct contract_sink sink;
    uint64_t epoch = 0;

    contract_writer_open(&writer, *state, 1);
    contract_writer_open(&other, *state, 2);
    contract_apply_all(&writer, &change, 1, NULL);
    operator_open(&operator, & writer);
    assert_int_equal(retire(&operator, writer.owner, writer.epoch), SR_OK);
    assert_int_equal(look(&writer, &epoch), SR_NOT_FOUND);
    assert_int_equal(retire(&operator, writer.owner, writer.epoch), SR_NOT_FOUND);
    /* Whoever still has it open flushes nothing more. */
    contract_source_init(&source, &change, 1);
    contract_sink_init(&sink);
    assert_int_equal(contract_apply(&writer, &source, &sink), SR_FENCED);
    contract_sink_done(&sink);
    contract_source_done(&source);
    assert_int_equal(look(&other, &epoch), SR_OK);
    contract_assert_value(&other, "a", 5);
    contract_writer_close(&operator);
    contract_writer_close(&other);
    contract_writer_close(&writer);
}

static void a_writers_row_that_moved_on_is_not_retired(void **state)
{
    struct sr_change change = contract_change(SR_CHANGE_ADD, "a", 5);
    struct contract_writer writer;
    uint64_t epoch = 0;

    contract_writer_open(&writer, *state, 1);
    contract_apply_all(&writer, &change, 1, NULL);
    assert_int_equal(retire(&writer, writer.owner, writer.epoch - 1), SR_NOT_FOUND);
    assert_int_equal(retire(&writer, writer.owner, writer.epoch + 1), SR_NOT_FOUND);
    assert_int_equal(retire(&writer, contract_uuid(99), writer.epoch), SR_NOT_FOUND);
    assert_int_equal(look(&writer, &epoch), SR_OK);
    assert_int_equal(epoch, writer.epoch);
    contract_apply_all(&writer, &change, 1, NULL);
    contract_assert_value(&writer, "a", 10);
    contract_writer_close(&writer);
}

const struct CMUnitTest contract_operator_tests[] = {
    cmocka_unit_test(a_refused_row_is_told_with_all_it_holds),
    cmocka_unit_test(many_refused_rows_are_told_in_pages_each_once),
    cmocka_unit_test(who_takes_no_more_rows_ends_the_telling),
    cmocka_unit_test(a_refused_increment_is_counted_after_all_once),
    cmocka_unit_test(what_still_does_not_fit_stays_where_it_is),
    cmocka_unit_test(a_counter_that_was_deleted_meanwhile_begins_with_the_replay),
    cmocka_unit_test(a_dropped_row_is_gone_and_the_others_stay),
    cmocka_unit_test(another_row_in_the_same_place_is_left_alone),
    cmocka_unit_test(a_retired_writers_row_is_gone_and_what_it_counted_stays),
    cmocka_unit_test(a_writers_row_that_moved_on_is_not_retired),
};
const size_t contract_operator_tests_count = CONTRACT_COUNT(contract_operator_tests);
