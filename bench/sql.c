/*
 * The bare SQL that the service is compared with, on one connection, and nothing around it:
 *
 *   sql upsert|select DATABASE-URL TABLE FIRST COUNT CHUNK
 *
 * upsert adds 1 to COUNT keys in sorted statements of CHUNK rows, all in one transaction;
 * select reads them with key = ANY. Keys are those of bench/load from number FIRST on. Prints
 * one line of JSON: rows and seconds.
 */
#include "store/pg_wire.h"

#include <inttypes.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ARRAY_MAX ((size_t)1 << 26)
#define KEY_FORMAT "bench-key-%010" PRIu64

struct job {
    PGconn *connection;
    bool upserts;
    char statement[512];
    uint64_t first, count, chunk;
    struct sr_buffer keys, values; /* binary arrays */
};

static bool fail(const struct job *job, const char *what)
{
    fprintf(stderr, "sql: %s: %s", what, PQerrorMessage(job->connection));
    return false;
}

static bool command(const struct job *job, const char *text)
{
    PGresult *result = PQexec(job->connection, text);
    bool good = PQresultStatus(result) == PGRES_COMMAND_OK;

    PQclear(result);
    return good || fail(job, text);
}

static bool fill_arrays(struct job *job, uint64_t from, uint64_t count)
{
    enum sr_result result = pg_array_begin(&job->keys, PG_TEXT);

    if (result == SR_OK) {
        result = pg_array_begin(&job->values, PG_INT8);
    }
    for (uint64_t i = from; i < from + count && result == SR_OK; i++) {
        char key[32];

        (void)snprintf(key, sizeof(key), KEY_FORMAT, i);
        result = pg_array_bytes(&job->keys, key, strlen(key));
        if (result == SR_OK) {
            result = pg_array_int8(&job->values, 1);
        }
    }
    pg_array_end(&job->keys, (uint32_t)count);
    pg_array_end(&job->values, (uint32_t)count);
    return result == SR_OK;
}

/* Sends one statement and reads what it returns: a row for each key. */
static bool run_chunk(struct job *job, uint64_t from, uint64_t count)
{
    struct pg_params params = {.count = 0};
    PGresult *result;
    bool good;

    if (!fill_arrays(job, from, count)) {
        return fail(job, "out of memory");
    }
    pg_param_array(&params, PG_TEXT_ARRAY, &job->keys);
    if (job->upserts) {
        pg_param_array(&params, PG_INT8_ARRAY, &job->values);
    }
    result = PQexecPrepared(job->connection, "s", params.count, params.values, params.sizes,
                            params.formats, 1);
    good = PQresultStatus(result) == PGRES_TUPLES_OK && (uint64_t)PQntuples(result) == count;
    PQclear(result);
    return good || fail(job, "not all rows came back");
}

static bool prepare(struct job *job, const char *table)
{
    static const char upsert[] =
        "INSERT INTO %s AS c (key, value) "
        "SELECT k, v FROM unnest($1::text[], $2::bigint[]) AS u (k, v) "
        "ON CONFLICT (key) DO UPDATE SET value = c.value + excluded.value, updated_at = now() "
        "RETURNING c.key, c.value";
    static const char select[] = "SELECT key, value FROM %s WHERE key = ANY ($1::text[])";
    PGresult *result;
    bool good;

    if (job->upserts) {
        (void)snprintf(job->statement, sizeof(job->statement), upsert, table);
    } else {
        (void)snprintf(job->statement, sizeof(job->statement), select, table);
    }
    result = PQprepare(job->connection, "s", job->statement, 0, NULL);
    good = PQresultStatus(result) == PGRES_COMMAND_OK;
    PQclear(result);
    return good || fail(job, "cannot prepare");
}

static bool run(struct job *job)
{
    uint64_t end = job->first + job->count;
    bool good = command(job, "BEGIN");

    for (uint64_t at = job->first; good && at < end; at += job->chunk) {
        good = run_chunk(job, at, end - at < job->chunk ? end - at : job->chunk);
    }
    return good && command(job, "COMMIT");
}

static double now_seconds(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    struct job job = {.connection = NULL};
    double started;
    bool good;

    if (argc != 7 || (strcmp(argv[1], "upsert") != 0 && strcmp(argv[1], "select") != 0)) {
        fprintf(stderr, "usage: sql upsert|select DATABASE-URL TABLE FIRST COUNT CHUNK\n");
        return 2;
    }
    job.upserts = strcmp(argv[1], "upsert") == 0;
    job.first = strtoull(argv[4], NULL, 10);
    job.count = strtoull(argv[5], NULL, 10);
    job.chunk = strtoull(argv[6], NULL, 10);
    sr_buffer_init(&job.keys, ARRAY_MAX);
    sr_buffer_init(&job.values, ARRAY_MAX);
    job.connection = PQconnectdb(argv[2]);
    good = job.chunk > 0 &&
           (PQstatus(job.connection) == CONNECTION_OK || fail(&job, "cannot connect")) &&
           prepare(&job, argv[3]);
    started = now_seconds();
    if (good && run(&job)) {
        printf("{\"rows\":%" PRIu64 ",\"seconds\":%.6f}\n", job.count, now_seconds() - started);
    } else {
        good = false;
    }
    PQfinish(job.connection);
    sr_buffer_done(&job.keys);
    sr_buffer_done(&job.values);
    return good ? 0 : 1;
}
