/*
 * One epoch into SQLite: one transaction, the fence first, then one prepared statement per
 * change.
 */
#include "store/store_sqlite_internal.h"

#include "base/check.h"
#include "base/clock.h"
#include "store/store_answer.h"

#include <string.h>

/* Frames in the log after which it is copied into the file: SQLite's own default. */
#define CHECKPOINT_FRAMES 1000

enum statement { ADD, SET, DELETE, REFUSE, STATEMENTS };

static const char *const statement_sql[STATEMENTS] = {
    [ADD] =
        ("INSERT INTO counters (key, value, inserted_at, updated_at) "
         "VALUES (?1, ?2, ?3, ?3) ON CONFLICT (key) DO UPDATE SET "
         "value = value + excluded.value, updated_at = excluded.updated_at RETURNING value"),
    [SET] = ("INSERT INTO counters (key, value, inserted_at, updated_at) "
             "VALUES (?1, ?2, ?3, ?3) ON CONFLICT (key) DO UPDATE SET "
             "value = excluded.value, updated_at = excluded.updated_at RETURNING value"),
    [DELETE] = "DELETE FROM counters WHERE key = ?1",
    [REFUSE] =
        ("INSERT INTO counter_refused (key, delta, at, instance, epoch, is_set, sqlstate) "
         "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"),
};

/* One running apply. */
struct apply {
    struct store_sqlite *store;
    const struct store_epoch *epoch;
    const struct store_sink *sink;
    sqlite3_stmt *statements[STATEMENTS];
    uint64_t index; /* of the change at hand */
    int64_t now_s;
};

static enum sr_result prepare_all(struct apply *apply, struct sr_err *err)
{
    enum sr_result res = SR_OK;

    for (int i = 0; res == SR_OK && i < STATEMENTS; i++) {
        res = store_sqlite_prepare(apply->store, STORE_SQLITE_WRITE, statement_sql[i],
                                   &apply->statements[i], err);
    }
    return res;
}

static void finalize_all(struct apply *apply)
{
    for (int i = 0; i < STATEMENTS; i++) {
        (void)sqlite3_finalize(apply->statements[i]); /* tells the last step's code again */
    }
}

static void bind_int64(sqlite3_stmt *statement, int index, int64_t value)
{
    SR_CHECK(sqlite3_bind_int64(statement, index, value) == SQLITE_OK);
}

/* --- fence -------------------------------------------------------------------------------- */

static enum sr_result run_fence(struct apply *apply, sqlite3_stmt *statement,
                                struct sr_err *err)
{
    struct store_sqlite *store = apply->store;
    char owner[SR_UUID_TEXT_SIZE];
    enum sr_result res;

    sr_uuid_text(&apply->epoch->owner, owner);
    bind_int64(statement, 1, (int64_t)apply->epoch->epoch);
    bind_int64(statement, 2, apply->now_s);
    store_sqlite_bind_text(statement, 3, store->instance_text);
    bind_int64(statement, 4, (int64_t)apply->epoch->predecessor);
    store_sqlite_bind_text(statement, 5, owner);
    res = store_sqlite_run(store, STORE_SQLITE_WRITE, statement, NULL, err);
    if (res == SR_OK && sqlite3_changes(store->db) != 1) {
        return sr_fail(err, SR_FENCED,
                       "SQLite file '%s': the writer's row of instance %s is not at epoch "
                       "%llu under our token",
                       store->path, store->instance_text,
                       (unsigned long long)apply->epoch->predecessor);
    }
    return res;
}

static enum sr_result fence(struct apply *apply, struct sr_err *err)
{
    sqlite3_stmt *statement;
    enum sr_result res =
        store_sqlite_prepare(apply->store, STORE_SQLITE_WRITE,
                             "UPDATE counter_writers SET epoch = ?1, synced_at = ?2 "
                             "WHERE instance = ?3 AND epoch = ?4 AND owner = ?5",
                             &statement, err);

    if (res == SR_OK) {
        res = run_fence(apply, statement, err);
        (void)sqlite3_finalize(statement);
    }
    return res;
}

/* --- changes ------------------------------------------------------------------------------ */

/* The SQLSTATE that PostgreSQL has for the refusal. */
static const char *refusal_state(struct store_sqlite *store, int code)
{
    switch (code) {
    case SQLITE_CONSTRAINT_CHECK:
        return strstr(sqlite3_errmsg(store->db), "value_fits_64_bits") != NULL ? "22003"
                                                                               : "23514";
    case SQLITE_CONSTRAINT_NOTNULL:
        return "23502";
    case SQLITE_CONSTRAINT_FOREIGNKEY:
        return "23503";
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_UNIQUE:
        return "23505";
    default:
        return "23000";
    }
}

static void tell(struct apply *apply, int64_t value, bool exists, const char *sqlstate)
{
    struct store_outcome outcome = {
        .index = apply->index,
        .value = value,
        .exists = exists,
        .refused = sqlstate != NULL,
    };

    if (sqlstate != NULL) {
        memcpy(outcome.sqlstate, sqlstate, sizeof(outcome.sqlstate));
    }
    apply->sink->outcome(apply->sink->context, &outcome);
}

/* Sets the change aside in the same transaction. */
static enum sr_result refuse(struct apply *apply, const struct sr_change *change, int code,
                             struct sr_err *err)
{
    struct store_sqlite *store = apply->store;
    sqlite3_stmt *statement = apply->statements[REFUSE];
    const char *sqlstate = refusal_state(store, code);
    enum sr_result res;

