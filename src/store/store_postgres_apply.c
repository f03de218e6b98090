/*
 * One epoch into PostgreSQL: BEGIN, limits and fence in one run; then chunks, a few in flight;
 * COMMIT when every result was read. Again from the start after a deadlock, and once more, the
 * careful way, when a row was refused.
 */
#include "store/store_postgres_internal.h"

#include "base/random.h"
#include "store/store_answer.h"

#include <string.h>

#define ATTEMPTS_MAX 5
#define PAUSE_MS_MAX 100

/* One running apply. */
struct apply {
    struct store_postgres *store;
    const struct store_epoch *epoch;
    const struct store_source *source;
    const struct store_sink *sink;
    struct pg_reader reader;
    uint64_t sent, told; /* chunks: told <= sent <= told + PG_CHUNKS */
    bool careful;
    enum pg_verdict verdict; /* of the error that ended an attempt */
};

/* --- fence ---------------------------------------------------------------------------------
 */

/* All in one run: should BEGIN fail, the rest is skipped rather than run outside a transaction.
 */
static enum sr_result send_fence(struct apply *apply, struct sr_err *err)
{
    struct store_postgres *store = apply->store;
    struct pg_params params = {.count = 0};
    enum sr_result res = pg_queue(store, "BEGIN ISOLATION LEVEL READ COMMITTED", NULL, err);

    pg_param_int8(&params, (int64_t)apply->epoch->epoch);
    pg_param_uuid(&params, &store->options.instance);
    pg_param_int8(&params, (int64_t)apply->epoch->predecessor);
    pg_param_uuid(&params, &apply->epoch->owner);
    if (res == SR_OK) {
        res = pg_queue_limits(store, err);
    }
    if (res == SR_OK) { /* a deferred constraint would speak only at COMMIT, of no row */
        res = pg_queue(store, "SET CONSTRAINTS ALL IMMEDIATE", NULL, err);
    }
    if (res == SR_OK) {
        res = pg_queue(store,
                       "UPDATE counter_writers SET epoch = $1, synced_at = now() "
                       "WHERE instance = $2 AND epoch = $3 AND owner = $4",
                       &params, err);
    }
    return res == SR_OK ? pg_sync(store, err) : res;
}

static enum sr_result judge_fence(struct apply *apply, PGresult *result, struct sr_err *err)
{
    struct store_postgres *store = apply->store;
    char instance[SR_UUID_TEXT_SIZE];

    if (PQresultStatus(result) != PGRES_COMMAND_OK) {
        apply->verdict = pg_verdict(pg_sqlstate(result));
        return pg_refuse(store, result, "fence", err);
    }
    if (strcmp(PQcmdTuples(result), "1") == 0) {
        return SR_OK;
    }
    sr_uuid_text(&store->options.instance, instance);
    return sr_fail(err, SR_FENCED,
                   "%s: the writer's row of instance %s is not at epoch %llu under our token",
                   store->where, instance, (unsigned long long)apply->epoch->predecessor);
}

static enum sr_result take_fence(struct apply *apply, struct sr_err *err)
{
    struct store_postgres *store = apply->store;
    PGresult *result = NULL;
    enum sr_result res = pg_expect(store, PGRES_COMMAND_OK, "BEGIN", NULL, err);

    if (res == SR_OK) {
        res = pg_expect(store, PGRES_TUPLES_OK, "limits", NULL, err);
    }
    if (res == SR_OK) {
        res = pg_expect(store, PGRES_COMMAND_OK, "SET CONSTRAINTS", NULL, err);
    }
    if (res == SR_OK) {
        res = pg_take(store, &result, err);
    }
    if (res != SR_OK) {
        pg_disconnect(store); /* before the end of the run */
        return res;
    }
    res = judge_fence(apply, result, err);
    PQclear(result);
    if (pg_take_sync(store, NULL) != SR_OK && res == SR_OK) {
        return sr_fail(err, SR_UNAVAILABLE, "%s: fence: connection lost", store->where);
    }
    if (res == SR_OK && PQtransactionStatus(store->connection) != PQTRANS_INTRANS) {
        return pg_lose(store, "fence", "no transaction is open", err);
    }
    return res;
}

/* --- chunks --------------------------------------------------------------------------------
 */

static struct pg_chunk *chunk_at(struct apply *apply, uint64_t number)
{
    return &apply->store->chunks[number % PG_CHUNKS];
}

/* Takes the result of the oldest chunk in flight. */
static enum sr_result take_oldest(struct apply *apply, struct sr_err *err)
{
    struct store_postgres *store = apply->store;
    struct pg_chunk *chunk = chunk_at(apply, apply->told);
    bool deletes = chunk->kind == SR_CHANGE_DELETE;
    PGresult *result = NULL;
    enum sr_result res = pg_take(store, &result, err);

    if (res != SR_OK) {
        return res;
    }
    if (PQresultStatus(result) != (deletes ? PGRES_COMMAND_OK : PGRES_TUPLES_OK)) {
        apply->verdict = pg_verdict(pg_sqlstate(result));
        res = pg_refuse(store, result, "apply", err);
    } else {
        res = pg_chunk_tell(store, chunk, result, apply->sink, err);
    }
    PQclear(result);
    apply->told++;
    if (pg_take_sync(store, NULL) != SR_OK && res == SR_OK) {
        return sr_fail(err, SR_UNAVAILABLE, "%s: apply: connection lost", store->where);
    }
    return res;
}

/* Every chunk ends a run of its own, so that each has the whole statement_timeout. */
static enum sr_result send_chunk(struct apply *apply, struct sr_err *err)
{
    struct store_postgres *store = apply->store;
    enum sr_result res = pg_chunk_queue(store, chunk_at(apply, apply->sent), err);

