/*
 * The SQLite driver's outside: open, close, cancel, info.
 */
#include "store/store_sqlite.h"

#include "store/store_sqlite_internal.h"

#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void close_sqlite(struct store *base)
{
    struct store_sqlite *store = (struct store_sqlite *)base;

    store_sqlite_disconnect(store);
    SR_CHECK(pthread_mutex_destroy(&store->db_lock) == 0);
    free(store->path);
    free(store);
}

static void sqlite_info(const struct store *base, struct store_info *ret_info)
{
    const struct store_sqlite *store = (const struct store_sqlite *)base;

    *ret_info = (struct store_info){
        .driver = "sqlite",
        .hosts = "",
        .ports = "",
        .host = "",
        .database = store->path,
        .version = sqlite3_libversion(),
    };
}

static void cancel_sqlite(struct store *base)
{
    struct store_sqlite *store = (struct store_sqlite *)base;

    atomic_store(&store->cancelled, true);
    SR_CHECK(pthread_mutex_lock(&store->db_lock) == 0);
    if (store->db != NULL) {
        sqlite3_interrupt(store->db);
    }
    SR_CHECK(pthread_mutex_unlock(&store->db_lock) == 0);
}

static const struct store_ops sqlite_ops = {
    .name = "sqlite",
    .close = close_sqlite,
    .claim = store_sqlite_claim,
    .apply = store_sqlite_apply,
    .load = store_sqlite_load,
    .find_requests = store_sqlite_find_requests,
    .list = store_sqlite_list,
    .read_all = store_sqlite_read_all,
    .look = store_sqlite_look,
    .retire = store_sqlite_retire,
    .list_refused = store_sqlite_list_refused,
    .replay_refused = store_sqlite_replay_refused,
    .drop_refused = store_sqlite_drop_refused,
    .info = sqlite_info,
    .cancel = cancel_sqlite,
};

/* SQLite gives names that begin with ':' or "file:" a meaning of their own; "./" takes it
 * away. */
static char *plain_path(const char *path)
{
    bool special = path[0] == ':' || strncmp(path, "file:", 5) == 0;
    size_t size = strlen(path) + 3;
    char *copy = malloc(size);

    if (copy != NULL) {
        (void)snprintf(copy, size, "%s%s", special ? "./" : "", path);
    }
    return copy;
}

enum sr_result store_sqlite_open(const char *path, const struct store_options *options,
                                 struct store **ret_store, struct sr_err *err)
{
    struct store_sqlite *store;

    if (path[0] == '\0' || strcmp(path, ":memory:") == 0) {
        return sr_fail(err, SR_INVALID,
                       "database URL 'sqlite:%s': name a file, as in sqlite:/var/lib/"
                       "simple-request/counters.db; a database in memory keeps nothing",
                       path);
    }
    store = calloc(1, sizeof(*store));
    if (store != NULL) {
        store->path = plain_path(path);
    }
    if (store == NULL || store->path == NULL) {
        free(store);
        return sr_fail(err, SR_NO_MEMORY, "SQLite store '%s': out of memory", path);
    }
    store->store.ops = &sqlite_ops;
    store->options = *options;
    sr_uuid_text(&options->instance, store->instance_text);
    SR_CHECK(pthread_mutex_init(&store->db_lock, NULL) == 0);
    *ret_store = &store->store;
    return SR_OK;
}