    if (sqlite3_get_autocommit(store->db) != 0) {
        return sr_fail(err, SR_REFUSED,
                       "SQLite file '%s': a trigger ended the flush's transaction: %s",
                       store->path, sqlite3_errmsg(store->db));
    }
    SR_CHECK(sqlite3_bind_blob64(statement, 1, change->key.data, change->key.size,
                                 SQLITE_STATIC) == SQLITE_OK);
    bind_int64(statement, 2, (int64_t)change->value);
    if (change->kind == SR_CHANGE_DELETE) {
        SR_CHECK(sqlite3_bind_null(statement, 2) == SQLITE_OK);
    }
    bind_int64(statement, 3, apply->now_s);
    store_sqlite_bind_text(statement, 4, store->instance_text);
    bind_int64(statement, 5, (int64_t)apply->epoch->epoch);
    bind_int64(statement, 6, change->kind != SR_CHANGE_ADD);
    store_sqlite_bind_text(statement, 7, sqlstate);
    res = store_sqlite_run(store, STORE_SQLITE_WRITE, statement, NULL, err);
    if (res == SR_OK) {
        tell(apply, 0, false, sqlstate);
    }
    return res;
}

static enum sr_result apply_change(struct apply *apply, const struct sr_change *change,
                                   struct sr_err *err)
{
    static const enum statement statement_of[] = {
        [SR_CHANGE_ADD] = ADD, [SR_CHANGE_SET] = SET, [SR_CHANGE_DELETE] = DELETE};
    sqlite3_stmt *statement = apply->statements[statement_of[change->kind]];
    bool deletes = change->kind == SR_CHANGE_DELETE;
    int64_t value = 0;
    bool found;
    int code;

    SR_CHECK(sr_wide_fits_i64(change->value));
    store_sqlite_bind_key(statement, 1, change->key);
    if (!deletes) {
        bind_int64(statement, 2, (int64_t)change->value);
        bind_int64(statement, 3, apply->now_s);
    }
    code = store_sqlite_step(apply->store, statement, &value, &found);
    if ((code & 0xff) == SQLITE_CONSTRAINT) {
        return refuse(apply, change, code, err);
    }
    if (code != SQLITE_OK) {
        return store_sqlite_fail(apply->store, STORE_SQLITE_WRITE, code, "apply", err);
    }
    if (!deletes && !found) {
        return sr_fail(err, SR_REFUSED,
                       "SQLite file '%s': a trigger on counters made a change vanish",
                       apply->store->path);
    }
    tell(apply, value, !deletes, NULL);
    return SR_OK;
}

static enum sr_result apply_changes(struct apply *apply, const struct store_source *source,
                                    struct sr_err *err)
{
    enum sr_result res = SR_OK;
    struct sr_change change;

    while (res == SR_OK && (res = source->next(source->context, &change, err)) == SR_OK) {
        res = apply_change(apply, &change, err);
        apply->index++;
    }
    return res == SR_NOT_FOUND ? SR_OK : res;
}

/* --- the transaction ---------------------------------------------------------------------- */

static enum sr_result apply_prepared(struct apply *apply, const struct store_source *source,
                                     struct sr_err *err)
{
    enum sr_result res = fence(apply, err);
    uint64_t requests = 0;

    if (res == SR_OK) {
        res = source->rewind(source->context, err);
    }
    if (res == SR_OK && source->next_request != NULL) {
        res = store_sqlite_apply_requests(apply->store, source, apply->sink,
                                          apply->now_s + (int64_t)apply->epoch->window_s,
                                          &requests, err);
    }
    if (res == SR_OK) {
        res = apply_changes(apply, source, err);
    }
    if (res == SR_OK && apply->epoch->window_s > 0) {
        res = store_sqlite_expire_requests(apply->store, apply->now_s,
                                           store_expire_steps(requests), err);
    }
    return res;
}

/* The epoch is in the log, synced; copying it on may fail only for the next call. */
static void checkpoint_when_long(struct store_sqlite *store)
{
    struct sr_err kept; /* the words stay in the store where they matter */
    int code;

    if (store->log_frames < CHECKPOINT_FRAMES) {
        return;
    }
    code = sqlite3_wal_checkpoint_v2(store->db, "main", SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    if (code != SQLITE_OK) {
        (void)store_sqlite_fail(store, STORE_SQLITE_COMMIT, code, "checkpoint", &kept);
    }
}

enum sr_result store_sqlite_apply(struct store *base, const struct store_epoch *epoch,
                                  const struct store_source *source,
                                  const struct store_sink *sink, struct sr_err *err)
{
    struct store_sqlite *store = (struct store_sqlite *)base;
    struct apply apply = {
        .store = store,
        .epoch = epoch,
        .sink = sink,
        .now_s = (int64_t)(sr_clock_wall_ms() / 1000),
    };
    enum sr_result res = store_sqlite_begin_call(store, err);

    if (res == SR_OK && store->db == NULL) {
        res = sr_fail(err, SR_UNAVAILABLE, "SQLite file '%s': not claimed", store->path);
    }
    if (res != SR_OK) {
        return res;
    }
    res = store_sqlite_exec(store, STORE_SQLITE_WRITE, "BEGIN IMMEDIATE", err);
    if (res == SR_OK) {
        res = prepare_all(&apply, err);
    }
    if (res == SR_OK) {
        res = apply_prepared(&apply, source, err);
    }
    finalize_all(&apply);
    if (res == SR_OK) {
        res = store_sqlite_exec(store, STORE_SQLITE_COMMIT, "COMMIT", err);
    }
    store_sqlite_rollback(store);
    if (res == SR_OK) {
        checkpoint_when_long(store);
    }
    return res;
}