    if (res == SR_OK) {
        res = pg_sync(store, err);
    }
    apply->sent += res == SR_OK;
    return res;
}

static enum sr_result apply_in_flight(struct apply *apply, struct sr_err *err)
{
    struct store_postgres *store = apply->store;
    enum sr_result res;

    while ((res = pg_chunk_fill(chunk_at(apply, apply->sent), &apply->reader, store->rows,
                                err)) == SR_OK) {
        res = send_chunk(apply, err);
        if (res == SR_OK && apply->sent - apply->told == PG_CHUNKS) {
            res = take_oldest(apply, err);
        }
        if (res != SR_OK) {
            return res;
        }
    }
    if (res != SR_NOT_FOUND) {
        return res;
    }
    res = SR_OK;
    while (res == SR_OK && apply->told < apply->sent) {
        res = take_oldest(apply, err);
    }
    return res;
}

static enum sr_result apply_carefully(struct apply *apply, struct sr_err *err)
{
    struct store_postgres *store = apply->store;
    struct pg_chunk *chunk = &store->chunks[0];
    enum sr_result res;

    while ((res = pg_chunk_fill(chunk, &apply->reader, store->rows, err)) == SR_OK) {
        res = pg_apply_carefully(store, chunk, apply->epoch, apply->sink, &apply->verdict, err);
        if (res != SR_OK) {
            return res;
        }
    }
    return res == SR_NOT_FOUND ? SR_OK : res;
}

/* --- attempts ------------------------------------------------------------------------------
 */

/* After an error: reads what is still in flight, then ends the transaction. */
static void abandon(struct apply *apply)
{
    struct store_postgres *store = apply->store;

    while (store->connection != NULL && apply->told < apply->sent) {
        PGresult *result = NULL;

        if (pg_take(store, &result, NULL) != SR_OK || pg_take_sync(store, NULL) != SR_OK) {
            pg_disconnect(store);
        }
        PQclear(result);
        apply->told++;
    }
    pg_roll_back(store);
}

static enum sr_result attempt(struct apply *apply, struct sr_err *err)
{
    uint64_t requests = 0;
    enum sr_result res;

    apply->verdict = PG_OUTAGE;
    res = apply->source->rewind(apply->source->context, err);
    if (res != SR_OK) {
        return res;
    }
    apply->reader = (struct pg_reader){.source = apply->source};
    apply->sent = 0;
    apply->told = 0;
    res = send_fence(apply, err);
    if (res == SR_OK) {
        res = take_fence(apply, err);
    }
    if (res == SR_OK && apply->source->next_request != NULL) {
        res = pg_apply_requests(apply->store, apply->epoch, apply->source, apply->sink,
                                &requests, &apply->verdict, err);
    }
    if (res == SR_OK) {
        res = apply->careful ? apply_carefully(apply, err) : apply_in_flight(apply, err);
    }
    if (res == SR_OK && apply->epoch->window_s > 0) {
        res = pg_expire_requests(apply->store, store_expire_steps(requests), &apply->verdict,
                                 err);
    }
    if (res != SR_OK) {
        abandon(apply);
        return res;
    }
    return pg_commit(apply->store, err);
}

/* Between one and PAUSE_MS_MAX milliseconds, so that two that deadlocked do not meet again. */
static uint64_t jittered_pause_ms(void)
{
    uint64_t number = 0;

    (void)!sr_random_bytes(&number, sizeof(number), NULL); /* then without jitter */
    return 1 + number % PAUSE_MS_MAX;
}

/* Whether the failed attempt is to be followed by another, prepared for it. */
static bool goes_on(struct apply *apply, enum sr_result res, int *attempts, struct sr_err *err)
{
    bool again = apply->verdict == PG_AGAIN && *attempts < ATTEMPTS_MAX;
    bool careful = apply->verdict == PG_ROW && !apply->careful;

    if (res == SR_OK || res == SR_UNKNOWN || apply->store->connection == NULL ||
        (!again && !careful)) {
        return false;
    }
    if (again) {
        (*attempts)++;
        if (pg_pause(apply->store, jittered_pause_ms(), err) != SR_OK) {
            return false;
        }
    }
    apply->careful = apply->careful || careful;
    apply->sink->restart(apply->sink->context);
    pg_progressed(apply->store);
    return true;
}

/* A database too slow for a statement within the timeout gets smaller ones, or it would never
 * get anywhere; and larger ones again as it succeeds. */
static void adapt_rows(struct store_postgres *store, enum sr_result res)
{
    if (res == SR_OK && store->rows < store->options.statement_rows) {
        uint32_t doubled = store->rows * 2;

        store->rows =
            doubled < store->options.statement_rows ? doubled : store->options.statement_rows;
    } else if (res != SR_OK && store->timed_out) {
        uint32_t less = store->rows / 4;

        store->rows = less > PG_STATEMENT_ROWS_MIN ? less : PG_STATEMENT_ROWS_MIN;
        if (store->rows > store->options.statement_rows) {
            store->rows = store->options.statement_rows;
        }
    }
}

enum sr_result pg_apply(struct store *base, const struct store_epoch *epoch,
                        const struct store_source *source, const struct store_sink *sink,
                        struct sr_err *err)
{
    struct store_postgres *store = (struct store_postgres *)base;
    struct apply apply = {.store = store, .epoch = epoch, .source = source, .sink = sink};
    int attempts = 1;
    enum sr_result res = pg_begin_call(store, err);

    if (res == SR_OK && store->connection == NULL) {
        res = sr_fail(err, SR_UNAVAILABLE, "%s: not claimed", store->where);
    }
    if (res != SR_OK) {
        return res;
    }
    do {
        res = attempt(&apply, err);
    } while (goes_on(&apply, res, &attempts, err));
    adapt_rows(store, res);
    return res;
}
