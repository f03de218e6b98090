/*
 * The PostgreSQL driver's outside: open, close, cancel, info.
 */
#include "store/store_postgres.h"

#include "store/store_postgres_internal.h"
#include "store/store_url.h"

#include "base/check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static void close_postgres(struct store *base)
{
    struct store_postgres *store = (struct store_postgres *)base;

    pg_disconnect(store);
    for (int i = 0; store->chunks != NULL && i <= PG_CHUNKS; i++) {
        pg_chunk_done(&store->chunks[i]);
    }
    for (struct pg_word *word = store->words; word != NULL;) {
        struct pg_word *next = word->next;

        free(word);
        word = next;
    }
    if (store->cancel_fd >= 0) {
        (void)close(store->cancel_fd); /* an eventfd holds nothing back */
    }
    free(store->chunks);
    free(store->url);
    free(store->hosts);
    free(store->addresses);
    free(store->ports);
    free(store->database);
    free(store);
}

static void postgres_info(const struct store *base, struct store_info *ret_info)
{
    const struct store_postgres *store = (const struct store_postgres *)base;

    *ret_info = (struct store_info){
        .driver = "postgresql",
        .hosts = store->hosts,
        .ports = store->ports,
        .host = atomic_load(&store->host),
        .database = store->database,
        .version = atomic_load(&store->version),
    };
}

static void cancel_postgres(struct store *base)
{
    struct store_postgres *store = (struct store_postgres *)base;

    atomic_store(&store->cancelled, true);
    (void)eventfd_write(store->cancel_fd, 1); /* only a full counter fails, readable as well */
}

static const struct store_ops postgres_ops = {
    .name = "postgresql",
    .close = close_postgres,
    .claim = pg_claim,
    .apply = pg_apply,
    .load = pg_load,
    .find_requests = pg_find_requests,
    .list = pg_list,
    .read_all = pg_read_all,
    .look = pg_look,
    .retire = pg_retire,
    .list_refused = pg_list_refused,
    .replay_refused = pg_replay_refused,
    .drop_refused = pg_drop_refused,
    .info = postgres_info,
    .cancel = cancel_postgres,
};

/* --- the URL -------------------------------------------------------------------------------
 */

/* What the URL says of a keyword, "" where it is silent. */
static const char *option_value(const PQconninfoOption *options, const char *keyword)
{
    for (; options->keyword != NULL; options++) {
        if (strcmp(options->keyword, keyword) == 0) {
            return options->val == NULL ? "" : options->val;
        }
    }
    return "";
}

/* libpq quotes the whole URL, password included, in some of its complaints. */
static enum sr_result refuse_url(const char *url, const char *complaint, struct sr_err *err)
{
    char shown[160];
    char line[160] = "not understood";

    store_url_redact(url, shown, sizeof(shown));
    if (complaint != NULL && strstr(complaint, "://") == NULL) {
        pg_one_line(complaint, line, sizeof(line));
    }
    return sr_fail(err, SR_INVALID,
                   "database URL '%s': %s; write "
                   "postgres://USER:PASSWORD@HOST:PORT/DATABASE, percent-encoded",
                   shown, line);
}

/* A number or nothing between commas. A wrong one is often a piece of an unencoded password: it
 * is not shown. */
static bool ports_are_valid(const char *ports)
{
    for (;;) {
        size_t digits = strspn(ports, "0123456789");
        long port = strtol(ports, NULL, 10);

        if (digits > 5 || (digits > 0 && (port < 1 || port > 65535)) ||
            (ports[digits] != ',' && ports[digits] != '\0')) {
            return false;
        }
        if (ports[digits] == '\0') {
            return true;
        }
        ports += digits + 1;
    }
}

/* What the URL, or else the environment says, unless a service file is to say it. */
static const char *where_value(const PQconninfoOption *options, const char *keyword,
                               const char *variable)
{
    const char *value = option_value(options, keyword);
    bool by_service =
        option_value(options, "service")[0] != '\0' || getenv("PGSERVICE") != NULL;

    if (value[0] != '\0' || by_service || getenv(variable) == NULL) {
        return value;
    }
    return getenv(variable);
}

