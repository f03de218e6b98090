/*
 * Statements and their results. The connection stays in pipeline mode: statements are queued,
 * pg_sync ends a run of them, results are taken in the same order.
 */
#include "store/store_postgres_internal.h"

#include "base/check.h"

#include <stdio.h>
#include <string.h>

enum sr_result pg_queue(struct store_postgres *store, const char *sql,
                        const struct pg_params *params, struct sr_err *err)
{
    static const struct pg_params none;
    const struct pg_params *given = params == NULL ? &none : params;

    if (PQsendQueryParams(store->connection, sql, given->count, given->types, given->values,
                          given->sizes, given->formats, 1) == 0) {
        return pg_lose(store, "sending a statement", NULL, err);
    }
    return SR_OK;
}

enum sr_result pg_sync(struct store_postgres *store, struct sr_err *err)
{
    pg_progressed(store); /* the server has something to answer to from now on */
    return PQpipelineSync(store->connection) == 1
               ? SR_OK
               : pg_lose(store, "sending statements", NULL, err);
}

/* The next thing libpq has; NULL separates the statements of a pipeline. */
static enum sr_result next_result(struct store_postgres *store, PGresult **ret_result,
                                  struct sr_err *err)
{
    enum sr_result res = pg_wait_result(store, err);

    if (res == SR_OK) {
        *ret_result = PQgetResult(store->connection);
    }
    return res;
}

/* A FATAL error comes as a result; the end of the connection only after it. */
static bool is_fatal(const PGresult *result)
{
    const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);

    return severity != NULL &&
           (strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0);
}

enum sr_result pg_take(struct store_postgres *store, PGresult **ret_result, struct sr_err *err)
{
    PGresult *result = NULL;
    PGresult *end = NULL;
    enum sr_result res = next_result(store, &result, err);

    if (res != SR_OK) {
        return res;
    }
    if (result == NULL || PQstatus(store->connection) != CONNECTION_OK || is_fatal(result)) {
        const char *reason = result == NULL ? NULL : PQresultErrorMessage(result);

        res = pg_lose(store, "taking a result", reason, err);
        PQclear(result);
        return res;
    }
    res = next_result(store, &end, err);
    if (res == SR_OK && end != NULL) {
        PQclear(end);
        res = pg_lose(store, "taking a result", "more results than statements", err);
    }
    if (res != SR_OK) {
        PQclear(result);
        return res;
    }
    *ret_result = result;
    return SR_OK;
}

enum sr_result pg_take_sync(struct store_postgres *store, struct sr_err *err)
{
    PGresult *result = NULL;
    enum sr_result res = next_result(store, &result, err);
    ExecStatusType status = PQresultStatus(result);

    PQclear(result);
    if (res == SR_OK && status != PGRES_PIPELINE_SYNC) {
        return pg_lose(store, "waiting for the end of statements", NULL, err);
    }
    return res;
}

enum sr_result pg_expect(struct store_postgres *store, ExecStatusType status, const char *what,
                         PGresult **ret_result, struct sr_err *err)
{
    PGresult *result = NULL;
    enum sr_result res = pg_take(store, &result, err);

    if (res != SR_OK) {
        return res;
    }
    if (PQresultStatus(result) != status) {
        res = pg_refuse(store, result, what, err);
        PQclear(result);
        return res;
    }
    if (ret_result == NULL) {
        PQclear(result);
    } else {
        *ret_result = result;
    }
    return SR_OK;
}

/* --- transactions --------------------------------------------------------------------------
 */

enum sr_result pg_queue_limits(struct store_postgres *store, struct sr_err *err)
{
    /* A server that is cut off from us gives up its locks before we come again. Deletes follow
     * key order only by an index scan. Where the server does not wait for its own disk, we
     * want it to; any stronger or remote setting stays. */
    static const char sql[] =
        "SELECT set_config('lock_timeout', $1, true), set_config('statement_timeout', $2, "
        "true),"
        " set_config('idle_in_transaction_session_timeout', $3, true),"
        " set_config('synchronous_commit', CASE current_setting('synchronous_commit')"
        " WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, true),"
        " set_config('enable_bitmapscan', 'off', true), set_config('enable_seqscan', 'off', "
        "true)";
    struct pg_params params = {.count = 0};
    uint32_t timeout_ms = store->options.timeout_ms;
    char lock[16];
    char statement[16];
    char idle[16];

