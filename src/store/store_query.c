/*
 * Rows of a user's own query, by the PostgreSQL driver's connection and cursor.
 */
#include "store/store_query.h"

#include "store/store_postgres.h"
#include "store/store_postgres_internal.h"
#include "store/store_url.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A query may sort and sum for long before its first row; a machine that is gone is noticed by
 * the connection's keepalives. */
#define SILENCE_MS (24U * 3600U * 1000U)

struct query {
    const struct store_rows *rows;
    uint64_t row; /* the one that is taken, counted from 1 */
    struct sr_err *err;
};

static bool is_key_type(Oid type)
{
    return type == PG_TEXT || type == PG_BYTEA || type == PG_VARCHAR || type == PG_BPCHAR ||
           type == PG_NAME;
}

static bool is_value_type(Oid type)
{
    return type == PG_INT2 || type == PG_INT4 || type == PG_INT8 || type == PG_NUMERIC;
}

static enum sr_result check_columns(const struct query *q, const PGresult *result)
{
    if (PQnfields(result) != 2) {
        return sr_fail(q->err, SR_INVALID,
                       "the query has %d columns: it needs two, key and value",
                       PQnfields(result));
    }
    if (!is_key_type(PQftype(result, 0))) {
        return sr_fail(q->err, SR_INVALID,
                       "the query's first column, the key, is neither text nor bytea: write "
                       "it as ...::text");
    }
    if (!is_value_type(PQftype(result, 1))) {
        return sr_fail(q->err, SR_INVALID,
                       "the query's second column, the value, is no integer: write it as "
                       "...::bigint");
    }
    return SR_OK;
}

static bool read_value(const PGresult *result, int row, int64_t *ret_value)
{
    const char *at = PQgetvalue(result, row, 1);

    switch (PQftype(result, 1)) {
    case PG_INT2:
        *ret_value = pg_get_int2(at);
        return true;
    case PG_INT4:
        *ret_value = (int32_t)pg_get_u32(at);
        return true;
    case PG_INT8:
        *ret_value = pg_get_int8(at);
        return true;
    default:
        return pg_get_numeric(at, (size_t)PQgetlength(result, row, 1), ret_value);
    }
}

static enum sr_result take_row(struct query *q, const PGresult *result, int row)
{
    struct sr_span key = {.data = (const uint8_t *)PQgetvalue(result, row, 0),
                          .size = (size_t)PQgetlength(result, row, 0)};
    int64_t value = 0;

    q->row++;
    if (PQgetisnull(result, row, 0) != 0 || PQgetisnull(result, row, 1) != 0) {
        return sr_fail(q->err, SR_INVALID, "row %" PRIu64 " of the query: the %s is NULL",
                       q->row, PQgetisnull(result, row, 0) != 0 ? "key" : "value");
    }
    if (!read_value(result, row, &value)) {
        return sr_fail(q->err, SR_INVALID,
                       "row %" PRIu64 " of the query: the value is no whole number from "
                       "-9223372036854775808 to 9223372036854775807",
                       q->row);
    }
    return q->rows->row(q->rows->context, key, value);
}

static enum sr_result take_rows(void *context, const PGresult *result)
{
    struct query *q = context;
    enum sr_result res = check_columns(q, result);

    for (int row = 0; res == SR_OK && row < PQntuples(result); row++) {
        res = take_row(q, result, row);
    }
    return res;
}

/* Nothing but the query may stand there: what ends it would end the cursor's too. NULL: no
 * memory. A line of its own for what follows, should the query end with a comment. */
static char *declaration_of(const char *sql)
{
    size_t size = strlen(sql);
    char *text = NULL;

    while (size > 0 && strchr("; \t\r\n", sql[size - 1]) != NULL) {
        size--;
    }
    return asprintf(&text,
                    "DECLARE rows NO SCROLL CURSOR FOR SELECT * FROM (%.*s\n) AS query "
                    "ORDER BY 1, 2",
                    (int)size, sql) < 0
               ? NULL
               : text;
}

static enum sr_result run(struct store_postgres *store, const char *declare,
                          const struct store_rows *rows, struct sr_err *err)
{
    struct query query = {.rows = rows, .err = err};
    enum sr_result res = pg_begin_call(store, err);

    if (res == SR_OK) {
        res = pg_connect(store, err);
    }
    if (res != SR_OK) {
        return res;
    }
    store->options.timeout_ms = SILENCE_MS;
    store->sqlstate[0] = '\0';
    res = pg_read_cursor(store, declare, NULL, take_rows, &query, err);
    if (res == SR_NOT_FOUND || (res == SR_REFUSED && store->sqlstate[0] != '\0')) {
        err->code = SR_INVALID; /* a table that is not there; syntax, columns, permission */
        return SR_INVALID;
    }
    return res;
}

enum sr_result store_query(const char *url, const char *sql, uint32_t connect_ms,
                           const struct store_rows *rows, struct sr_err *err)
{
    const struct store_options options = {.timeout_ms = connect_ms};
    struct store *store = NULL;
    char *declare;
    enum sr_result res;

    if (store_url_has_scheme(url, "sqlite:")) {
        return sr_fail(err, SR_INVALID,
                       "the query's database is SQLite: `simple-request export` reads such a "
                       "one");
    }
    declare = declaration_of(sql);
    if (declare == NULL) {
        return sr_fail(err, SR_NO_MEMORY, "out of memory for the query");
    }
    res = store_open(url, &options, &store, err);
    if (res == SR_OK) {
        res = run((struct store_postgres *)store, declare, rows, err);
    }
    store_close(&store);
    free(declare);
    return res;
}
