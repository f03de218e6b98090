/*
 * Reading from PostgreSQL: values and the writer's epoch by one statement, so of one snapshot.
 */
#include "store/store_postgres_internal.h"

#include "base/check.h"

#include <stdlib.h>
#include <string.h>

#define KEYS_MAX 5000

/* Runs one statement outside a transaction; its result has rows. Tables that are not there yet
 * have no writer's row either. */
static enum sr_result ask_once(struct store_postgres *store, const char *sql,
                               const struct pg_params *params, PGresult **ret_result,
                               struct sr_err *err)
{
    PGresult *result = NULL;
    enum sr_result res = pg_queue(store, sql, params, err);

    if (res == SR_OK) {
        res = pg_sync(store, err);
    }
    if (res == SR_OK) {
        res = pg_take(store, &result, err);
    }
    if (res == SR_OK) {
        res = pg_take_sync(store, err);
    }
    if (res == SR_OK && strcmp(pg_sqlstate(result), "42P01") == 0) {
        res = sr_fail(err, SR_NOT_FOUND, "%s has no tables yet", store->where);
    } else if (res == SR_OK && PQresultStatus(result) != PGRES_TUPLES_OK) {
        res = pg_refuse(store, result, "read", err);
    }
    if (res != SR_OK) {
        PQclear(result);
        return res;
    }
    *ret_result = result;
    return SR_OK;
}

enum sr_result pg_ask(struct store_postgres *store, const char *sql,
                      const struct pg_params *params, PGresult **ret_result, struct sr_err *err)
{
    enum sr_result res = pg_begin_call(store, err);
    bool idle = store->connection != NULL;

    if (res != SR_OK) {
        return res;
    }
    res = pg_connect(store, err);
    if (res == SR_OK) {
        res = ask_once(store, sql, params, ret_result, err);
    }
    if (res != SR_UNAVAILABLE || !idle || store->connection != NULL || store->timed_out ||
        atomic_load(&store->cancelled)) {
        return res;
    }
    res = pg_connect(store, err);
    return res == SR_OK ? ask_once(store, sql, params, ret_result, err) : res;
}

static enum sr_result fail_without_row(struct store_postgres *store, struct sr_err *err)
{
    char instance[SR_UUID_TEXT_SIZE];

    sr_uuid_text(&store->options.instance, instance);
    return sr_fail(err, SR_NOT_FOUND, "%s has no writer's row of instance %s", store->where,
                   instance);
}

/* --- load ----------------------------------------------------------------------------------
 */

enum sr_result pg_encode_texts(const struct sr_span *texts, size_t count,
                               struct sr_buffer *array)
{
    enum sr_result res = pg_array_begin(array, PG_TEXT);

    for (size_t i = 0; res == SR_OK && i < count; i++) {
        res = pg_array_bytes(array, texts[i].data, texts[i].size);
    }
    if (res == SR_OK) {
        pg_array_end(array, (uint32_t)count);
    }
    return res;
}

static int by_key(const void *left, const void *right, void *context)
{
    const struct sr_span *keys = context;

    return sr_span_compare(keys[*(const uint32_t *)left], keys[*(const uint32_t *)right]);
}

/* Numbers of the keys in key order: order[i] is the index of the i-th smallest. */
static uint32_t *sorted_order(const struct sr_span *keys, size_t count)
{
    uint32_t *order = calloc(count + 1, sizeof(*order));
    union {
        const struct sr_span *borrowed;
        void *context;
    } argument = {.borrowed = keys};

    if (order != NULL) {
        for (uint32_t i = 0; i < count; i++) {
            order[i] = i;
        }
        qsort_r(order, count, sizeof(*order), by_key, argument.context);
    }
    return order;
}

/* The index of a key among the asked ones; count where it is none of them. */
static size_t find_key(const struct sr_span *keys, const uint32_t *order, size_t count,
                       struct sr_span key)
{
    size_t low = 0;
    size_t high = count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int way = sr_span_compare(keys[order[middle]], key);

        if (way == 0) {
            return order[middle];
        }
        if (way < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return count;
}

/* Rows are (NULL, epoch) or (key, value). */
static enum sr_result take_values(struct store_postgres *store, const PGresult *result,
                                  const struct sr_span *keys, const uint32_t *order,
                                  size_t count, struct store_value *ret_values,
                                  uint64_t *ret_epoch, struct sr_err *err)
{
    bool has_epoch = false;

    for (int row = 0; row < PQntuples(result); row++) {
        int64_t number = pg_get_int8(PQgetvalue(result, row, 1));
        struct sr_span key = {.data = (const uint8_t *)PQgetvalue(result, row, 0),
                              .size = (size_t)PQgetlength(result, row, 0)};
        size_t at;

        if (PQgetisnull(result, row, 0) != 0) {
            *ret_epoch = (uint64_t)number;
            has_epoch = true;
            continue;
        }
        at = find_key(keys, order, count, key);
        if (at < count) {
            ret_values[at] = (struct store_value){.value = number, .exists = true};
        }
    }
    return has_epoch ? SR_OK : fail_without_row(store, err);
}

static enum sr_result load_encoded(struct store_postgres *store, const struct sr_buffer *array,
                                   PGresult **ret_result, struct sr_err *err)
{
    struct pg_params params = {.count = 0};

    pg_param_array(&params, PG_TEXT_ARRAY, array);
    pg_param_uuid(&params, &store->options.instance);
    return pg_ask(store,
                  "SELECT NULL::text AS key, epoch AS value FROM counter_writers "
                  "WHERE instance = $2 UNION ALL "
                  "SELECT key, value FROM counters WHERE key = ANY ($1::text[])",
                  &params, ret_result, err);
}

enum sr_result pg_load(struct store *base, const struct sr_span *keys, size_t count,
                       struct store_value *ret_values, uint64_t *ret_epoch, struct sr_err *err)
{
    struct store_postgres *store = (struct store_postgres *)base;
    uint32_t *order = sorted_order(keys, count);
    PGresult *result = NULL;
    struct sr_buffer array;
    enum sr_result res;