    (void)snprintf(lock, sizeof(lock), "%ums", timeout_ms - timeout_ms / 4);
    (void)snprintf(statement, sizeof(statement), "%ums", timeout_ms - timeout_ms / 8);
    (void)snprintf(idle, sizeof(idle), "%ums", timeout_ms);
    pg_param_text(&params, lock);
    pg_param_text(&params, statement);
    pg_param_text(&params, idle);
    return pg_queue(store, sql, &params, err);
}

void pg_roll_back(struct store_postgres *store)
{
    struct sr_err ignored; /* what made us roll back is what the caller tells */
    bool done = store->connection != NULL &&
                pg_queue(store, "ROLLBACK", NULL, &ignored) == SR_OK &&
                pg_sync(store, &ignored) == SR_OK &&
                pg_expect(store, PGRES_COMMAND_OK, "ROLLBACK", NULL, &ignored) == SR_OK &&
                pg_take_sync(store, &ignored) == SR_OK;

    if (!done) {
        pg_disconnect(store);
    }
}

/* The answer to COMMIT: an ERROR and the tag ROLLBACK say no for certain. */
static enum sr_result judge_commit(struct store_postgres *store, PGresult *result,
                                   struct sr_err *err)
{
    if (PQresultStatus(result) != PGRES_COMMAND_OK) {
        return pg_refuse(store, result, "COMMIT", err);
    }
    if (strcmp(PQcmdStatus(result), "COMMIT") != 0) {
        return sr_fail(err, SR_UNAVAILABLE, "%s: COMMIT: the transaction was aborted",
                       store->where);
    }
    return SR_OK;
}

enum sr_result pg_commit(struct store_postgres *store, struct sr_err *err)
{
    PGresult *result = NULL;
    enum sr_result res = pg_queue(store, "COMMIT", NULL, err);

    if (res != SR_OK) {
        return res; /* libpq holds it in memory until pg_sync */
    }
    res = pg_sync(store, err);
    if (res == SR_OK) {
        res = pg_take(store, &result, err);
    }
    if (res != SR_OK) {
        if (err != NULL) {
            err->code = SR_UNKNOWN;
        }
        return SR_UNKNOWN;
    }
    res = judge_commit(store, result, err);
    PQclear(result);
    if (pg_take_sync(store, NULL) != SR_OK) {
        pg_disconnect(store); /* COMMIT was answered before that */
    }
    return res;
}

/* --- outside the pipeline ------------------------------------------------------------------
 */

/* Takes all results of a script; the first error counts. */
static enum sr_result take_script(struct store_postgres *store, const char *what,
                                  char *ret_value, size_t value_size, struct sr_err *err)
{
    enum sr_result script = SR_OK;
    PGresult *result = NULL;

    for (;;) {
        enum sr_result res = next_result(store, &result, err);

        if (res != SR_OK) {
            return res;
        }
        if (result == NULL) {
            return script;
        }
        if (PQresultStatus(result) == PGRES_FATAL_ERROR && script == SR_OK) {
            script = pg_refuse(store, result, what, err);
        }
        if (PQntuples(result) > 0 && ret_value != NULL) {
            (void)snprintf(ret_value, value_size, "%s", PQgetvalue(result, 0, 0));
        }
        PQclear(result);
    }
}

enum sr_result pg_run_script(struct store_postgres *store, const char *sql, const char *what,
                             char *ret_value, size_t value_size, struct sr_err *err)
{
    enum sr_result res;

    if (PQexitPipelineMode(store->connection) == 0 ||
        PQsendQuery(store->connection, sql) == 0) {
        return pg_lose(store, what, NULL, err);
    }
    res = take_script(store, what, ret_value, value_size, err);
    if (store->connection != NULL && (PQstatus(store->connection) != CONNECTION_OK ||
                                      PQenterPipelineMode(store->connection) == 0)) {
        pg_disconnect(store);
    }
    return res == SR_OK && store->connection == NULL
               ? sr_fail(err, SR_UNAVAILABLE, "%s: %s: connection lost", store->where, what)
               : res;
}
