/*
 * Rows of counter_refused in SQLite, found by rowid and contents.
 */
#include "store/store_sqlite_internal.h"

#include "base/check.h"
#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void take_text(sqlite3_stmt *statement, int column, char *ret_text, size_t size)
{
    const unsigned char *text = sqlite3_column_text(statement, column);

    (void)snprintf(ret_text, size, "%s", text == NULL ? "" : (const char *)text);
}

static enum sr_result tell_row(sqlite3_stmt *statement, store_refused_fn *tell, void *context)
{
    struct store_refused r = {
        .epoch = (uint64_t)sqlite3_column_int64(statement, 2),
        .key = {.data = sqlite3_column_blob(statement, 3),
                .size = (size_t)sqlite3_column_bytes(statement, 3)},
        .has_value = sqlite3_column_type(statement, 4) != SQLITE_NULL,
        .value = sqlite3_column_int64(statement, 4),
        .is_set = sqlite3_column_int64(statement, 5) != 0,
        .at_s = sqlite3_column_int64(statement, 7),
    };

    (void)snprintf(r.id, sizeof(r.id), "%" PRId64, (int64_t)sqlite3_column_int64(statement, 0));
    take_text(statement, 1, r.instance, sizeof(r.instance));
    take_text(statement, 6, r.sqlstate, sizeof(r.sqlstate));
    return tell(context, &r);
}

static enum sr_result connect_store(struct store_sqlite *store, struct sr_err *err)
{
    enum sr_result res = store_sqlite_begin_call(store, err);

    return res == SR_OK ? store_sqlite_connect(store, false, err) : res;
}

static void bind_blob(sqlite3_stmt *statement, int index, struct sr_span bytes)
{
    SR_CHECK(sqlite3_bind_blob64(statement, index,
                                 bytes.size == 0 ? (const void *)"" : bytes.data, bytes.size,
                                 SQLITE_STATIC) == SQLITE_OK);
}

static void bind_int64(sqlite3_stmt *statement, int index, int64_t value)
{
    SR_CHECK(sqlite3_bind_int64(statement, index, value) == SQLITE_OK);
}

enum sr_result store_sqlite_list_refused(struct store *base, struct sr_span key,
                                         const char *after, store_refused_fn *tell,
                                         void *context, struct sr_err *err)
{
    struct store_sqlite *store = (struct store_sqlite *)base;
    sqlite3_stmt *statement = NULL;
    enum sr_result res = connect_store(store, err);
    int code = SQLITE_ROW;

    if (res == SR_OK) {
        res = store_sqlite_prepare(
            store, STORE_SQLITE_READ,
            "SELECT rowid, instance, epoch, key, delta, is_set, sqlstate, at "
            "FROM counter_refused WHERE (length(?1) = 0 OR key = ?1) AND rowid > ?2 "
            "ORDER BY rowid LIMIT ?3",
            &statement, err);
    }
    if (res != SR_OK) {
        return res;
    }
    bind_blob(statement, 1, key);
    bind_int64(statement, 2, after[0] == '\0' ? INT64_MIN : strtoll(after, NULL, 10));
    bind_int64(statement, 3, STORE_REFUSED_PAGE);
    while (res == SR_OK && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        res = tell_row(statement, tell, context);
        if (res != SR_OK) {
            (void)sr_fail(err, res, "SQLite file '%s': the rows read were not taken",
                          store->path);
        }
    }
    if (res == SR_OK && code != SQLITE_DONE) {
        res = store_sqlite_fail(store, STORE_SQLITE_READ, code, "list of refused rows", err);
    }
    (void)sqlite3_finalize(statement);
    return res;
}

/* Within a transaction. SR_NOT_FOUND where the row is gone. */
static enum sr_result remove_row(struct store_sqlite *store, const struct store_refused *row,
                                 struct sr_err *err)
{
    sqlite3_stmt *statement;
    enum sr_result res =
        store_sqlite_prepare(store, STORE_SQLITE_WRITE,
                             "DELETE FROM counter_refused WHERE rowid = ?1 AND instance = ?2 "
                             "AND epoch = ?3 AND key = ?4 AND delta IS ?5 AND is_set = ?6",
                             &statement, err);

