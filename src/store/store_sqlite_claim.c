/*
 * The claim on SQLite: schema, writer's row, and a checkpoint, so that what the row tells is
 * on the disk and not only in the page cache of a process that died.
 */
#include "store/store_sqlite_internal.h"

#include "store/schema.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- schema ------------------------------------------------------------------------------- */

/* Runs sql and takes its one number. */
static enum sr_result ask_number(struct store_sqlite *store, const char *sql,
                                 int64_t *ret_number, struct sr_err *err)
{
    sqlite3_stmt *statement;
    enum sr_result res = store_sqlite_prepare(store, STORE_SQLITE_WRITE, sql, &statement, err);

    if (res == SR_OK) {
        res = store_sqlite_run(store, STORE_SQLITE_WRITE, statement, ret_number, err);
        (void)sqlite3_finalize(statement);
    }
    return res;
}

static enum sr_result schema_version(struct store_sqlite *store, int64_t *ret_version,
                                     struct sr_err *err)
{
    int64_t tables = 0;
    enum sr_result res =
        ask_number(store, "SELECT count(*) FROM sqlite_master WHERE name = 'counter_schema'",
                   &tables, err);

    if (res != SR_OK || tables == 0) {
        *ret_version = 0;
        return res;
    }
    return ask_number(store, "SELECT coalesce(max(version), 0) FROM counter_schema",
                      ret_version, err);
}

static enum sr_result run_migration(struct store_sqlite *store,
                                    const struct store_migration *migration, struct sr_err *err)
{
    char noted[160];
    char *sql = strndup(migration->sql, migration->size);
    enum sr_result res;

    if (sql == NULL) {
        return sr_fail(err, SR_UNAVAILABLE, "SQLite migration: out of memory");
    }
    res = store_sqlite_exec(store, STORE_SQLITE_WRITE, sql, err);
    free(sql);
    (void)
        snprintf(noted, sizeof(noted),
                 "PRAGMA application_id = %d; INSERT INTO counter_schema (version) VALUES (%u)",
                 STORE_SQLITE_APPLICATION_ID, migration->version);
    return res != SR_OK ? res : store_sqlite_exec(store, STORE_SQLITE_WRITE, noted, err);
}

static enum sr_result migrate(struct store_sqlite *store, struct sr_err *err)
{
    uint32_t newest = store_schema_newest(store_schema_sqlite);
    struct store_migration migration;
    int64_t version;
    enum sr_result res = schema_version(store, &version, err);

    if (res == SR_OK && (version < 0 || version > newest)) {
        return sr_fail(err, SR_REFUSED,
                       "SQLite file '%s' has tables of version %lld, this program knows %u: "
                       "start the newer program",
                       store->path, (long long)version, newest);
    }
    while (res == SR_OK &&
           store_schema_next(store_schema_sqlite, (uint32_t)version, &migration)) {
        res = run_migration(store, &migration, err);
        version = migration.version;
    }
    return res;
}

/* --- the writer's row --------------------------------------------------------------------- */

static enum sr_result insert_row(struct store_sqlite *store, const char *owner,
                                 struct sr_err *err)
{
    sqlite3_stmt *statement;
    enum sr_result res =
        store_sqlite_prepare(store, STORE_SQLITE_WRITE,
                             "INSERT INTO counter_writers (instance, owner, epoch) "
                             "VALUES (?1, ?2, 0) ON CONFLICT (instance) DO NOTHING",
                             &statement, err);

    if (res == SR_OK) {
        store_sqlite_bind_text(statement, 1, store->instance_text);
        store_sqlite_bind_text(statement, 2, owner);
        res = store_sqlite_run(store, STORE_SQLITE_WRITE, statement, NULL, err);
        (void)sqlite3_finalize(statement);
    }
    return res;
}

/* Puts the fresh token in place of mine[index]; SR_NOT_FOUND where the row has another, or is
 * too far for it. */
static enum sr_result take_row(struct store_sqlite *store, const struct store_claim *claim,
                               size_t index, int64_t *ret_epoch, struct sr_err *err)
{
    bool own = index >= claim->mine_count - claim->own_count || claim->others_below == 0;
    char fresh[SR_UUID_TEXT_SIZE];
    char owner_text[SR_UUID_TEXT_SIZE];
    sqlite3_stmt *statement;
    enum sr_result res =
        store_sqlite_prepare(store, STORE_SQLITE_WRITE,
                             "UPDATE counter_writers SET owner = ?1 "
                             "WHERE instance = ?2 AND owner = ?3 AND epoch < ?4 "
                             "RETURNING epoch",
                             &statement, err);

    if (res != SR_OK) {
        return res;
    }
    sr_uuid_text(&claim->fresh, fresh);
    sr_uuid_text(&claim->mine[index], owner_text);
    store_sqlite_bind_text(statement, 1, fresh);
    store_sqlite_bind_text(statement, 2, store->instance_text);
    store_sqlite_bind_text(statement, 3, owner_text);
    (void)sqlite3_bind_int64(statement, 4, own ? INT64_MAX : (int64_t)claim->others_below);
    res = store_sqlite_run(store, STORE_SQLITE_WRITE, statement, ret_epoch, err);
    (void)sqlite3_finalize(statement);
    return res;
}

