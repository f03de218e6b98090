/*
 * Rows of counter_refused on PostgreSQL. A row has no key of its own: it is found by its place
 * (ctid) and its contents, so that another row which took the place is left alone. Removal and
 * addition are one statement: whatever is lost on the way, saying it again counts nothing
 * twice.
 */
#include "store/store_postgres_internal.h"

#include "base/check.h"

#include <string.h>

/* A bare "ORDER BY ctid" would be by the text that is told, in which (10,1) lies before (8,70):
 * pages would overlap and leave rows out. */
#define LIST_SQL                                                                               \
    "SELECT ctid::text, instance::text, epoch::bigint, key, delta::bigint, is_set, sqlstate, " \
    "extract(epoch FROM at)::bigint FROM counter_refused "                                     \
    "WHERE ($1::bytea = '' OR key = $1) AND ($2::text = '' OR ctid > $2::text::tid) "          \
    "ORDER BY counter_refused.ctid LIMIT 1000"

_Static_assert(STORE_REFUSED_PAGE == 1000, "LIST_SQL's limit");

/* Copies a text of the result, which fits. */
static void take_text(const PGresult *result, int row, int column, char *ret_text, size_t size)
{
    size_t length = (size_t)PQgetlength(result, row, column);

    length = length < size ? length : size - 1;
    memcpy(ret_text, PQgetvalue(result, row, column), length);
    ret_text[length] = '\0';
}

static enum sr_result tell_row(const PGresult *result, int row, store_refused_fn *tell,
                               void *context)
{
    struct store_refused r = {
        .epoch = (uint64_t)pg_get_int8(PQgetvalue(result, row, 2)),
        .key = {.data = (const uint8_t *)PQgetvalue(result, row, 3),
                .size = (size_t)PQgetlength(result, row, 3)},
        .is_set = PQgetvalue(result, row, 5)[0] != 0,
        .has_value = PQgetisnull(result, row, 4) == 0,
        .at_s = PQgetisnull(result, row, 7) == 0 ? pg_get_int8(PQgetvalue(result, row, 7)) : 0,
    };

    take_text(result, row, 0, r.id, sizeof(r.id));
    take_text(result, row, 1, r.instance, sizeof(r.instance));
    take_text(result, row, 6, r.sqlstate, sizeof(r.sqlstate));
    if (r.has_value) {
        r.value = pg_get_int8(PQgetvalue(result, row, 4));
    }
    return tell(context, &r);
}

enum sr_result pg_list_refused(struct store *base, struct sr_span key, const char *after,
                               store_refused_fn *tell, void *context, struct sr_err *err)
{
    struct store_postgres *store = (struct store_postgres *)base;
    struct pg_params params = {.count = 0};
    PGresult *result = NULL;
    enum sr_result res;

    pg_param_bytes(&params, PG_BYTEA, key.size > 0 ? key.data : (const void *)"", key.size);
    pg_param_text(&params, after);
    res = pg_ask(store, LIST_SQL, &params, &result, err);
    for (int row = 0; res == SR_OK && row < PQntuples(result); row++) {
        res = tell_row(result, row, tell, context);
        if (res != SR_OK) {
            (void)sr_fail(err, res, "%s: the rows read were not taken", store->where);
        }
    }
    PQclear(result);
    return res;
}

/* Asks with the row's place and contents; SR_NOT_FOUND where it is gone. */
static enum sr_result ask_about(struct store_postgres *store, const char *sql,
                                const struct store_refused *row, PGresult **ret_result,
                                struct sr_err *err)
{
    struct pg_params params = {.count = 0};
    enum sr_result res;

    pg_param_text(&params, row->id);
    pg_param_text(&params, row->instance);
    pg_param_int8(&params, (int64_t)row->epoch);
    pg_param_bytes(&params, PG_BYTEA, row->key.data, row->key.size);
    if (row->has_value) {
        pg_param_int8(&params, row->value);
    } else {
        pg_param_bytes(&params, PG_INT8, NULL, 0);
    }
    pg_param_bool(&params, row->is_set);
    res = pg_ask(store, sql, &params, ret_result, err);
    if (res == SR_OK && PQntuples(*ret_result) == 0) {
        PQclear(*ret_result);
        *ret_result = NULL;
        return sr_fail(err, SR_NOT_FOUND, "%s: the row is gone meanwhile", store->where);
    }
    return res;
}

#define DELETE_SQL                                                                             \
    "DELETE FROM counter_refused WHERE ctid = $1::text::tid AND instance::text = $2 "          \
    "AND epoch = $3 AND key = $4 AND delta IS NOT DISTINCT FROM $5 AND is_set = $6 "

enum sr_result pg_replay_refused(struct store *base, const struct store_refused *row,
                                 int64_t *ret_value, struct sr_err *err)
{
    struct store_postgres *store = (struct store_postgres *)base;
    PGresult *result = NULL;
    enum sr_result res;

    SR_CHECK(!row->is_set && row->has_value);
    store->sqlstate[0] = '\0';
    res = ask_about(store,
                    "WITH gone AS (" DELETE_SQL "RETURNING key, delta) "
                    "INSERT INTO counters AS c (key, value) "
                    "SELECT convert_from(key, 'UTF8'), delta FROM gone "
                    "ON CONFLICT (key) DO UPDATE SET value = c.value + excluded.value, "
                    "updated_at = now() RETURNING value",
                    row, &result, err);
    if (res == SR_OK) {
        *ret_value = pg_get_int8(PQgetvalue(result, 0, 0));
    } else if (res != SR_NOT_FOUND && pg_verdict(store->sqlstate) == PG_ROW) {
        res = SR_INVALID;
        err->code = res;
    }
    PQclear(result);
    return res;
}

enum sr_result pg_drop_refused(struct store *base, const struct store_refused *row,
                               struct sr_err *err)
{
    struct store_postgres *store = (struct store_postgres *)base;
    PGresult *result = NULL;
    enum sr_result res = ask_about(store, DELETE_SQL "RETURNING epoch", row, &result, err);

    PQclear(result);
    return res;
}
