/*
 * Connecting: one address after the other by PQconnectPoll, each with its share of the timeout.
 */
#include "store/store_postgres_internal.h"

#include "base/check.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEYWORDS_MAX 16
#define OLDEST_VERSION 130000

struct keywords {
    const char *names[KEYWORDS_MAX + 1];
    const char *values[KEYWORDS_MAX + 1];
    size_t count;
};

static void add_keyword(struct keywords *keywords, const char *name, const char *value)
{
    SR_CHECK(keywords->count < KEYWORDS_MAX);
    keywords->names[keywords->count] = name;
    keywords->values[keywords->count] = value;
    keywords->count++;
}

/* libpq lets the later keyword win: what the URL may change stands before it. GSSAPI would ask
 * a Kerberos server, blocking, before the first byte is sent. */
static void fill_keywords(struct store_postgres *store, const struct pg_target *target,
                          const char *timeout_text, struct keywords *keywords)
{
    add_keyword(keywords, "fallback_application_name", "simple-request");
    add_keyword(keywords, "gssencmode", "disable");
    add_keyword(keywords, "keepalives_idle", "10");
    add_keyword(keywords, "keepalives_interval", "5");
    add_keyword(keywords, "keepalives_count", "3");
    add_keyword(keywords, "tcp_user_timeout", timeout_text);
    add_keyword(keywords, "dbname", store->url);
    add_keyword(keywords, "client_encoding", "UTF8");
    if (store->want_read_write) {
        add_keyword(keywords, "target_session_attrs", "read-write");
    }
    if (target->host[0] != '\0') {
        add_keyword(keywords, "host", target->host);
    }
    if (target->address[0] != '\0') {
        add_keyword(keywords, "hostaddr", target->address);
    }
    if (target->port[0] != '\0') {
        add_keyword(keywords, "port", target->port);
    }
}

/* Warnings are for whoever logs; libpq would print them. */
static void drop_notice(void *context, const PGresult *result)
{
    (void)context;
    (void)result;
}

static enum sr_result poll_until_connected(struct store_postgres *store, uint64_t limit_ms,
                                           struct sr_err *err)
{
    PostgresPollingStatusType status = PGRES_POLLING_WRITING;

    while (status != PGRES_POLLING_OK) {
        short wanted = (short)(status == PGRES_POLLING_READING ? POLLIN : POLLOUT);
        short events = 0;
        enum sr_result res =
            pg_poll(store, PQsocket(store->connection), wanted, limit_ms, &events, err);

        if (res != SR_OK) {
            pg_disconnect(store);
            return res;
        }
        if (events == 0) {
            return pg_lose(store, "connect", "no answer within the timeout", err);
        }
        status = PQconnectPoll(store->connection);
        if (status == PGRES_POLLING_FAILED) {
            return pg_lose(store, "connect", NULL, err);
        }
    }
    return SR_OK;
}

static bool keeps_utf8(const char *encoding)
{
    return encoding != NULL &&
           (strcmp(encoding, "UTF8") == 0 || strcmp(encoding, "SQL_ASCII") == 0);
}

/* What the server must be; then the mode in which the driver works. */
static enum sr_result set_up(struct store_postgres *store, struct sr_err *err)
{
    PGconn *connection = store->connection;
    const char *encoding = PQparameterStatus(connection, "server_encoding");
    int version = PQserverVersion(connection);

    if (version < OLDEST_VERSION) {
        pg_disconnect(store);
        return sr_fail(err, SR_REFUSED, "%s is version %d: PostgreSQL 13 or newer is needed",
                       store->where, version);
    }
    if (!keeps_utf8(encoding)) {
        (void)sr_fail(err, SR_REFUSED,
                      "%s has encoding %s: keys need a database of encoding UTF8", store->where,
                      encoding == NULL ? "?" : encoding);
        pg_disconnect(store);
        return SR_REFUSED;
    }
    if (PQsetnonblocking(connection, 1) != 0 || PQenterPipelineMode(connection) == 0) {
        return pg_lose(store, "connect", NULL, err);
    }
    return SR_OK;
}

static void note_server(struct store_postgres *store)
{
    const char *host = PQhost(store->connection);
    const char *version = PQparameterStatus(store->connection, "server_version");

    atomic_store(&store->host, pg_keep_word(store, host == NULL ? "" : host));
    atomic_store(&store->version, pg_keep_word(store, version == NULL ? "" : version));
    (void)snprintf(store->where, sizeof(store->where), "PostgreSQL %.180s/%.80s",
                   host == NULL ? "" : host, PQdb(store->connection));
}

static enum sr_result try_target(struct store_postgres *store, const struct pg_target *target,
                                 uint64_t limit_ms, struct sr_err *err)
{
    struct keywords keywords = {.count = 0};
    char timeout_text[16];
    enum sr_result res;

    (void)snprintf(timeout_text, sizeof(timeout_text), "%u", store->options.timeout_ms);
    fill_keywords(store, target, timeout_text, &keywords);
    store->connection = PQconnectStartParams(keywords.names, keywords.values, 1);
    if (store->connection == NULL) {
        return sr_fail(err, SR_UNAVAILABLE, "%s: out of memory", store->where);
    }
    (void)PQsetNoticeReceiver(store->connection, drop_notice, NULL);
    if (PQstatus(store->connection) == CONNECTION_BAD) {
        return pg_lose(store, "connect", NULL, err);
    }
    res = poll_until_connected(store, limit_ms, err);
    if (res != SR_OK) {
        return res;
    }
    note_server(store);
    return set_up(store, err);
}

enum sr_result pg_connect(struct store_postgres *store, struct sr_err *err)
{
    struct pg_target targets[PG_TARGETS_MAX];
    size_t count = 0;
    enum sr_result res;

    if (store->connection != NULL) {
        return SR_OK;
    }
    res = pg_resolve(store, targets, &count, err);
    for (size_t i = 0; i < count; i++) {
        uint64_t limit_ms = store->options.timeout_ms / count;

        pg_progressed(store);
        res = try_target(store, &targets[i], limit_ms > 0 ? limit_ms : 1, err);
        if (res != SR_UNAVAILABLE || atomic_load(&store->cancelled)) {
            break;
        }
    }
    pg_progressed(store);
    return res;
}

void pg_disconnect(struct store_postgres *store)
{
    PQfinish(store->connection); /* accepts NULL; only says goodbye where that does not block */
    store->connection = NULL;
}

const char *pg_keep_word(struct store_postgres *store, const char *text)
{
    struct pg_word *word = store->words;
    size_t size = strlen(text) + 1;

    while (word != NULL && strcmp(word->text, text) != 0) {
        word = word->next;
    }
    if (word == NULL) {
        word = malloc(sizeof(*word) + size);
        if (word == NULL) {
            return "";
        }
        memcpy(word->text, text, size);
        word->next = store->words;
        store->words = word;
    }
    return word->text;
}
