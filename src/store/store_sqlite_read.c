/*
 * Reading from SQLite: values with their epoch from one snapshot, and the writer's row.
 */
#include "store/store_sqlite_internal.h"

#include <string.h>

/* Reads the writer's row; with ret_owned also whether `owner` has it. */
static enum sr_result read_row(struct store_sqlite *store, const struct sr_uuid *owner,
                               uint64_t *ret_epoch, bool *ret_owned, struct sr_err *err)
{
    static const char sql[] = "SELECT epoch, owner FROM counter_writers WHERE instance = ?1";
    char owner_text[SR_UUID_TEXT_SIZE] = "";
    sqlite3_stmt *statement;
    enum sr_result res = store_sqlite_prepare(store, STORE_SQLITE_READ, sql, &statement, err);
    int code;

    if (res != SR_OK) {
        return res;
    }
    store_sqlite_bind_text(statement, 1, store->instance_text);
    code = sqlite3_step(statement);
    if (code == SQLITE_ROW) {
        *ret_epoch = (uint64_t)sqlite3_column_int64(statement, 0);
        if (owner != NULL) {
            const char *found = (const char *)sqlite3_column_text(statement, 1);

            sr_uuid_text(owner, owner_text);
            *ret_owned = found != NULL && strcmp(found, owner_text) == 0;
        }
    } else if (code == SQLITE_DONE) {
        res = sr_fail(err, SR_NOT_FOUND, "SQLite file '%s' has no writer's row of instance %s",
                      store->path, store->instance_text);
    } else {
        res =
            store_sqlite_fail(store, STORE_SQLITE_READ, code, "read of the writer's row", err);
    }
    (void)sqlite3_finalize(statement);
    return res;
}

/* What is read within one snapshot: values of keys, or a range. */
static enum sr_result begin_read(struct store_sqlite *store, uint64_t *ret_epoch,
                                 struct sr_err *err)
{
    enum sr_result res = store_sqlite_begin_call(store, err);

    if (res == SR_OK) {
        res = store_sqlite_connect(store, false, err);
    }
    if (res == SR_OK) {
        res = store_sqlite_exec(store, STORE_SQLITE_READ, "BEGIN", err);
    }
    return res == SR_OK ? read_row(store, NULL, ret_epoch, NULL, err) : res;
}

static enum sr_result read_values(struct store_sqlite *store, const struct sr_span *keys,
                                  size_t count, struct store_value *ret_values,
                                  struct sr_err *err)
{
    sqlite3_stmt *statement;
    enum sr_result res =
        store_sqlite_prepare(store, STORE_SQLITE_READ,
                             "SELECT value FROM counters WHERE key = ?1", &statement, err);

    if (res != SR_OK) {
        return res;
    }
    for (size_t i = 0; res == SR_OK && i < count; i++) {
        struct store_value value = {0};
        int code;

        store_sqlite_bind_key(statement, 1, keys[i]);
        code = store_sqlite_step(store, statement, &value.value, &value.exists);
        if (code != SQLITE_OK) {
            res = store_sqlite_fail(store, STORE_SQLITE_READ, code, "load", err);
        } else {
            ret_values[i] = value;
        }
    }
    (void)sqlite3_finalize(statement);
    return res;
}

enum sr_result store_sqlite_load(struct store *base, const struct sr_span *keys, size_t count,
                                 struct store_value *ret_values, uint64_t *ret_epoch,
                                 struct sr_err *err)
{
    struct store_sqlite *store = (struct store_sqlite *)base;
    uint64_t epoch = 0;
    enum sr_result res = begin_read(store, &epoch, err);

    if (res == SR_OK) {
        res = read_values(store, keys, count, ret_values, err);
    }
    store_sqlite_rollback(store);
    if (res == SR_OK) {
        *ret_epoch = epoch;
    }
    return res;
}

#define RANGE_SQL(compare)                                                                     \
    "SELECT key, value FROM counters WHERE key " compare " ?1 "                                \
    "AND length(CAST(key AS BLOB)) BETWEEN 1 AND 512 ORDER BY key LIMIT ?2"

static enum sr_result read_range(struct store_sqlite *store, const struct store_range *range,
                                 const struct store_rows *rows, struct sr_err *err)
{
    sqlite3_stmt *statement;
    enum sr_result res = store_sqlite_prepare(store, STORE_SQLITE_READ,
                                              range->is_past ? RANGE_SQL(">") : RANGE_SQL(">="),
                                              &statement, err);
    int code = SQLITE_ROW;

    if (res != SR_OK) {
        return res;
    }
    store_sqlite_bind_key(statement, 1, range->from.size > 0 ? range->from : sr_span_text(""));
    (void)sqlite3_bind_int64(statement, 2, range->limit);
    while (res == SR_OK && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        struct sr_span key = {.data = sqlite3_column_text(statement, 0),
                              .size = (size_t)sqlite3_column_bytes(statement, 0)};

        if (rows->row(rows->context, key, sqlite3_column_int64(statement, 1)) != SR_OK) {
            res = sr_fail(err, SR_NO_MEMORY, "SQLite file '%s': the rows read were not taken",
                          store->path);
        }
    }
    if (res == SR_OK && code != SQLITE_DONE) {
        res = store_sqlite_fail(store, STORE_SQLITE_READ, code, "list", err);
    }
    (void)sqlite3_finalize(statement);
    return res;
}

