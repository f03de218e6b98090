/*
 * Reading many rows from PostgreSQL: a cursor in one read-only transaction, so all of one
 * snapshot, with a batch in memory and the next one under way.
 */
#include "store/store_postgres_internal.h"

#include <string.h>

#define BATCH_ROWS 5000
#define FETCH_SQL "FETCH FORWARD 5000 FROM rows"

_Static_assert(BATCH_ROWS == 5000, "FETCH_SQL's number");

/* The statements before the first batch; none has rows. */
#define OPENING_COUNT 4

static enum sr_result queue_fetch(struct store_postgres *store, struct sr_err *err)
{
    enum sr_result res = pg_queue(store, FETCH_SQL, NULL, err);

    return res == SR_OK ? pg_sync(store, err) : res;
}

/* The role's limits are for statements that somebody waits for. Our own deadline, for silence,
 * stays; who takes the rows may be slower than any of them. */
static enum sr_result queue_opening(struct store_postgres *store, const char *declare,
                                    const struct pg_params *params, struct sr_err *err)
{
    static const char *const begin[] = {
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        "SET LOCAL statement_timeout = 0",
        "SET LOCAL idle_in_transaction_session_timeout = 0",
    };
    enum sr_result res = SR_OK;

    _Static_assert(sizeof(begin) / sizeof(begin[0]) + 1 == OPENING_COUNT, "and the cursor");
    for (size_t i = 0; res == SR_OK && i + 1 < OPENING_COUNT; i++) {
        res = pg_queue(store, begin[i], NULL, err);
    }
    return res == SR_OK ? pg_queue(store, declare, params, err) : res;
}

static enum sr_result judge(struct store_postgres *store, const PGresult *result,
                            ExecStatusType wanted, struct sr_err *err)
{
    if (PQresultStatus(result) == wanted) {
        return SR_OK;
    }
    return strcmp(pg_sqlstate(result), "42P01") == 0
               ? sr_fail(err, SR_NOT_FOUND, "%s: %s", store->where,
                         PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY))
               : pg_refuse(store, result, "read", err);
}

static enum sr_result open_cursor(struct store_postgres *store, const char *declare,
                                  const struct pg_params *params, struct sr_err *err)
{
    enum sr_result res = queue_opening(store, declare, params, err);

    if (res == SR_OK) {
        res = queue_fetch(store, err);
    }
    for (int i = 0; res == SR_OK && i < OPENING_COUNT; i++) {
        PGresult *result = NULL;

        res = pg_take(store, &result, err);
        if (res == SR_OK) {
            res = judge(store, result, PGRES_COMMAND_OK, err);
        }
        PQclear(result);
    }
    return res;
}

/* Takes the batch that is under way, asks for the next one, and tells the first. *ret_more:
 * another one is under way. */
static enum sr_result tell_batch(struct store_postgres *store, pg_rows_fn *take, void *context,
                                 bool *ret_more, struct sr_err *err)
{
    PGresult *result = NULL;
    enum sr_result res;

    *ret_more = false;
    pg_progressed(store); /* telling the last one may have taken long */
    res = pg_take(store, &result, err);
    if (res == SR_OK) {
        res = judge(store, result, PGRES_TUPLES_OK, err);
    }
    if (res == SR_OK) {
        res = pg_take_sync(store, err);
    }
    if (res == SR_OK && PQntuples(result) == BATCH_ROWS) {
        res = queue_fetch(store, err);
        *ret_more = res == SR_OK;
    }
    if (res == SR_OK) {
        res = take(context, result);
    }
    PQclear(result);
    return res;
}

enum sr_result pg_read_cursor(struct store_postgres *store, const char *declare,
                              const struct pg_params *params, pg_rows_fn *take, void *context,
                              struct sr_err *err)
{
    enum sr_result res = pg_begin_call(store, err);
    bool more = true;

    if (res == SR_OK) {
        res = pg_connect(store, err);
    }
    if (res == SR_OK) {
        res = open_cursor(store, declare, params, err);
    }
    while (res == SR_OK && more) {
        res = tell_batch(store, take, context, &more, err);
    }
    if (res == SR_OK) {
        pg_roll_back(store); /* nothing was written: the cheapest end */
    } else {
        pg_disconnect(store); /* with whatever is still under way */
    }
    return res;
}

/* --- read_all ------------------------------------------------------------------------------
 */

static enum sr_result tell_counters(void *context, const PGresult *result)
{
    const struct store_rows *rows = context;
    enum sr_result res = SR_OK;

    for (int row = 0; res == SR_OK && row < PQntuples(result); row++) {
        struct sr_span key = {.data = (const uint8_t *)PQgetvalue(result, row, 0),
                              .size = (size_t)PQgetlength(result, row, 0)};

        res = rows->row(rows->context, key, pg_get_int8(PQgetvalue(result, row, 1)));
    }
    return res;
}

/* A range that the index gives in order: no key of SR_KEY_SIZE_MAX bytes is behind 128 times
 * the last character, which has four. */
enum sr_result pg_read_all(struct store *base, struct sr_span prefix,
                           const struct store_rows *rows, struct sr_err *err)
{
    static const char declare[] =
        "DECLARE rows NO SCROLL CURSOR FOR SELECT key, value FROM counters "
        "WHERE key >= $1 AND key <= $1 || repeat(chr(1114111), 128) ORDER BY key";
    struct pg_params params = {.count = 0};
    struct store_rows told = *rows;

    pg_param_bytes(&params, PG_TEXT, prefix.size > 0 ? prefix.data : (const void *)"",
                   prefix.size);
    return pg_read_cursor((struct store_postgres *)base, declare, &params, tell_counters, &told,
                          err);
}
