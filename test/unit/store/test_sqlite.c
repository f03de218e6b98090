/*
 * The SQLite driver: the contract, its settings and its file.
 */
#include "store/test_sqlite.h"

#include "store/sqlite_support.h"
#include "store/store_sqlite_internal.h"

#include "base/check.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- settings and files ------------------------------------------------------------------- */

static void commits_are_durable_and_the_file_has_our_mark(void **state)
{
    struct contract_writer writer;

    (void)state;
    contract_writer_open(&writer, &sqlite_target, 1);
    assert_int_equal(sqlite_number(writer.store, "PRAGMA synchronous"), 2);
    assert_int_equal(sqlite_number(writer.store,
                                   "SELECT 'wal' = journal_mode FROM pragma_journal_mode"),
                     1);
    assert_int_equal(sqlite_number(writer.store, "PRAGMA application_id"),
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
    (void)snprintf(log, sizeof(log), "%s-wal", sqlite_path);
    contract_writer_open(&writer, &sqlite_target, 1);
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

static void a_database_of_somebody_else_is_refused_and_not_touched(void **state)
{
    struct stat before;
    struct stat after;

    (void)state;
    sqlite_exec_outside("CREATE TABLE theirs (x)");
    assert_int_equal(stat(sqlite_path, &before), 0);
    sqlite_assert_claim(1000, true, true, SR_REFUSED, "not a simple-request database");
    assert_int_equal(stat(sqlite_path, &after), 0);
    assert_int_equal(before.st_size, after.st_size);
    assert_true(before.st_mtim.tv_nsec == after.st_mtim.tv_nsec);
    (void)sqlite_fresh_file(state);
    sqlite_exec_outside("PRAGMA application_id = 77");
    sqlite_assert_claim(1000, true, true, SR_REFUSED, "not a simple-request database");
}

static void a_file_that_is_no_database_is_refused(void **state)
{
    FILE *file = fopen(sqlite_path, "w");

    (void)state;
    SR_CHECK(file != NULL);
    for (int i = 0; i < 1000; i++) {
        SR_CHECK(fputs("this is not a database\n", file) >= 0);
    }
    SR_CHECK(fclose(file) == 0);
    sqlite_assert_claim(1000, true, true, SR_REFUSED, "not a database");
}

static void a_file_that_must_exist_and_does_not_is_not_found_nor_made(void **state)
{
    struct stat status;

    (void)state;
    sqlite_assert_claim(1000, true, false, SR_NOT_FOUND, "does not exist");
    sqlite_assert_claim(1000, false, true, SR_NOT_FOUND, "does not exist");
    assert_int_equal(stat(sqlite_path, &status), -1);
}

static void a_folder_in_the_way_is_refused(void **state)
{
    (void)state;
    SR_CHECK(mkdir(sqlite_path, 0755) == 0);
    sqlite_assert_claim(1000, true, true, SR_REFUSED, sqlite_path);
    SR_CHECK(rmdir(sqlite_path) == 0);
}

static void tables_of_a_newer_version_are_refused_naming_both(void **state)
{
    (void)state;
    sqlite_assert_claim(1000, true, true, SR_OK, "");
    sqlite_exec_outside("INSERT INTO counter_schema (version) VALUES (41)");
    sqlite_assert_claim(1000, true, true, SR_REFUSED, "version 41, this program knows 1");
}

#define TEST(name) cmocka_unit_test_setup(name, sqlite_fresh_file)

static const struct CMUnitTest tests[] = {
    TEST(commits_are_durable_and_the_file_has_our_mark),
    TEST(a_claim_leaves_nothing_in_the_log),
    TEST(a_database_of_somebody_else_is_refused_and_not_touched),
    TEST(a_file_that_is_no_database_is_refused),
    TEST(a_file_that_must_exist_and_does_not_is_not_found_nor_made),
    TEST(a_folder_in_the_way_is_refused),
    TEST(tables_of_a_newer_version_are_refused_naming_both),
};

int main(void)
{
    const struct contract_tests own[] = {{tests, CONTRACT_COUNT(tests)},
                                         test_sqlite_others,
                                         {NULL, 0}};
    int failed;

    sqlite_open();
    failed = contract_run(&sqlite_target, own);
    sqlite_close();
    return failed;
}