enum sr_result store_sqlite_list(struct store *base, const struct store_range *range,
                                 const struct store_rows *rows, uint64_t *ret_epoch,
                                 struct sr_err *err)
{
    struct store_sqlite *store = (struct store_sqlite *)base;
    uint64_t epoch = 0;
    enum sr_result res = begin_read(store, &epoch, err);

    if (res == SR_OK) {
        res = read_range(store, range, rows, err);
    }
    store_sqlite_rollback(store);
    if (res == SR_OK) {
        *ret_epoch = epoch;
    }
    return res;
}

/* Tells rows until one is behind the prefix; returns the last step's code. */
static int tell_while_within(struct store_sqlite *store, sqlite3_stmt *statement,
                             struct sr_span prefix, const struct store_rows *rows,
                             enum sr_result *ret_result)
{
    int code = SQLITE_ROW;

    *ret_result = SR_OK;
    while (*ret_result == SR_OK && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        struct sr_span key = {.data = sqlite3_column_text(statement, 0),
                              .size = (size_t)sqlite3_column_bytes(statement, 0)};

        if (!sr_span_begins(key, prefix)) {
            return SQLITE_DONE;
        }
        *ret_result = rows->row(rows->context, key, sqlite3_column_int64(statement, 1));
        store_sqlite_progressed(store); /* whoever takes the rows may take its time */
    }
    return code;
}

/* One statement is one snapshot. */
enum sr_result store_sqlite_read_all(struct store *base, struct sr_span prefix,
                                     const struct store_rows *rows, struct sr_err *err)
{
    struct store_sqlite *store = (struct store_sqlite *)base;
    sqlite3_stmt *statement = NULL;
    enum sr_result res = store_sqlite_begin_call(store, err);
    int code;

    if (res == SR_OK) {
        res = store_sqlite_connect(store, false, err);
    }
    if (res == SR_OK) {
        res =
            store_sqlite_prepare(store, STORE_SQLITE_READ,
                                 "SELECT key, value FROM counters WHERE key >= ?1 ORDER BY key",
                                 &statement, err);
    }
    if (res != SR_OK) {
        return res;
    }
    store_sqlite_bind_key(statement, 1, prefix.size > 0 ? prefix : sr_span_text(""));
    code = tell_while_within(store, statement, prefix, rows, &res);
    if (res == SR_OK && code != SQLITE_DONE) {
        res = store_sqlite_fail(store, STORE_SQLITE_READ, code, "reading all counters", err);
    }
    (void)sqlite3_finalize(statement);
    return res;
}

enum sr_result store_sqlite_look(struct store *base, const struct sr_uuid *owner,
                                 uint64_t *ret_epoch, bool *ret_owned, struct sr_err *err)
{
    struct store_sqlite *store = (struct store_sqlite *)base;
    enum sr_result res = store_sqlite_begin_call(store, err);

    if (res == SR_OK) {
        res = store_sqlite_connect(store, false, err);
    }
    return res != SR_OK ? res : read_row(store, owner, ret_epoch, ret_owned, err);
}

enum sr_result store_sqlite_retire(struct store *base, const struct sr_uuid *owner,
                                   uint64_t epoch, struct sr_err *err)
{
    struct store_sqlite *store = (struct store_sqlite *)base;
    char owner_text[SR_UUID_TEXT_SIZE];
    sqlite3_stmt *statement = NULL;
    enum sr_result res = store_sqlite_begin_call(store, err);

    if (res == SR_OK) {
        res = store_sqlite_connect(store, false, err);
    }
    if (res == SR_OK) {
        res = store_sqlite_prepare(
            store, STORE_SQLITE_COMMIT,
            "DELETE FROM counter_writers WHERE instance = ?1 AND owner = ?2 AND epoch = ?3",
            &statement, err);
    }
    if (res != SR_OK) {
        return res;
    }
    sr_uuid_text(owner, owner_text);
    store_sqlite_bind_text(statement, 1, store->instance_text);
    store_sqlite_bind_text(statement, 2, owner_text);
    (void)sqlite3_bind_int64(statement, 3, (int64_t)epoch);
    res = store_sqlite_run(store, STORE_SQLITE_COMMIT, statement, NULL, err);
    (void)sqlite3_finalize(statement);
    return res == SR_OK && sqlite3_changes(store->db) != 1
               ? sr_fail(err, SR_NOT_FOUND, "SQLite file '%s' has no such writer's row",
                         store->path)
               : res;
}
