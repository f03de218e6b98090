/*
 * A database file of the SQLite tests.
 */
#include "store/sqlite_support.h"

#include "store/store_sqlite_internal.h"

#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[] = "/tmp/simple-request-sqlite-XXXXXX";
char sqlite_path[64];

static void reset(void *context)
{
    static const char *const ends[] = {"", "-wal", "-shm", "-journal"};
    char name[80];

    (void)context;
    for (size_t i = 0; i < CONTRACT_COUNT(ends); i++) {
        (void)snprintf(name, sizeof(name), "%s%s", sqlite_path, ends[i]);
        (void)unlink(name); /* may not be there */
    }
}

int sqlite_fresh_file(void **state)
{
    (void)state;
    reset(NULL);
    return 0;
}

struct store *sqlite_store(const struct sr_uuid *instance, uint32_t timeout_ms, bool create)
{
    struct store_options options = {.instance = *instance,
                                    .timeout_ms = timeout_ms,
                                    .create = create};
    struct store *store = NULL;
    struct sr_err err;
    char url[80];

    (void)snprintf(url, sizeof(url), "sqlite:%s", sqlite_path);
    SR_CHECK(store_open(url, &options, &store, &err) == SR_OK);
    return store;
}

static struct store *open_store(void *context, const struct sr_uuid *instance)
{
    (void)context;
    return sqlite_store(instance, 10000, true);
}

/* A connection behind the driver's back. */
sqlite3 *sqlite_open_outside(void)
{
    sqlite3 *db;

    SR_CHECK(sqlite3_open(sqlite_path, &db) == SQLITE_OK);
    return db;
}

void sqlite_exec_outside(const char *sql)
{
    sqlite3 *db = sqlite_open_outside();

    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) {
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    }
    SR_CHECK(sqlite3_close(db) == SQLITE_OK);
}

static size_t refused(void *context, struct contract_refused *ret_rows, size_t max)
{
    sqlite3 *db = sqlite_open_outside();
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

static void age_requests(void *context)
{
    (void)context;
    sqlite_exec_outside("UPDATE counter_requests SET expires_at = 1");
}

const struct contract_target sqlite_target = {.name = "store/sqlite",
                                              .reset = reset,
                                              .open = open_store,
                                              .refused = refused,
                                              .age_requests = age_requests};

void sqlite_assert_claim(uint32_t timeout_ms, bool create, bool insert_row,
                         enum sr_result wanted, const char *word)
{
    struct sr_uuid instance = contract_uuid(1);
    struct store *store = sqlite_store(&instance, timeout_ms, create);
    struct sr_err err = {.text = ""};
    uint64_t epoch;

    assert_int_equal(contract_claim(store, (uint8_t[]){101}, 1, insert_row, &epoch, &err),
                     wanted);
    if (strstr(err.text, word) == NULL) {
        fail_msg("'%s' is not in: %s", word, err.text);
    }
    store_close(&store);
}

int64_t sqlite_number(struct store *store, const char *sql)
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

void sqlite_open(void)
{
    SR_CHECK(mkdtemp(folder) != NULL);
    (void)snprintf(sqlite_path, sizeof(sqlite_path), "%s/counters.db", folder);
}

void sqlite_close(void)
{
    reset(NULL);
    SR_CHECK(rmdir(folder) == 0);
}
