/*
 * The private cluster as the PostgreSQL tests see it.
 */
#include "store/postgres_support.h"

#include "base/check.h"

#include <libpq-fe.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VARIABLE "SIMPLE_REQUEST_TEST_POSTGRES"
#define POOLER_VARIABLE "SIMPLE_REQUEST_TEST_POOLER"

static PGconn *outside;

const char *postgres_url(void)
{
    return getenv(VARIABLE);
}

struct postgres_parts postgres_split_url(void)
{
    struct postgres_parts parts;

    SR_CHECK(sscanf(postgres_url(), "postgresql://%63[^@]@%63[^:]:%u/%63s", parts.user,
                    parts.host, &parts.port, parts.database) == 4);
    return parts;
}

static void drop_notice(void *context, const PGresult *result)
{
    (void)context;
    (void)result;
}

bool postgres_open(void)
{
    if (postgres_url() == NULL) {
        (void)fprintf(stderr, "%s is not set: run this test under test/lib/with-postgres\n",
                      VARIABLE);
        return false;
    }
    outside = PQconnectdb(postgres_url());
    if (PQstatus(outside) != CONNECTION_OK) {
        (void)fprintf(stderr, "%s: %s\n", VARIABLE, PQerrorMessage(outside));
        return false;
    }
    (void)PQsetNoticeReceiver(outside, drop_notice, NULL);
    return true;
}

void postgres_close(void)
{
    PQfinish(outside);
    outside = NULL;
}

static PGresult *run(const char *sql)
{
    PGresult *result = PQexec(outside, sql);
    ExecStatusType status = PQresultStatus(result);

    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
        fail_msg("%s: %s", sql, PQresultErrorMessage(result));
    }
    return result;
}

void postgres_exec(const char *sql)
{
    PQclear(run(sql));
}

int64_t postgres_number(const char *sql)
{
    PGresult *result = run(sql);
    int64_t number = 0;

    if (PQntuples(result) != 1) {
        fail_msg("%s: %d rows", sql, PQntuples(result));
    }
    number = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
    PQclear(result);
    return number;
}

void postgres_reset(void *context)
{
    (void)context;
    postgres_exec("ROLLBACK");
    postgres_exec("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
}

struct store *postgres_store(const char *url, const struct sr_uuid *instance,
                             uint32_t timeout_ms, uint32_t rows)
{
    struct store_options options = {.instance = *instance,
                                    .timeout_ms = timeout_ms,
                                    .statement_rows = rows};
    struct store *store = NULL;
    struct sr_err err;

    if (store_open(url, &options, &store, &err) != SR_OK) {
        fail_msg("%s", err.text);
    }
    return store;
}

/* The contract holds through a pooler as well, if one is named. */
static struct store *open_store(void *context, const struct sr_uuid *instance)
{
    const char *pooler = getenv(POOLER_VARIABLE);

    (void)context;
    return postgres_store(pooler == NULL ? postgres_url() : pooler, instance, 20000, 0);
}

static size_t refused(void *context, struct contract_refused *ret_rows, size_t max)
{
    PGresult *result = run("SELECT convert_from(key, 'UTF8'), epoch, delta, is_set, sqlstate "
                           "FROM counter_refused ORDER BY key");
    size_t count = (size_t)PQntuples(result);

    (void)context;
    for (int i = 0; (size_t)i < count && (size_t)i < max; i++) {
        struct contract_refused *row = &ret_rows[i];

        (void)snprintf(row->key, sizeof(row->key), "%s", PQgetvalue(result, i, 0));
        row->epoch = strtoll(PQgetvalue(result, i, 1), NULL, 10);
        row->delta = strtoll(PQgetvalue(result, i, 2), NULL, 10);
        row->is_set = PQgetvalue(result, i, 3)[0] == 't';
        (void)snprintf(row->sqlstate, sizeof(row->sqlstate), "%.5s", PQgetvalue(result, i, 4));
    }
    PQclear(result);
    return count;
}

/* Waits for the backends' end, so that what comes next surely finds them gone. */
static void cut(void *context)
{
    (void)context;
    postgres_exec("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
                  "WHERE application_name = 'simple-request'");
}

static void age_requests(void *context)
{
    (void)context;
    postgres_exec("UPDATE counter_requests SET expires_at = now() - interval '1 second'");
}

const struct contract_target postgres_target = {.name = "store/postgres",
                                                .reset = postgres_reset,
                                                .open = open_store,
                                                .refused = refused,
                                                .age_requests = age_requests,
                                                .cut = cut};