    SR_CHECK(count <= KEYS_MAX);
    sr_buffer_init(&array, PG_ARRAY_HEADER_SIZE + count * (4 + SR_KEY_SIZE_MAX));
    if (order == NULL || pg_encode_texts(keys, count, &array) != SR_OK) {
        res = sr_fail(err, SR_UNAVAILABLE, "%s: out of memory", store->where);
    } else {
        res = load_encoded(store, &array, &result, err);
    }
    if (res == SR_OK) {
        memset(ret_values, 0, count * sizeof(*ret_values));
        res = take_values(store, result, keys, order, count, ret_values, ret_epoch, err);
    }
    PQclear(result);
    sr_buffer_done(&array);
    free(order);
    return res;
}

/* --- list ----------------------------------------------------------------------------------
 */

/* The first row is (NULL, epoch). */
static enum sr_result tell_rows(struct store_postgres *store, const PGresult *result,
                                const struct store_rows *rows, uint64_t *ret_epoch,
                                struct sr_err *err)
{
    if (PQntuples(result) == 0 || PQgetisnull(result, 0, 0) == 0) {
        return fail_without_row(store, err);
    }
    for (int row = 1; row < PQntuples(result); row++) {
        struct sr_span key = {.data = (const uint8_t *)PQgetvalue(result, row, 0),
                              .size = (size_t)PQgetlength(result, row, 0)};
        enum sr_result res =
            rows->row(rows->context, key, pg_get_int8(PQgetvalue(result, row, 1)));

        if (res != SR_OK) {
            return sr_fail(err, res, "%s: the rows read were not taken", store->where);
        }
    }
    *ret_epoch = (uint64_t)pg_get_int8(PQgetvalue(result, 0, 1));
    return SR_OK;
}

#define LIST_SQL(compare)                                                                      \
    "SELECT key, value FROM ("                                                                 \
    "SELECT NULL::text AS key, epoch AS value FROM counter_writers WHERE instance = $1 "       \
    "UNION ALL (SELECT key, value FROM counters WHERE key " compare " $2 "                     \
    "AND octet_length(key) BETWEEN 1 AND 512 ORDER BY key LIMIT $3)) AS listed "               \
    "ORDER BY key COLLATE \"C\" NULLS FIRST"

enum sr_result pg_list(struct store *base, const struct store_range *range,
                       const struct store_rows *rows, uint64_t *ret_epoch, struct sr_err *err)
{
    struct store_postgres *store = (struct store_postgres *)base;
    struct pg_params params = {.count = 0};
    PGresult *result = NULL;
    enum sr_result res;

    pg_param_uuid(&params, &store->options.instance);
    pg_param_bytes(&params, PG_TEXT, range->from.size > 0 ? range->from.data : (const void *)"",
                   range->from.size);
    pg_param_int8(&params, range->limit);
    res = pg_ask(store, range->is_past ? LIST_SQL(">") : LIST_SQL(">="), &params, &result, err);
    if (res == SR_OK) {
        res = tell_rows(store, result, rows, ret_epoch, err);
    }
    PQclear(result);
    return res;
}

/* --- look ----------------------------------------------------------------------------------
 */

enum sr_result pg_look(struct store *base, const struct sr_uuid *owner, uint64_t *ret_epoch,
                       bool *ret_owned, struct sr_err *err)
{
    struct store_postgres *store = (struct store_postgres *)base;
    struct pg_params params = {.count = 0};
    PGresult *result = NULL;
    enum sr_result res;

    pg_param_uuid(&params, &store->options.instance);
    res = pg_ask(store, "SELECT epoch, owner FROM counter_writers WHERE instance = $1", &params,
                 &result, err);
    if (res != SR_OK) {
        return res;
    }
    if (PQntuples(result) == 0) {
        res = fail_without_row(store, err);
    } else {
        *ret_epoch = (uint64_t)pg_get_int8(PQgetvalue(result, 0, 0));
        *ret_owned = PQgetlength(result, 0, 1) == (int)sizeof(owner->bytes) &&
                     memcmp(PQgetvalue(result, 0, 1), owner->bytes, sizeof(owner->bytes)) == 0;
    }
    PQclear(result);
    return res;
}

/* --- retire --------------------------------------------------------------------------------
 */

enum sr_result pg_retire(struct store *base, const struct sr_uuid *owner, uint64_t epoch,
                         struct sr_err *err)
{
    struct store_postgres *store = (struct store_postgres *)base;
    struct pg_params params = {.count = 0};
    PGresult *result = NULL;
    enum sr_result res;

    pg_param_uuid(&params, &store->options.instance);
    pg_param_uuid(&params, owner);
    pg_param_int8(&params, (int64_t)epoch);
    res =
        pg_ask(store,
               "DELETE FROM counter_writers WHERE instance = $1 AND owner = $2 AND epoch = $3 "
               "RETURNING epoch",
               &params, &result, err);
    if (res == SR_OK && PQntuples(result) == 0) {
        res = fail_without_row(store, err);
    }
    PQclear(result);
    return res;
}
