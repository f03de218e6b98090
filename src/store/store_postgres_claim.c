/*
 * The claim on PostgreSQL: it waits for the row lock of an old backend of ours, shuts out what
 * that one still has queued, and reads the applied epoch.
 */
#include "store/store_postgres_internal.h"

#include "base/check.h"

static enum sr_result queue_insert(struct store_postgres *store,
                                   const struct store_claim *claim, struct sr_err *err)
{
    struct pg_params params = {.count = 0};

    pg_param_uuid(&params, &store->options.instance);
    pg_param_uuid(&params, &claim->fresh);
    return pg_queue(store,
                    "INSERT INTO counter_writers (instance, owner, epoch) VALUES ($1, $2, 0) "
                    "ON CONFLICT (instance) DO NOTHING",
                    &params, err);
}

static enum sr_result encode_tokens(const struct store_claim *claim, struct sr_buffer *array)
{
    enum sr_result res = pg_array_begin(array, PG_UUID);

    SR_CHECK(claim->mine_count > 0);
    for (size_t i = 0; res == SR_OK && i < claim->mine_count; i++) {
        res = pg_array_bytes(array, claim->mine[i].bytes, sizeof(claim->mine[i].bytes));
    }
    if (res == SR_OK) {
        pg_array_end(array, (uint32_t)claim->mine_count);
    }
    return res;
}

/* The second statement tells, where the first touched no row, whether there is one. */
static enum sr_result queue_take(struct store_postgres *store, const struct store_claim *claim,
                                 const struct sr_buffer *tokens, struct sr_err *err)
{
    struct pg_params take = {.count = 0};
    struct pg_params look = {.count = 0};
    enum sr_result res;

    pg_param_uuid(&take, &store->options.instance);
    pg_param_uuid(&take, &claim->fresh);
    pg_param_array(&take, PG_UUID_ARRAY, tokens);
    pg_param_int8(&take, claim->others_below == 0 ? INT64_MAX : (int64_t)claim->others_below);
    pg_param_int8(&take, (int64_t)(claim->mine_count - claim->own_count));
    pg_param_uuid(&look, &store->options.instance);
    res = pg_queue(store,
                   "UPDATE counter_writers SET owner = $2 "
                   "WHERE instance = $1 AND owner = ANY($3) "
                   "AND (epoch < $4 OR array_position($3, owner) > $5) RETURNING epoch",
                   &take, err);
    return res != SR_OK
               ? res
               : pg_queue(store, "SELECT epoch FROM counter_writers WHERE instance = $1", &look,
                          err);
}

/* All in one run: should BEGIN fail, the rest is skipped rather than run outside a transaction.
 */
static enum sr_result send_claim(struct store_postgres *store, const struct store_claim *claim,
                                 const struct sr_buffer *tokens, struct sr_err *err)
{
    enum sr_result res = pg_queue(store, "BEGIN ISOLATION LEVEL READ COMMITTED", NULL, err);

    if (res == SR_OK) {
        res = pg_queue_limits(store, err);
    }
    if (res == SR_OK && claim->insert_row) {
        res = queue_insert(store, claim, err);
    }
    if (res == SR_OK) {
        res = queue_take(store, claim, tokens, err);
    }
    return res == SR_OK ? pg_sync(store, err) : res;
}

static enum sr_result judge_claim(struct store_postgres *store, const PGresult *taken,
                                  const PGresult *seen, uint64_t *ret_epoch, struct sr_err *err)
{
    char instance[SR_UUID_TEXT_SIZE];

    if (PQntuples(taken) == 1) {
        *ret_epoch = (uint64_t)pg_get_int8(PQgetvalue(taken, 0, 0));
        return SR_OK;
    }
    sr_uuid_text(&store->options.instance, instance);
    if (PQntuples(seen) > 0) {
        return sr_fail(err, SR_FENCED,
                       "%s: the writer's row of instance %s (epoch %lld) is owned by another "
                       "process: was the data directory copied?",
                       store->where, instance, (long long)pg_get_int8(PQgetvalue(seen, 0, 0)));
    }
    return sr_fail(err, SR_NOT_FOUND,
                   "%s has no writer's row of instance %s: another database, or an older copy?",
                   store->where, instance);
}

static enum sr_result take_claim(struct store_postgres *store, const struct store_claim *claim,
                                 uint64_t *ret_epoch, struct sr_err *err)
{
    PGresult *taken = NULL;
    PGresult *seen = NULL;
    enum sr_result res = pg_expect(store, PGRES_COMMAND_OK, "BEGIN", NULL, err);

    if (res == SR_OK) {
        res = pg_expect(store, PGRES_TUPLES_OK, "claim: limits", NULL, err);
    }
    if (res == SR_OK && claim->insert_row) {
        res = pg_expect(store, PGRES_COMMAND_OK, "claim: insert", NULL, err);
    }
    if (res == SR_OK) {
        res = pg_expect(store, PGRES_TUPLES_OK, "claim", &taken, err);
    }
    if (res == SR_OK) {
        res = pg_expect(store, PGRES_TUPLES_OK, "claim: look", &seen, err);
    }
    if (res == SR_OK) {
        res = pg_take_sync(store, err);
    }
    if (res == SR_OK) {
        res = judge_claim(store, taken, seen, ret_epoch, err);
    }
    PQclear(taken);
    PQclear(seen);
    return res;
}

static enum sr_result claim_connected(struct store_postgres *store,
                                      const struct store_claim *claim, uint64_t *ret_epoch,
                                      struct sr_err *err)
{
    struct sr_buffer tokens;
    enum sr_result res;

    sr_buffer_init(&tokens, PG_ARRAY_HEADER_SIZE + claim->mine_count * 20);
    if (encode_tokens(claim, &tokens) != SR_OK) {
        sr_buffer_done(&tokens);
        return sr_fail(err, SR_UNAVAILABLE, "%s: out of memory", store->where);
    }
    res = send_claim(store, claim, &tokens, err);
    sr_buffer_done(&tokens);
    if (res == SR_OK) {
        res = take_claim(store, claim, ret_epoch, err);
    }
    if (res == SR_OK) {
        res = pg_commit(store, err);
    }
    if (res != SR_OK) {
        pg_disconnect(store); /* ends the transaction as well; errors here are rare */
    }
    return res;
}

enum sr_result pg_claim(struct store *base, const struct store_claim *claim,
                        uint64_t *ret_epoch, struct sr_err *err)
{
    struct store_postgres *store = (struct store_postgres *)base;
    enum sr_result res = pg_begin_call(store, err);
    uint64_t epoch = 0;

    if (res == SR_OK) {
        res = pg_connect(store, err);
    }
    if (res == SR_OK) {
        res = pg_migrate(store, err);
    }
    if (res == SR_OK) {
        res = claim_connected(store, claim, &epoch, err);
    }
    if (res == SR_OK) {
        *ret_epoch = epoch;
    }
    return res;
}