static enum sr_result take_options(struct store_postgres *store, const char *url,
                                   const PQconninfoOption *options, struct sr_err *err)
{
    const char *hosts = where_value(options, "host", "PGHOST");
    const char *addresses = where_value(options, "hostaddr", "PGHOSTADDR");
    const char *ports = where_value(options, "port", "PGPORT");
    const char *database = where_value(options, "dbname", "PGDATABASE");

    if (!ports_are_valid(ports)) {
        return refuse_url(url, "invalid port", err);
    }
    store->want_read_write = (strchr(hosts, ',') != NULL || strchr(addresses, ',') != NULL) &&
                             option_value(options, "target_session_attrs")[0] == '\0' &&
                             getenv("PGTARGETSESSIONATTRS") == NULL;
    store->hosts = strdup(hosts);
    store->addresses = strdup(addresses);
    store->ports = strdup(ports);
    store->database = strdup(database);
    if (store->hosts == NULL || store->addresses == NULL || store->ports == NULL ||
        store->database == NULL) {
        return sr_fail(err, SR_NO_MEMORY, "PostgreSQL store: out of memory");
    }
    (void)snprintf(store->where, sizeof(store->where), "PostgreSQL %.180s/%.80s", hosts,
                   database);
    return SR_OK;
}

static enum sr_result take_url(struct store_postgres *store, const char *url,
                               struct sr_err *err)
{
    PQconninfoOption *options;
    struct sr_buffer text;
    char *complaint = NULL;
    enum sr_result res;

    sr_buffer_init(&text, 16384);
    if (store_url_for_libpq(url, &text) != SR_OK) {
        sr_buffer_done(&text);
        return sr_fail(err, SR_INVALID, "database URL: too long");
    }
    store->url = (char *)text.data; /* the buffer's memory is ours now */
    options = PQconninfoParse(store->url, &complaint);
    if (options == NULL) {
        res = refuse_url(url, complaint, err);
        PQfreemem(complaint);
        return res;
    }
    res = take_options(store, url, options, err);
    PQconninfoFree(options);
    return res;
}

/* --- open ----------------------------------------------------------------------------------
 */

static enum sr_result init_store(struct store_postgres *store, const char *url,
                                 struct sr_err *err)
{
    store->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (store->cancel_fd < 0) {
        return sr_fail_errno(err, SR_IO, errno, "PostgreSQL store: eventfd");
    }
    store->chunks = calloc(PG_CHUNKS + 1, sizeof(*store->chunks));
    for (int i = 0; store->chunks != NULL && i <= PG_CHUNKS; i++) {
        if (pg_chunk_init(&store->chunks[i]) != SR_OK) {
            return sr_fail(err, SR_NO_MEMORY, "PostgreSQL store: out of memory");
        }
    }
    if (store->chunks == NULL) {
        return sr_fail(err, SR_NO_MEMORY, "PostgreSQL store: out of memory");
    }
    return take_url(store, url, err);
}

/* Rows a statement within what a chunk holds. */
static uint32_t bounded_rows(uint32_t rows)
{
    if (rows == 0) {
        return PG_STATEMENT_ROWS;
    }
    return rows < PG_STATEMENT_ROWS_MAX ? rows : PG_STATEMENT_ROWS_MAX;
}

enum sr_result store_postgres_open(const char *url, const struct store_options *options,
                                   struct store **ret_store, struct sr_err *err)
{
    struct store_postgres *store = calloc(1, sizeof(*store));
    enum sr_result res;

    if (store == NULL) {
        return sr_fail(err, SR_NO_MEMORY, "PostgreSQL store: out of memory");
    }
    store->store.ops = &postgres_ops;
    store->options = *options;
    store->options.statement_rows = bounded_rows(options->statement_rows);
    store->rows = store->options.statement_rows;
    store->cancel_fd = -1;
    atomic_store(&store->host, "");
    atomic_store(&store->version, "");
    res = init_store(store, url, err);
    if (res != SR_OK) {
        close_postgres(&store->store);
        return res;
    }
    *ret_store = &store->store;
    return SR_OK;
}
