/*
 * The SQLite driver: the contract, and what is SQLite's own.
 */
#include "store/contract_support.h"
#include "store/store_sqlite_internal.h"

#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/simple-request-sqlite-XXXXXX";
static char path[64];

static void reset(void *context)
{
    static const char *const ends[] = {"", "-wal", "-shm", "-journal"};
    char name[80];

    (void)context;
    for (size_t i = 0; i < CONTRACT_COUNT(ends); i++) {
        (void)snprintf(name, sizeof(name), "%s%s", path, ends[i]);
        (void)unlink(name); /* may not be there */
    }
}

static int fresh_file(void **state)
{
    (void)state;
    reset(NULL);
    return 0;
}

static struct store *open_with(const struct sr_uuid *instance, uint32_t timeout_ms, bool create)
{
    struct store_options options = {.instance = *instance,
                                    .timeout_ms = timeout_ms,
                                    .create = create};
    struct store *store = NULL;
    struct sr_err err;
    char url[80];

    (void)snprintf(url, sizeof(url), "sqlite:%s", path);
    SR_CHECK(store_open(url, &options, &store, &err) == SR_OK);
    return store;
}

static struct store *open_store(void *context, const struct sr_uuid *instance)
{
    (void)context;
    return open_with(instance, 10000, true);
}

/* A connection behind the driver's back. */
static sqlite3 *open_outside(void)
{
    sqlite3 *db;

    SR_CHECK(sqlite3_open(path, &db) == SQLITE_OK);
    return db;
}

static void exec_outside(const char *sql)
{
    sqlite3 *db = open_outside();

    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) {
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    }
    SR_CHECK(sqlite3_close(db) == SQLITE_OK);
}

static size_t refused(void *context, struct contract_refused *ret_rows, size_t max)
{
    sqlite3 *db = open_outside();
    sqlite3_stmt *statement;
    size_t count = 0;

    (void)context;
    SR_CHECK(sqlite3_prepare_v2(db,
                                "SELECT key, epoch, delta, is_set, sqlstate, "
                                "typeof(key) FROM counter_refused ORDER BY key",
                                -1, &statement, NULL) == SQLITE_OK);
    for (; sqlite3_step(statement) == SQLITE_ROW; count++) {
        struct contract_refused *row = &ret_rows[count];

        assert_string_equal((const char *)sqlite3_column_text(statement, 5), "blob");
        if (count < max) {
            int size = sqlite3_column_bytes(statement, 0);

            (void)snprintf(row->key, sizeof(row->key), "%.*s", size,
                           (const char *)sqlite3_column_blob(statement, 0));
            row->epoch = sqlite3_column_int64(statement, 1);
            row->delta = sqlite3_column_int64(statement, 2);
            row->is_set = sqlite3_column_int(statement, 3) != 0;
            (void)snprintf(row->sqlstate, sizeof(row->sqlstate), "%s",
                           (const char *)sqlite3_column_text(statement, 4));
        }
    }
    (void)sqlite3_finalize(statement);
    SR_CHECK(sqlite3_close(db) == SQLITE_OK);
    return count;
}

static const struct contract_target target = {.name = "store/sqlite",
                                              .reset = reset,
                                              .open = open_store,
                                              .refused = refused};

/* --- settings and files ------------------------------------------------------------------- */

static int64_t pragma(struct store *store, const char *sql)
{
    sqlite3_stmt *statement;
    int64_t value;

    SR_CHECK(sqlite3_prepare_v2(((struct store_sqlite *)store)->db, sql, -1, &statement,
                                NULL) == SQLITE_OK);
    SR_CHECK(sqlite3_step(statement) == SQLITE_ROW);
    value = sqlite3_column_int64(statement, 0);
    (void)sqlite3_finalize(statement);
    return value;
}

static void commits_are_durable_and_the_file_has_our_mark(void **state)
{
    struct contract_writer writer;

    (void)state;
    contract_writer_open(&writer, &target, 1);
    assert_int_equal(pragma(writer.store, "PRAGMA synchronous"), 2);
    assert_int_equal(pragma(writer.store,
                            "SELECT 'wal' = journal_mode FROM pragma_journal_mode"),
                     1);
    assert_int_equal(pragma(writer.store, "PRAGMA application_id"),
                     STORE_SQLITE_APPLICATION_ID);
    contract_writer_close(&writer);
}