    if (res != SR_OK) {
        return res;
    }
    bind_int64(statement, 1, strtoll(row->id, NULL, 10));
    store_sqlite_bind_text(statement, 2, row->instance);
    bind_int64(statement, 3, (int64_t)row->epoch);
    bind_blob(statement, 4, row->key);
    if (row->has_value) {
        bind_int64(statement, 5, row->value);
    }
    bind_int64(statement, 6, row->is_set);
    res = store_sqlite_run(store, STORE_SQLITE_WRITE, statement, NULL, err);
    (void)sqlite3_finalize(statement);
    return res == SR_OK && sqlite3_changes(store->db) != 1
               ? sr_fail(err, SR_NOT_FOUND, "SQLite file '%s': the row is gone meanwhile",
                         store->path)
               : res;
}

/* SR_INVALID where a constraint refuses it. */
static enum sr_result add_value(struct store_sqlite *store, const struct store_refused *row,
                                int64_t *ret_value, struct sr_err *err)
{
    sqlite3_stmt *statement;
    enum sr_result res = store_sqlite_prepare(
        store, STORE_SQLITE_WRITE,
        "INSERT INTO counters (key, value, inserted_at, updated_at) VALUES (?1, ?2, ?3, ?3) "
        "ON CONFLICT (key) DO UPDATE SET value = value + excluded.value, "
        "updated_at = excluded.updated_at RETURNING value",
        &statement, err);
    bool found;
    int code;

    if (res != SR_OK) {
        return res;
    }
    store_sqlite_bind_key(statement, 1, row->key);
    bind_int64(statement, 2, row->value);
    bind_int64(statement, 3, (int64_t)(sr_clock_wall_ms() / 1000));
    code = store_sqlite_step(store, statement, ret_value, &found);
    if ((code & 0xff) == SQLITE_CONSTRAINT) {
        res = sr_fail(err, SR_INVALID, "SQLite file '%s': %s", store->path,
                      sqlite3_errmsg(store->db));
    } else if (code != SQLITE_OK) {
        res = store_sqlite_fail(store, STORE_SQLITE_WRITE, code, "replay", err);
    } else if (!found) {
        res = sr_fail(err, SR_INVALID,
                      "SQLite file '%s': a trigger on counters made the change vanish",
                      store->path);
    }
    (void)sqlite3_finalize(statement);
    return res;
}

/* Removes the row and, with ret_value, adds its value, in one transaction. */
static enum sr_result settle(struct store_sqlite *store, const struct store_refused *row,
                             int64_t *ret_value, struct sr_err *err)
{
    enum sr_result res = connect_store(store, err);

    if (res == SR_OK) {
        res = store_sqlite_exec(store, STORE_SQLITE_WRITE, "BEGIN IMMEDIATE", err);
    }
    if (res != SR_OK) {
        return res;
    }
    res = remove_row(store, row, err);
    if (res == SR_OK && ret_value != NULL) {
        res = add_value(store, row, ret_value, err);
    }
    if (res == SR_OK) {
        res = store_sqlite_exec(store, STORE_SQLITE_COMMIT, "COMMIT", err);
    }
    store_sqlite_rollback(store);
    return res;
}

enum sr_result store_sqlite_replay_refused(struct store *base, const struct store_refused *row,
                                           int64_t *ret_value, struct sr_err *err)
{
    SR_CHECK(!row->is_set && row->has_value);
    return settle((struct store_sqlite *)base, row, ret_value, err);
}

enum sr_result store_sqlite_drop_refused(struct store *base, const struct store_refused *row,
                                         struct sr_err *err)
{
    return settle((struct store_sqlite *)base, row, NULL, err);
}
