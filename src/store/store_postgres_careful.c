/*
 * The careful way through a chunk that has a row the table refuses: under a savepoint, halved
 * until the row stands alone, which is then set aside in the same transaction.
 */
#include "store/store_postgres_internal.h"

#include "base/check.h"

#include <stdio.h>

/* One careful run. */
struct careful {
    struct store_postgres *store;
    const struct pg_chunk *chunk;
    const struct store_epoch *epoch;
    const struct store_sink *sink;
    enum pg_verdict verdict; /* of the error that ended it */
    char sqlstate[6];        /* of the part that was refused last */
};

static enum sr_result send_part(struct careful *careful, const struct pg_chunk *part,
                                struct sr_err *err)
{
    struct store_postgres *store = careful->store;
    enum sr_result res = pg_queue(store, "SAVEPOINT part", NULL, err);

    if (res == SR_OK) {
        res = pg_chunk_queue(store, part, err);
    }
    if (res == SR_OK) {
        res = pg_queue(store, "RELEASE SAVEPOINT part", NULL, err);
    }
    return res == SR_OK ? pg_sync(store, err) : res;
}

/* Takes the part's three results; *ret_result is the statement's, which may be an error's. */
static enum sr_result take_part(struct careful *careful, PGresult **ret_result,
                                struct sr_err *err)
{
    struct store_postgres *store = careful->store;
    PGresult *result = NULL;
    PGresult *release = NULL;
    enum sr_result res = pg_expect(store, PGRES_COMMAND_OK, "SAVEPOINT", NULL, err);

    if (res == SR_OK) {
        res = pg_take(store, &result, err);
    }
    if (res == SR_OK) {
        res = pg_take(store, &release, err);
    }
    if (res == SR_OK) {
        res = pg_take_sync(store, err);
    }
    PQclear(release); /* an error of its own would show at the next statement */
    if (res != SR_OK) {
        PQclear(result);
        return res;
    }
    *ret_result = result;
    return SR_OK;
}

static enum sr_result undo_part(struct careful *careful, struct sr_err *err)
{
    struct store_postgres *store = careful->store;
    enum sr_result res = pg_queue(store, "ROLLBACK TO SAVEPOINT part", NULL, err);

    if (res == SR_OK) {
        res = pg_queue(store, "RELEASE SAVEPOINT part", NULL, err);
    }
    if (res == SR_OK) {
        res = pg_sync(store, err);
    }
    if (res == SR_OK) {
        res = pg_expect(store, PGRES_COMMAND_OK, "ROLLBACK TO SAVEPOINT", NULL, err);
    }
    if (res == SR_OK) {
        res = pg_expect(store, PGRES_COMMAND_OK, "RELEASE SAVEPOINT", NULL, err);
    }
    return res == SR_OK ? pg_take_sync(store, err) : res;
}

/* Tries rows [first, first + count). SR_INVALID: refused and undone, careful->sqlstate says
 * how. */
static enum sr_result try_part(struct careful *careful, uint32_t first, uint32_t count,
                               struct sr_err *err)
{
    struct store_postgres *store = careful->store;
    struct pg_chunk *part = &store->chunks[PG_CHUNKS];
    PGresult *result = NULL;
    enum sr_result res = pg_chunk_slice(careful->chunk, first, count, part, err);
    ExecStatusType wanted = part->kind == SR_CHANGE_DELETE ? PGRES_COMMAND_OK : PGRES_TUPLES_OK;

    if (res == SR_OK) {
        res = send_part(careful, part, err);
    }
    if (res == SR_OK) {
        res = take_part(careful, &result, err);
    }
    if (res != SR_OK) {
        return res;
    }
    if (PQresultStatus(result) == wanted) {
        res = pg_chunk_tell(store, part, result, careful->sink, err);
    } else if (pg_verdict(pg_sqlstate(result)) != PG_ROW) {
        careful->verdict = pg_verdict(pg_sqlstate(result));
        res = pg_refuse(store, result, "apply", err);
    } else {
        (void)snprintf(careful->sqlstate, sizeof(careful->sqlstate), "%s", pg_sqlstate(result));
        res = undo_part(careful, err);
        res = res == SR_OK ? SR_INVALID : res;
    }
    PQclear(result);
    return res;
}

static enum sr_result queue_aside(struct careful *careful, uint32_t row, struct sr_err *err)
{
    const struct pg_chunk *chunk = careful->chunk;
    struct pg_params params = {.count = 0};
    struct sr_span key = pg_chunk_key(chunk, row);

    pg_param_uuid(&params, &careful->store->options.instance);
    pg_param_int8(&params, (int64_t)careful->epoch->epoch);
    pg_param_bytes(&params, PG_BYTEA, key.data, key.size);
    if (chunk->kind == SR_CHANGE_DELETE) {
        pg_param_bytes(&params, PG_INT8, NULL, 0);
    } else {
        pg_param_int8(&params, pg_chunk_value(chunk, row));
    }
    pg_param_bool(&params, chunk->kind != SR_CHANGE_ADD);
    pg_param_text(&params, careful->sqlstate);
    return pg_queue(
        careful->store,
        "INSERT INTO counter_refused (instance, epoch, key, delta, is_set, sqlstate) "
        "VALUES ($1, $2, $3, $4, $5, $6)",
        &params, err);
}

static enum sr_result set_aside(struct careful *careful, uint32_t row, struct sr_err *err)
{
    struct store_postgres *store = careful->store;
    struct store_outcome outcome = {.index = careful->chunk->first_index + row,
                                    .refused = true};
    enum sr_result res = queue_aside(careful, row, err);

    if (res == SR_OK) {
        res = pg_sync(store, err);
    }
    if (res == SR_OK) {
        res = pg_expect(store, PGRES_COMMAND_OK, "setting a row aside", NULL, err);
    }
    if (res == SR_OK) {
        res = pg_take_sync(store, err);
    }
    if (res == SR_OK) {
        (void)snprintf(outcome.sqlstate, sizeof(outcome.sqlstate), "%s", careful->sqlstate);
        careful->sink->outcome(careful->sink->context, &outcome);
    }
    return res;
}

/* Halves what is refused; as deep as the logarithm of a chunk's rows. */
static enum sr_result apply_rows(struct careful *careful, uint32_t first, uint32_t count,
                                 struct sr_err *err)
{
    enum sr_result res = try_part(careful, first, count, err);
    uint32_t half = count / 2;

    if (res != SR_INVALID) {
        return res;
    }
    if (count == 1) {
        return set_aside(careful, first, err);
    }
    res = apply_rows(careful, first, half, err);
    return res == SR_OK ? apply_rows(careful, first + half, count - half, err) : res;
}

enum sr_result pg_apply_carefully(struct store_postgres *store, const struct pg_chunk *chunk,
                                  const struct store_epoch *epoch,
                                  const struct store_sink *sink, enum pg_verdict *ret_verdict,
                                  struct sr_err *err)
{
    struct careful careful = {
        .store = store, .chunk = chunk, .epoch = epoch, .sink = sink, .verdict = PG_OUTAGE};
    enum sr_result res = apply_rows(&careful, 0, chunk->count, err);

    if (res != SR_OK) {
        *ret_verdict = careful.verdict;
    }
    return res;
}