static void a_claim_leaves_nothing_in_the_log(void **state)
{
    struct contract_writer writer;
    struct sr_change change = contract_change(SR_CHANGE_ADD, "a", 1);
    char log[80];
    struct stat status;
    uint64_t epoch;

    (void)state;
    (void)snprintf(log, sizeof(log), "%s-wal", path);
    contract_writer_open(&writer, &target, 1);
    contract_apply_all(&writer, &change, 1, NULL);
    assert_int_equal(stat(log, &status), 0);
    assert_true(status.st_size > 0);
    assert_int_equal(contract_claim(writer.store, (uint8_t[]){101}, 1, false, &epoch,
                                    &writer.err),
                     SR_OK);
    assert_int_equal(stat(log, &status), 0);
    assert_int_equal(status.st_size, 0);
    contract_writer_close(&writer);
}

static void assert_claim(uint32_t timeout_ms, bool create, bool insert_row,
                         enum sr_result wanted, const char *word)
{
    struct sr_uuid instance = contract_uuid(1);
    struct store *store = open_with(&instance, timeout_ms, create);
    struct sr_err err = {.text = ""};
    uint64_t epoch;

    assert_int_equal(contract_claim(store, (uint8_t[]){101}, 1, insert_row, &epoch, &err),
                     wanted);
    if (strstr(err.text, word) == NULL) {
        fail_msg("'%s' is not in: %s", word, err.text);
    }
    store_close(&store);
}

static void a_database_of_somebody_else_is_refused_and_not_touched(void **state)
{
    struct stat before;
    struct stat after;

    (void)state;
    exec_outside("CREATE TABLE theirs (x)");
    assert_int_equal(stat(path, &before), 0);
    assert_claim(1000, true, true, SR_REFUSED, "not a simple-request database");
    assert_int_equal(stat(path, &after), 0);
    assert_int_equal(before.st_size, after.st_size);
    assert_true(before.st_mtim.tv_nsec == after.st_mtim.tv_nsec);
    (void)fresh_file(state);
    exec_outside("PRAGMA application_id = 77");
    assert_claim(1000, true, true, SR_REFUSED, "not a simple-request database");
}

static void a_file_that_is_no_database_is_refused(void **state)
{
    FILE *file = fopen(path, "w");

    (void)state;
    SR_CHECK(file != NULL);
    for (int i = 0; i < 1000; i++) {
        SR_CHECK(fputs("this is not a database\n", file) >= 0);
    }
    SR_CHECK(fclose(file) == 0);
    assert_claim(1000, true, true, SR_REFUSED, "not a database");
}

static void a_file_that_must_exist_and_does_not_is_not_found_nor_made(void **state)
{
    struct stat status;

    (void)state;
    assert_claim(1000, true, false, SR_NOT_FOUND, "does not exist");
    assert_claim(1000, false, true, SR_NOT_FOUND, "does not exist");
    assert_int_equal(stat(path, &status), -1);
}

static void a_folder_in_the_way_is_refused(void **state)
{
    (void)state;
    SR_CHECK(mkdir(path, 0755) == 0);
    assert_claim(1000, true, true, SR_REFUSED, path);
    SR_CHECK(rmdir(path) == 0);
}

static void tables_of_a_newer_version_are_refused_naming_both(void **state)
{
    (void)state;
    assert_claim(1000, true, true, SR_OK, "");
    exec_outside("INSERT INTO counter_schema (version) VALUES (41)");
    assert_claim(1000, true, true, SR_REFUSED, "version 41, this program knows 1");
}

/* --- what others do to the file ----------------------------------------------------------- */

static void a_lock_held_by_others_is_an_outage(void **state)
{
    sqlite3 *other;

    (void)state;
    assert_claim(1000, true, true, SR_OK, "");
    other = open_outside();
    SR_CHECK(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK);
    assert_claim(30, true, true, SR_UNAVAILABLE, "locked");
    SR_CHECK(sqlite3_close(other) == SQLITE_OK);
    assert_claim(1000, true, true, SR_OK, "");
}

