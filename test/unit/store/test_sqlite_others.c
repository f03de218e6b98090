/*
 * The SQLite driver among others: their locks, their constraints and triggers, a full disk,
 * cancel.
 */
#include "store/sqlite_support.h"
#include "store/test_sqlite.h"

#include "base/check.h"

#include <string.h>

/* --- what others do to the file ----------------------------------------------------------- */

static void a_lock_held_by_others_is_an_outage(void **state)
{
    sqlite3 *other;

    (void)state;
    sqlite_assert_claim(1000, true, true, SR_OK, "");
    other = sqlite_open_outside();
    SR_CHECK(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK);
    sqlite_assert_claim(30, true, true, SR_UNAVAILABLE, "locked");
    SR_CHECK(sqlite3_close(other) == SQLITE_OK);
    sqlite_assert_claim(1000, true, true, SR_OK, "");
}

static void a_reader_that_keeps_the_checkpoint_from_finishing_is_an_outage(void **state)
{
    struct contract_writer writer;
    struct sr_change change = contract_change(SR_CHANGE_ADD, "a", 1);
    sqlite3 *other;

    (void)state;
    contract_writer_open(&writer, &sqlite_target, 1);
    other = sqlite_open_outside();
    SR_CHECK(sqlite3_exec(other, "BEGIN; SELECT * FROM counters", NULL, NULL, NULL) ==
             SQLITE_OK);
    contract_apply_all(&writer, &change, 1, NULL);
    sqlite_assert_claim(30, true, true, SR_UNAVAILABLE, "locked");
    SR_CHECK(sqlite3_close(other) == SQLITE_OK);
    sqlite_assert_claim(1000, true, true, SR_OK, "");
    contract_writer_close(&writer);
}

static enum sr_result apply_one(struct contract_writer *writer, struct sr_change change,
                                struct store_outcome *ret_outcome)
{
    struct contract_source source;
    struct contract_sink sink;
    enum sr_result res;

    contract_source_init(&source, &change, 1);
    contract_sink_init(&sink);
    res = contract_apply(writer, &source, &sink);
    if (res == SR_OK) {
        *ret_outcome = sink.outcomes[0];
    }
    contract_sink_done(&sink);
    contract_source_done(&source);
    return res;
}

static void a_table_of_ours_that_is_gone_is_refused(void **state)
{
    struct contract_writer writer;
    struct store_outcome outcome;

    (void)state;
    contract_writer_open(&writer, &sqlite_target, 1);
    sqlite_exec_outside("DROP TABLE counters");
    assert_int_equal(apply_one(&writer, contract_change(SR_CHANGE_ADD, "a", 1), &outcome),
                     SR_REFUSED);
    assert_non_null(strstr(writer.err.text, "no such table"));
    contract_writer_close(&writer);
}

static void a_full_disk_is_an_outage_that_passes(void **state)
{
    struct contract_writer writer;
    struct store_outcome outcome;
    struct sr_change change = contract_change(SR_CHANGE_ADD, "a", 1);
    char key[SR_KEY_SIZE_MAX + 1];
    enum sr_result res = SR_OK;

    (void)state;
    contract_writer_open(&writer, &sqlite_target, 1);
    (void)sqlite_number(writer.store, "PRAGMA max_page_count = 1");
    memset(key, 'k', sizeof(key) - 1);
    key[SR_KEY_SIZE_MAX] = '\0';
    for (char c = 'a'; c <= 'z' && res == SR_OK; c++) {
        key[0] = c;
        res = apply_one(&writer, contract_change(SR_CHANGE_ADD, key, 1), &outcome);
    }
    assert_int_equal(res, SR_UNAVAILABLE);
    assert_non_null(strstr(writer.err.text, "full"));
    (void)sqlite_number(writer.store, "PRAGMA max_page_count = 10000");
    assert_int_equal(apply_one(&writer, change, &outcome), SR_OK);
    contract_assert_absent(&writer, key);
    contract_writer_close(&writer);
}

