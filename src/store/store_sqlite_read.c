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
    enum sr_result res = store_sqlite_begin_call(store, err);
    uint64_t epoch = 0;

    if (res == SR_OK) {
        res = store_sqlite_connect(store, false, err);
    }
    if (res == SR_OK) {
        res = store_sqlite_exec(store, STORE_SQLITE_READ, "BEGIN", err);
    }
    if (res == SR_OK) {
        res = read_row(store, NULL, &epoch, NULL, err);
    }
    if (res == SR_OK) {
        res = read_values(store, keys, count, ret_values, err);
    }
    store_sqlite_rollback(store);
    if (res == SR_OK) {
        *ret_epoch = epoch;
    }
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
