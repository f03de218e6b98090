/*
 * Migrations on PostgreSQL. The version is looked at first, so that a role that may not create
 * tables can run on those an administrator made; who finds it old takes the lock and looks
 * again.
 */
#include "store/schema.h"
#include "store/store_postgres_internal.h"

#include "base/buffer.h"

#include <stdio.h>
#include <stdlib.h>

/* "SRct" twice: one lock for the migrations of this program in a database. */
#define MIGRATION_LOCK "6003393012826629991"

/* Not to_regclass: that may answer from a cache filled before the wait for the lock. */
static const char find_table[] =
    "SELECT count(*) > 0 FROM pg_catalog.pg_class "
    "WHERE relname = 'counter_schema' AND pg_catalog.pg_table_is_visible(oid)";

/* 0 where there are no tables. */
static enum sr_result ask_version(struct store_postgres *store, uint32_t *ret_version,
                                  struct sr_err *err)
{
    char found[16] = "";
    char version[16] = "0";
    enum sr_result res =
        pg_run_script(store, find_table, "looking for the tables", found, sizeof(found), err);

    if (res == SR_OK && found[0] == 't') {
        res = pg_run_script(store, "SELECT coalesce(max(version), 0) FROM counter_schema",
                            "reading the tables' version", version, sizeof(version), err);
    }
    if (res == SR_OK) {
        *ret_version = (uint32_t)strtoul(version, NULL, 10);
    }
    return res;
}

static enum sr_result refuse_newer(struct store_postgres *store, uint32_t version,
                                   uint32_t newest, struct sr_err *err)
{
    return sr_fail(
        err, SR_REFUSED,
        "%s has tables of version %u, this program knows %u: start the newer program",
        store->where, version, newest);
}

static enum sr_result run_migration(struct store_postgres *store,
                                    const struct store_migration *migration, struct sr_err *err)
{
    struct sr_buffer sql;
    enum sr_result res;

    sr_buffer_init(&sql, 1 << 20);
    res = sr_buffer_printf(&sql, "%.*s;INSERT INTO counter_schema (version) VALUES (%u);",
                           (int)migration->size, migration->sql, migration->version);
    if (res == SR_OK) {
        res = sr_buffer_append(&sql, "", 1);
    }
    res = res != SR_OK
              ? sr_fail(err, SR_UNAVAILABLE, "%s: out of memory", store->where)
              : pg_run_script(store, (const char *)sql.data, "making the tables", NULL, 0, err);
    sr_buffer_done(&sql);
    return res;
}

/* Within the transaction that holds the lock. */
static enum sr_result migrate_locked(struct store_postgres *store, uint32_t newest,
                                     struct sr_err *err)
{
    struct store_migration migration;
    uint32_t version = 0;
    enum sr_result res = ask_version(store, &version, err);

    if (res == SR_OK && version > newest) {
        return refuse_newer(store, version, newest, err);
    }
    while (res == SR_OK && store_schema_next(store_schema_postgres, version, &migration)) {
        res = run_migration(store, &migration, err);
        version = migration.version;
    }
    return res == SR_OK ? pg_run_script(store, "COMMIT", "making the tables", NULL, 0, err)
                        : res;
}

enum sr_result pg_migrate(struct store_postgres *store, struct sr_err *err)
{
    uint32_t newest = store_schema_newest(store_schema_postgres);
    uint32_t version = 0;
    char lock[200];
    enum sr_result res = ask_version(store, &version, err);

    if (res != SR_OK || version == newest) {
        return res;
    }
    if (version > newest) {
        return refuse_newer(store, version, newest, err);
    }
    (void)snprintf(lock, sizeof(lock),
                   "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = %u; "
                   "SELECT pg_advisory_xact_lock(" MIGRATION_LOCK ")",
                   store->options.timeout_ms - store->options.timeout_ms / 4);
    res = pg_run_script(store, lock, "waiting for the migration lock", NULL, 0, err);
    if (res == SR_OK) {
        res = migrate_locked(store, newest, err);
    }
    if (res != SR_OK) {
        pg_disconnect(store); /* ends the transaction as well */
    }
    return res;
}