static void a_users_own_constraint_refuses_its_rows(void **state)
{
    struct contract_writer writer;
    struct store_outcome outcome;
    struct contract_refused rows[2];

    (void)state;
    contract_writer_open(&writer, &sqlite_target, 1);
    sqlite_exec_outside("CREATE TRIGGER stock BEFORE UPDATE ON counters WHEN new.value < 0 "
                        "BEGIN SELECT RAISE(ABORT, 'out of stock'); END;"
                        "CREATE TRIGGER keep BEFORE DELETE ON counters "
                        "BEGIN SELECT RAISE(ABORT, 'kept'); END");
    assert_int_equal(apply_one(&writer, contract_change(SR_CHANGE_ADD, "a", 1), &outcome),
                     SR_OK);
    assert_int_equal(apply_one(&writer, contract_change(SR_CHANGE_SET, "a", -5), &outcome),
                     SR_OK);
    assert_true(outcome.refused);
    assert_string_equal(outcome.sqlstate, "23000");
    assert_int_equal(apply_one(&writer, contract_change(SR_CHANGE_DELETE, "a", 0), &outcome),
                     SR_OK);
    assert_true(outcome.refused);
    contract_assert_value(&writer, "a", 1);
    assert_int_equal(sqlite_target.refused(NULL, rows, 2), 2);
    assert_true(rows[0].is_set && rows[1].is_set);
    contract_writer_close(&writer);
}

static void a_trigger_that_ends_the_transaction_or_hides_a_row_is_refused(void **state)
{
    struct contract_writer writer;
    struct store_outcome outcome;
    struct sr_change change = contract_change(SR_CHANGE_ADD, "a", 1);

    (void)state;
    contract_writer_open(&writer, &sqlite_target, 1);
    sqlite_exec_outside("CREATE TRIGGER t BEFORE INSERT ON counters "
                        "BEGIN SELECT RAISE(ROLLBACK, 'no'); END");
    assert_int_equal(apply_one(&writer, change, &outcome), SR_REFUSED);
    sqlite_exec_outside("DROP TRIGGER t; CREATE TRIGGER t BEFORE INSERT ON counters "
                        "BEGIN SELECT RAISE(IGNORE); END");
    assert_int_equal(apply_one(&writer, change, &outcome), SR_REFUSED);
    sqlite_exec_outside("DROP TRIGGER t");
    assert_int_equal(apply_one(&writer, change, &outcome), SR_OK);
    contract_assert_value(&writer, "a", 1);
    contract_writer_close(&writer);
}

/* --- giving up ---------------------------------------------------------------------------- */

static enum sr_result no_rewind(void *context, struct sr_err *err)
{
    (void)context;
    (void)err;
    return SR_OK;
}

/* Another thread cancels while the apply runs. */
static enum sr_result cancel_then_change(void *context, struct sr_change *ret_change,
                                         struct sr_err *err)
{
    struct store *store = context;

    (void)err;
    store->ops->cancel(store);
    *ret_change = contract_change(SR_CHANGE_ADD, "a", 1);
    return SR_OK;
}

static void cancel_ends_a_running_apply(void **state)
{
    struct contract_writer writer;
    struct contract_writer next;
    struct contract_source source = {0};
    struct contract_sink sink;
    uint64_t epoch;

    (void)state;
    contract_writer_open(&writer, &sqlite_target, 1);
    source.source = (struct store_source){.context = writer.store,
                                          .rewind = no_rewind,
                                          .next = cancel_then_change};
    contract_sink_init(&sink);
    assert_int_equal(contract_apply(&writer, &source, &sink), SR_UNAVAILABLE);
    contract_sink_done(&sink);
    contract_writer_close(&writer);
    contract_writer_open(&next, &sqlite_target, 1);
    contract_assert_absent(&next, "a");
    epoch = next.epoch;
    assert_int_equal(epoch, 0);
    contract_writer_close(&next);
}

#define TEST(name) cmocka_unit_test_setup(name, sqlite_fresh_file)

static const struct CMUnitTest tests[] = {
    TEST(a_table_of_ours_that_is_gone_is_refused),
    TEST(a_lock_held_by_others_is_an_outage),
    TEST(a_reader_that_keeps_the_checkpoint_from_finishing_is_an_outage),
    TEST(a_full_disk_is_an_outage_that_passes),
    TEST(a_users_own_constraint_refuses_its_rows),
    TEST(a_trigger_that_ends_the_transaction_or_hides_a_row_is_refused),
    TEST(cancel_ends_a_running_apply),
};

const struct contract_tests test_sqlite_others = {tests, CONTRACT_COUNT(tests)};
