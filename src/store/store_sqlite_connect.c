/*
 * The SQLite connection: opened with what makes a COMMIT durable, refused where the file is
 * somebody else's, and the few calls through which the driver runs statements.
 */
#include "store/store_sqlite_internal.h"

#include "base/check.h"
#include "base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

/* Steps of SQLite's machine between two looks at the deadline: well below 1 ms. */
#define STEPS_BETWEEN_LOOKS 5000

/* --- deadline ----------------------------------------------------------------------------- */

void store_sqlite_progressed(struct store_sqlite *store)
{
    store->progress_ms = sr_clock_monotonic_ms();
}

static bool must_give_up(const struct store_sqlite *store)
{
    return atomic_load(&store->cancelled) ||
           sr_clock_monotonic_ms() - store->progress_ms >= store->options.timeout_ms;
}

static int on_steps(void *context)
{
    return must_give_up(context);
}

/* Somebody else holds a lock: look again soon, with 1 ms first and 20 ms later. */
static int on_busy(void *context, int count)
{
    struct timespec pause = {.tv_nsec = (count < 20 ? count + 1 : 20) * 1000000L};

    if (must_give_up(context)) {
        return 0;
    }
    (void)nanosleep(&pause, NULL); /* a signal only ends it early */
    return 1;
}

static int on_commit(void *context, sqlite3 *db, const char *name, int frames)
{
    struct store_sqlite *store = context;

    (void)db;
    (void)name;
    store->log_frames = frames;
    return SQLITE_OK;
}

enum sr_result store_sqlite_begin_call(struct store_sqlite *store, struct sr_err *err)
{
    if (store->poisoned) {
        return store_sqlite_refuse_poisoned(store, err);
    }
    if (atomic_load(&store->cancelled)) {
        return sr_fail(err, SR_UNAVAILABLE, "SQLite file '%s': cancelled", store->path);
    }
    store_sqlite_progressed(store);
    return SR_OK;
}

/* --- statements --------------------------------------------------------------------------- */

enum sr_result store_sqlite_exec(struct store_sqlite *store, enum store_sqlite_step step,
                                 const char *sql, struct sr_err *err)
{
    int code = sqlite3_exec(store->db, sql, NULL, NULL, NULL);

    store_sqlite_progressed(store);
    return code == SQLITE_OK ? SR_OK : store_sqlite_fail(store, step, code, sql, err);
}

enum sr_result store_sqlite_prepare(struct store_sqlite *store, enum store_sqlite_step step,
                                    const char *sql, sqlite3_stmt **ret_statement,
                                    struct sr_err *err)
{
    int code = sqlite3_prepare_v2(store->db, sql, -1, ret_statement, NULL);

    return code == SQLITE_OK ? SR_OK : store_sqlite_fail(store, step, code, sql, err);
}

int store_sqlite_step(struct store_sqlite *store, sqlite3_stmt *statement, int64_t *ret_value,
                      bool *ret_found)
{
    bool found = false;
    int code;

    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
        if (!found) {
            *ret_value = sqlite3_column_int64(statement, 0);
        }
        found = true;
    }
    (void)sqlite3_reset(statement); /* tells the step's code again */
    store_sqlite_progressed(store);
    *ret_found = found;
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

enum sr_result store_sqlite_run(struct store_sqlite *store, enum store_sqlite_step step,
                                sqlite3_stmt *statement, int64_t *ret_value, struct sr_err *err)
{
    bool found;
    int64_t value = 0;
    int code = store_sqlite_step(store, statement, &value, &found);

    if (code != SQLITE_OK) {
        return store_sqlite_fail(store, step, code, sqlite3_sql(statement), err);
    }
    if (ret_value != NULL && !found) {
        return sr_fail(err, SR_NOT_FOUND, "SQLite file '%s': no row", store->path);
    }
    if (ret_value != NULL) {
        *ret_value = value;
    }
    return SR_OK;
}

void store_sqlite_rollback(struct store_sqlite *store)
{
    if (store->db != NULL && sqlite3_get_autocommit(store->db) == 0) {
        (void)sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
        if (sqlite3_get_autocommit(store->db) == 0) {
            store->poisoned = true;
            (void)snprintf(store->poison_text, sizeof(store->poison_text),
                           "ROLLBACK failed: %s", sqlite3_errmsg(store->db));
        }
    }
}

void store_sqlite_bind_key(sqlite3_stmt *statement, int index, struct sr_span key)
{
    SR_CHECK(sqlite3_bind_text64(statement, index, (const char *)key.data, key.size,
                                 SQLITE_STATIC, SQLITE_UTF8) == SQLITE_OK);
}

void store_sqlite_bind_text(sqlite3_stmt *statement, int index, const char *text)
{
    store_sqlite_bind_key(statement, index, sr_span_text(text));
}

/* --- connection --------------------------------------------------------------------------- */

static void set_db(struct store_sqlite *store, sqlite3 *db)
{
    SR_CHECK(pthread_mutex_lock(&store->db_lock) == 0);
    store->db = db;
    SR_CHECK(pthread_mutex_unlock(&store->db_lock) == 0);
}