static void a_reader_that_keeps_the_checkpoint_from_finishing_is_an_outage(void **state)
{
    struct contract_writer writer;
    struct sr_change change = contract_change(SR_CHANGE_ADD, "a", 1);
    sqlite3 *other;

    (void)state;
    contract_writer_open(&writer, &target, 1);
    other = open_outside();
    SR_CHECK(sqlite3_exec(other, "BEGIN; SELECT * FROM counters", NULL, NULL, NULL) ==
             SQLITE_OK);
    contract_apply_all(&writer, &change, 1, NULL);
    assert_claim(30, true, true, SR_UNAVAILABLE, "locked");
    SR_CHECK(sqlite3_close(other) == SQLITE_OK);
    assert_claim(1000, true, true, SR_OK, "");
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
    contract_writer_open(&writer, &target, 1);
    exec_outside("DROP TABLE counters");
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
    contract_writer_open(&writer, &target, 1);
    (void)pragma(writer.store, "PRAGMA max_page_count = 1");
    memset(key, 'k', sizeof(key) - 1);
    key[SR_KEY_SIZE_MAX] = '\0';
    for (char c = 'a'; c <= 'z' && res == SR_OK; c++) {
        key[0] = c;
        res = apply_one(&writer, contract_change(SR_CHANGE_ADD, key, 1), &outcome);
    }
    assert_int_equal(res, SR_UNAVAILABLE);
    assert_non_null(strstr(writer.err.text, "full"));
    (void)pragma(writer.store, "PRAGMA max_page_count = 10000");
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
    contract_writer_open(&writer, &target, 1);
    exec_outside("CREATE TRIGGER stock BEFORE UPDATE ON counters WHEN new.value < 0 "
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
    assert_int_equal(refused(NULL, rows, 2), 2);
    assert_true(rows[0].is_set && rows[1].is_set);
    contract_writer_close(&writer);
}

static void a_trigger_that_ends_the_transaction_or_hides_a_row_is_refused(void **state)
{
    struct contract_writer writer;
    struct store_outcome outcome;
    struct sr_change change = contract_change(SR_CHANGE_ADD, "a", 1);

    (void)state;
    contract_writer_open(&writer, &target, 1);
    exec_outside("CREATE TRIGGER t BEFORE INSERT ON counters "
                 "BEGIN SELECT RAISE(ROLLBACK, 'no'); END");
    assert_int_equal(apply_one(&writer, change, &outcome), SR_REFUSED);
    exec_outside("DROP TRIGGER t; CREATE TRIGGER t BEFORE INSERT ON counters "
                 "BEGIN SELECT RAISE(IGNORE); END");
    assert_int_equal(apply_one(&writer, change, &outcome), SR_REFUSED);
    exec_outside("DROP TRIGGER t");
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
    contract_writer_open(&writer, &target, 1);
    source.source = (struct store_source){.context = writer.store,
                                          .rewind = no_rewind,
                                          .next = cancel_then_change};
    contract_sink_init(&sink);
    assert_int_equal(contract_apply(&writer, &source, &sink), SR_UNAVAILABLE);
    contract_sink_done(&sink);
    contract_writer_close(&writer);
    contract_writer_open(&next, &target, 1);
    contract_assert_absent(&next, "a");
    epoch = next.epoch;
    assert_int_equal(epoch, 0);
    contract_writer_close(&next);
}

static const struct CMUnitTest own_tests[] = {
    cmocka_unit_test_setup(commits_are_durable_and_the_file_has_our_mark, fresh_file),
    cmocka_unit_test_setup(a_claim_leaves_nothing_in_the_log, fresh_file),
    cmocka_unit_test_setup(a_database_of_somebody_else_is_refused_and_not_touched, fresh_file),
    cmocka_unit_test_setup(a_file_that_is_no_database_is_refused, fresh_file),
    cmocka_unit_test_setup(a_file_that_must_exist_and_does_not_is_not_found_nor_made,
                           fresh_file),
    cmocka_unit_test_setup(a_folder_in_the_way_is_refused, fresh_file),
    cmocka_unit_test_setup(tables_of_a_newer_version_are_refused_naming_both, fresh_file),
    cmocka_unit_test_setup(a_table_of_ours_that_is_gone_is_refused, fresh_file),
    cmocka_unit_test_setup(a_lock_held_by_others_is_an_outage, fresh_file),
    cmocka_unit_test_setup(a_reader_that_keeps_the_checkpoint_from_finishing_is_an_outage,
                           fresh_file),
    cmocka_unit_test_setup(a_full_disk_is_an_outage_that_passes, fresh_file),
    cmocka_unit_test_setup(a_users_own_constraint_refuses_its_rows, fresh_file),
    cmocka_unit_test_setup(a_trigger_that_ends_the_transaction_or_hides_a_row_is_refused,
                           fresh_file),
    cmocka_unit_test_setup(cancel_ends_a_running_apply, fresh_file),
};

int main(void)
{
    const struct contract_tests own[] = {{own_tests, CONTRACT_COUNT(own_tests)}, {NULL, 0}};
    int failed;

    SR_CHECK(mkdtemp(folder) != NULL);
    (void)snprintf(path, sizeof(path), "%s/counters.db", folder);
    failed = contract_run(&target, own);
    reset(NULL);
    SR_CHECK(rmdir(folder) == 0);
    return failed;
}