/* SR_FENCED where the row is somebody else's, SR_NOT_FOUND where there is none. */
static enum sr_result explain_no_row(struct store_sqlite *store, struct sr_err *err)
{
    sqlite3_stmt *statement;
    int64_t epoch = 0;
    enum sr_result res =
        store_sqlite_prepare(store, STORE_SQLITE_WRITE,
                             "SELECT epoch FROM counter_writers WHERE instance = ?1",
                             &statement, err);

    if (res != SR_OK) {
        return res;
    }
    store_sqlite_bind_text(statement, 1, store->instance_text);
    res = store_sqlite_run(store, STORE_SQLITE_WRITE, statement, &epoch, err);
    (void)sqlite3_finalize(statement);
    if (res == SR_OK) {
        return sr_fail(err, SR_FENCED,
                       "SQLite file '%s': the writer's row of instance %s (epoch %lld) is "
                       "owned by another process: was the data directory copied?",
                       store->path, store->instance_text, (long long)epoch);
    }
    return res != SR_NOT_FOUND
               ? res
               : sr_fail(err, SR_NOT_FOUND,
                         "SQLite file '%s' has no writer's row of instance %s: another "
                         "file, or an older copy?",
                         store->path, store->instance_text);
}

static enum sr_result claim_row(struct store_sqlite *store, const struct store_claim *claim,
                                int64_t *ret_epoch, struct sr_err *err)
{
    char fresh[SR_UUID_TEXT_SIZE];
    enum sr_result res = SR_OK;

    sr_uuid_text(&claim->fresh, fresh);
    if (claim->insert_row) {
        res = insert_row(store, fresh, err);
    }
    for (size_t i = 0; res == SR_OK && i < claim->mine_count; i++) {
        res = take_row(store, claim, i, ret_epoch, err);
        if (res != SR_NOT_FOUND) {
            return res;
        }
        res = SR_OK;
    }
    return res == SR_OK ? explain_no_row(store, err) : res;
}

/* --- durable ------------------------------------------------------------------------------ */

/* File systems that cannot sync a directory say EINVAL: their names need none. */
static enum sr_result sync_directory(struct store_sqlite *store, struct sr_err *err)
{
    char *copy = strdup(store->path);
    enum sr_result res = SR_OK;
    int fd;

    if (copy == NULL) {
        return sr_fail(err, SR_UNAVAILABLE, "SQLite file '%s': out of memory", store->path);
    }
    fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        res = sr_fail_errno(err, SR_UNAVAILABLE, errno,
                            "SQLite file '%s': opening its directory", store->path);
    } else if (fsync(fd) < 0 && errno != EINVAL) {
        store->poisoned = true; /* the kernel reports it once, here as for a file */
        (void)snprintf(store->poison_text, sizeof(store->poison_text),
                       "sync of its directory failed: %s", strerrordesc_np(errno));
        res = store_sqlite_refuse_poisoned(store, err);
    }
    if (fd >= 0) {
        (void)close(fd); /* nothing was written through it */
    }
    free(copy);
    return res;
}

/* Copies the whole log into the database file with both synced; readers that hold it up make
 * it an outage. */
static enum sr_result checkpoint(struct store_sqlite *store, struct sr_err *err)
{
    int logged = -1;
    int copied = -1;
    int code = sqlite3_wal_checkpoint_v2(store->db, "main", SQLITE_CHECKPOINT_TRUNCATE, &logged,
                                         &copied);

    store_sqlite_progressed(store);
    if (code != SQLITE_OK) {
        return store_sqlite_fail(store, STORE_SQLITE_COMMIT, code, "checkpoint", err);
    }
    if (logged != 0 || copied != 0) {
        return sr_fail(err, SR_UNAVAILABLE,
                       "SQLite file '%s': checkpoint left %d frames, %d copied", store->path,
                       logged, copied);
    }
    return sync_directory(store, err);
}

static enum sr_result claim_connected(struct store_sqlite *store,
                                      const struct store_claim *claim, int64_t *ret_epoch,
                                      struct sr_err *err)
{
    enum sr_result res = store_sqlite_exec(store, STORE_SQLITE_WRITE, "BEGIN IMMEDIATE", err);

    if (res == SR_OK) {
        res = migrate(store, err);
    }
    if (res == SR_OK) {
        res = claim_row(store, claim, ret_epoch, err);
    }
    if (res == SR_OK) {
        res = store_sqlite_exec(store, STORE_SQLITE_COMMIT, "COMMIT", err);
    }
    store_sqlite_rollback(store);
    return res == SR_OK ? checkpoint(store, err) : res;
}

enum sr_result store_sqlite_claim(struct store *base, const struct store_claim *claim,
                                  uint64_t *ret_epoch, struct sr_err *err)
{
    struct store_sqlite *store = (struct store_sqlite *)base;
    enum sr_result res = store_sqlite_begin_call(store, err);
    int64_t epoch = 0;

    if (res == SR_OK) {
        res = store_sqlite_connect(store, claim->insert_row, err);
    }
    if (res == SR_OK) {
        res = claim_connected(store, claim, &epoch, err);
    }
    if (res == SR_OK) {
        *ret_epoch = (uint64_t)epoch;
    }
    return res;
}