void store_sqlite_disconnect(struct store_sqlite *store)
{
    sqlite3 *db = store->db;

    if (db == NULL) {
        return;
    }
    if (store->poisoned) {
        (void)sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    }
    set_db(store, NULL);
    SR_CHECK(sqlite3_close(db) == SQLITE_OK); /* fails only while statements live */
}

/* Runs a statement of one number or word and takes it. */
static enum sr_result ask(struct store_sqlite *store, const char *sql, int64_t *ret_number,
                          char *ret_word, size_t word_size, struct sr_err *err)
{
    sqlite3_stmt *statement;
    enum sr_result res = store_sqlite_prepare(store, STORE_SQLITE_READ, sql, &statement, err);
    int code;

    if (res != SR_OK) {
        return res;
    }
    code = sqlite3_step(statement);
    if (code != SQLITE_ROW) {
        res = store_sqlite_fail(store, STORE_SQLITE_READ, code, sql, err);
    } else {
        *ret_number = sqlite3_column_int64(statement, 0);
        (void)snprintf(ret_word, word_size, "%s",
                       (const char *)sqlite3_column_text(statement, 0));
    }
    (void)sqlite3_finalize(statement);
    return res;
}

/* Looks before anything is written: an empty file is new, one with our mark is ours. */
static enum sr_result look_whose_file(struct store_sqlite *store, bool create,
                                      struct sr_err *err)
{
    char word[32];
    int64_t mark = 0;
    int64_t tables = 0;
    enum sr_result res = ask(store, "PRAGMA application_id", &mark, word, sizeof(word), err);

    if (res == SR_OK) {
        res =
            ask(store, "SELECT count(*) FROM sqlite_master", &tables, word, sizeof(word), err);
    }
    if (res != SR_OK || mark == STORE_SQLITE_APPLICATION_ID) {
        return res;
    }
    if (mark != 0 || tables != 0) {
        return sr_fail(err, SR_REFUSED,
                       "SQLite file '%s' is not a simple-request database; name another file",
                       store->path);
    }
    return create
               ? SR_OK
               : sr_fail(err, SR_NOT_FOUND, "SQLite file '%s' has no tables yet", store->path);
}

/* A setting counts when it reads back as wanted. */
static enum sr_result set_pragma(struct store_sqlite *store, enum store_sqlite_step step,
                                 const char *set, const char *get, const char *wanted,
                                 struct sr_err *err)
{
    char word[32];
    int64_t number;
    enum sr_result res = store_sqlite_exec(store, step, set, err);

    if (res == SR_OK) {
        res = ask(store, get, &number, word, sizeof(word), err);
    }
    if (res == SR_OK && sqlite3_stricmp(word, wanted) != 0) {
        return sr_fail(err, SR_REFUSED,
                       "SQLite file '%s': %s is %s, needed is %s; put it on a local disk",
                       store->path, get, word, wanted);
    }
    return res;
}

/* The automatic checkpoint is off (our own hook is in its place) because it hides its errors:
 * the driver checkpoints by itself. */
static enum sr_result set_up(struct store_sqlite *store, bool create, struct sr_err *err)
{
    enum sr_result res = look_whose_file(store, create, err);
    /* The log's mode is written into a new file. */
    enum store_sqlite_step step = create ? STORE_SQLITE_WRITE : STORE_SQLITE_READ;

    if (res == SR_OK) {
        res = set_pragma(store, step, "PRAGMA journal_mode=WAL", "PRAGMA journal_mode", "wal",
                         err);
    }
    if (res == SR_OK) {
        res =
            set_pragma(store, step, "PRAGMA synchronous=FULL", "PRAGMA synchronous", "2", err);
    }
    if (res == SR_OK) {
        res = set_pragma(store, step, "PRAGMA encoding", "PRAGMA encoding", "UTF-8", err);
    }
    if (res == SR_OK) {
        res = store_sqlite_exec(store, STORE_SQLITE_READ,
                                "PRAGMA journal_size_limit=67108864;"
                                "PRAGMA mmap_size=0;"
                                "PRAGMA cache_size=-16384;"
                                "PRAGMA temp_store=MEMORY",
                                err);
    }
    return res;
}

enum sr_result store_sqlite_connect(struct store_sqlite *store, bool create, struct sr_err *err)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    sqlite3 *db = NULL;
    enum sr_result res;
    int code;

    if (store->db != NULL) {
        return SR_OK;
    }
    create = create && store->options.create;
    code = sqlite3_open_v2(store->path, &db, flags | (create ? SQLITE_OPEN_CREATE : 0), NULL);
    set_db(store, db);
    if (code == SQLITE_CANTOPEN && !create && sqlite3_system_errno(db) == ENOENT) {
        res = sr_fail(err, SR_NOT_FOUND, "SQLite file '%s' does not exist", store->path);
    } else if (code != SQLITE_OK) {
        res = store_sqlite_fail(store, STORE_SQLITE_READ, code, "open", err);
    } else {
        SR_CHECK(sqlite3_busy_handler(db, on_busy, store) == SQLITE_OK);
        sqlite3_progress_handler(db, STEPS_BETWEEN_LOOKS, on_steps, store);
        (void)sqlite3_wal_hook(db, on_commit, store); /* returns the hook before it: none */
        res = set_up(store, create, err);
    }
    if (res != SR_OK) {
        store_sqlite_disconnect(store);
    }
    return res;
}
