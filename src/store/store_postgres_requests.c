/*
 * Requests with a token in PostgreSQL: brought in by batches, expired, looked up.
 */
#include "store/store_postgres_internal.h"

#include "base/check.h"
#include "core/record.h"
#include "store/store_answer.h"

#include <string.h>

/* A statement's worth: by number, and by bytes for those with many totals. */
#define BATCH_MAX 1000U
#define BATCH_BYTES (1U << 20)
#define ARRAY_BYTES_MAX (BATCH_BYTES + (1U << 20) + BATCH_MAX * 300U)

/* Requests that go by one statement, as its arrays. */
struct batch {
    struct sr_buffer tokens, hashes, answers; /* text[], bytea[], text[] */
    struct sr_buffer answer;                  /* the text of one */
    uint32_t at[BATCH_MAX];                   /* of each token's element in tokens */
    uint32_t count;
    uint64_t first_index; /* of its first request */
};

struct bringing {
    struct store_postgres *store;
    const struct store_epoch *epoch;
    const struct store_source *source;
    const struct store_sink *sink;
    enum pg_verdict verdict;
    struct batch batch;
};

static void batch_init(struct batch *batch)
{
    sr_buffer_init(&batch->tokens, ARRAY_BYTES_MAX);
    sr_buffer_init(&batch->hashes, ARRAY_BYTES_MAX);
    sr_buffer_init(&batch->answers, ARRAY_BYTES_MAX);
    sr_buffer_init(&batch->answer, ARRAY_BYTES_MAX);
    batch->first_index = 0;
    batch->count = 0;
}

static void batch_done(struct batch *batch)
{
    sr_buffer_done(&batch->tokens);
    sr_buffer_done(&batch->hashes);
    sr_buffer_done(&batch->answers);
    sr_buffer_done(&batch->answer);
}

/* The row of a token; count where there is none. Tokens ascend. */
static uint32_t batch_row(const struct batch *batch, struct sr_span token)
{
    return pg_array_find(&batch->tokens, batch->at, batch->count, token);
}

static enum sr_result batch_begin(struct batch *batch)
{
    enum sr_result res = pg_array_begin(&batch->tokens, PG_TEXT);

    batch->first_index += batch->count;
    batch->count = 0;
    if (res == SR_OK) {
        res = pg_array_begin(&batch->hashes, PG_BYTEA);
    }
    return res == SR_OK ? pg_array_begin(&batch->answers, PG_TEXT) : res;
}

static enum sr_result batch_append(struct batch *batch, const struct store_request *request)
{
    enum sr_result res;

    batch->at[batch->count] = (uint32_t)batch->tokens.size;
    batch->answer.size = 0;
    res = store_answer_write(&batch->answer, request);
    if (res == SR_OK) {
        res = pg_array_bytes(&batch->tokens, request->token.data, request->token.size);
    }
    if (res == SR_OK) {
        res = pg_array_bytes(&batch->hashes, request->request_hash.data,
                             request->request_hash.size);
    }
    if (res == SR_OK) {
        res = pg_array_bytes(&batch->answers, batch->answer.data, batch->answer.size);
    }
    batch->count += res == SR_OK;
    return res;
}

static enum sr_result fail_memory(const struct store_postgres *store, struct sr_err *err)
{
    return sr_fail(err, SR_UNAVAILABLE, "%s: out of memory", store->where);
}

/* Fills the batch from the source; SR_NOT_FOUND where nothing is left. */
static enum sr_result batch_fill(struct bringing *b, struct sr_err *err)
{
    struct batch *batch = &b->batch;
    enum sr_result res = batch_begin(batch);
    struct store_request request;

    if (res != SR_OK) {
        return fail_memory(b->store, err);
    }
    while (batch->count < BATCH_MAX && batch->answers.size < BATCH_BYTES) {
        res = b->source->next_request(b->source->context, &request, err);
        if (res == SR_NOT_FOUND) {
            break;
        }
        if (res != SR_OK) {
            return res;
        }
        if (batch_append(batch, &request) != SR_OK) {
            return fail_memory(b->store, err);
        }
    }
    pg_array_end(&batch->tokens, batch->count);
    pg_array_end(&batch->hashes, batch->count);
    pg_array_end(&batch->answers, batch->count);
    return batch->count == 0 ? SR_NOT_FOUND : SR_OK;
}

/* Runs one statement of the transaction to its end. */
static enum sr_result run(struct store_postgres *store, const char *sql,
                          const struct pg_params *params, ExecStatusType wanted,
                          PGresult **ret_result, enum pg_verdict *ret_verdict,
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
    if (res != SR_OK) {
        return res;
    }
    if (PQresultStatus(result) != wanted) {
        *ret_verdict = pg_verdict(pg_sqlstate(result));
        res = pg_refuse(store, result, "requests", err);
    }
    if (pg_take_sync(store, NULL) != SR_OK && res == SR_OK) {
        res = sr_fail(err, SR_UNAVAILABLE, "%s: requests: connection lost", store->where);
    }
    if (res != SR_OK) {
        PQclear(result);
        return res;
    }
    *ret_result = result;
    return SR_OK;
}

/* --- bringing in ---------------------------------------------------------------------------
 */

static struct sr_span result_bytes(const PGresult *result, int row, int column)
{
    return (struct sr_span){.data = (const uint8_t *)PQgetvalue(result, row, column),
                            .size = (size_t)PQgetlength(result, row, column)};
}

/* Marks the batch's rows that a result names by their token; returns how many they are. */
static uint32_t mark_rows(const struct batch *batch, const PGresult *result,
                          bool marks[BATCH_MAX])
{
    uint32_t marked = 0;

    for (int row = 0; row < PQntuples(result); row++) {
        uint32_t at = batch_row(batch, result_bytes(result, row, 0));

        if (at < batch->count && !marks[at]) {
            marks[at] = true;
            marked++;
        }
    }
    return marked;
}

static enum sr_result tell_known(struct bringing *b, const bool inserted[BATCH_MAX],
                                 const PGresult *rows, struct sr_err *err)
{
    bool told[BATCH_MAX] = {false};

    for (int row = 0; row < PQntuples(rows); row++) {
        uint32_t at = batch_row(&b->batch, result_bytes(rows, row, 0));

        if (at < b->batch.count && !inserted[at] && !told[at]) {
            told[at] = true;
            b->sink->known(b->sink->context, b->batch.first_index + at,
                           *PQgetvalue(rows, row, 1) != 0);
        }
    }
    for (uint32_t at = 0; at < b->batch.count; at++) {
        if (!inserted[at] && !told[at]) {
            /* Expired and removed by another instance between the two statements. */
            return sr_fail(err, SR_UNAVAILABLE,
                           "%s: a row of counter_requests went while it was looked at",
                           b->store->where);
        }
    }
    return SR_OK;
}

/* Asks about all of the batch: those that were there are few, and the index is warm. */
static enum sr_result ask_known(struct bringing *b, const bool inserted[BATCH_MAX],
                                struct sr_err *err)
{
    struct pg_params params = {.count = 0};
    PGresult *rows = NULL;
    enum sr_result res;

    pg_param_array(&params, PG_TEXT_ARRAY, &b->batch.tokens);
    pg_param_array(&params, PG_BYTEA_ARRAY, &b->batch.hashes);
    res = run(b->store,
              "SELECT r.token, r.request_hash = u.h FROM counter_requests AS r "
              "JOIN unnest($1::text[], $2::bytea[]) AS u (t, h) ON r.token = u.t",
              &params, PGRES_TUPLES_OK, &rows, &b->verdict, err);
    if (res == SR_OK) {
        res = tell_known(b, inserted, rows, err);
    }
    PQclear(rows);
    return res;
}

static enum sr_result bring_batch(struct bringing *b, struct sr_err *err)
{
    bool inserted[BATCH_MAX] = {false};
    struct pg_params params = {.count = 0};
    PGresult *result = NULL;
    enum sr_result res;

    pg_param_array(&params, PG_TEXT_ARRAY, &b->batch.tokens);
    pg_param_array(&params, PG_BYTEA_ARRAY, &b->batch.hashes);
    pg_param_array(&params, PG_TEXT_ARRAY, &b->batch.answers);
    pg_param_int8(&params, (int64_t)b->epoch->window_s);
    res = run(b->store,
              "INSERT INTO counter_requests (token, request_hash, answer, expires_at) "
              "SELECT t, h, a, now() + $4 * interval '1 second' "
              "FROM unnest($1::text[], $2::bytea[], $3::text[]) AS u (t, h, a) "
              "ON CONFLICT (token) DO NOTHING RETURNING token",
              &params, PGRES_TUPLES_OK, &result, &b->verdict, err);
    if (res == SR_OK && mark_rows(&b->batch, result, inserted) < b->batch.count) {
        res = ask_known(b, inserted, err);
    }
    PQclear(result);
    return res;
}

enum sr_result pg_apply_requests(struct store_postgres *store, const struct store_epoch *epoch,
                                 const struct store_source *source,
                                 const struct store_sink *sink, uint64_t *ret_count,
                                 enum pg_verdict *ret_verdict, struct sr_err *err)
{
    struct bringing b = {.store = store,
                         .epoch = epoch,
                         .source = source,
                         .sink = sink,
                         .verdict = *ret_verdict};
    enum sr_result res;

    batch_init(&b.batch);
    while ((res = batch_fill(&b, err)) == SR_OK) {
        res = bring_batch(&b, err);
        if (res != SR_OK) {
            break;
        }
    }
    *ret_count = b.batch.first_index + b.batch.count;
    *ret_verdict = b.verdict;
    batch_done(&b.batch);
    return res == SR_NOT_FOUND ? SR_OK : res;
}

/* --- expiry --------------------------------------------------------------------------------
 */

/* Rows that another instance is at are passed over: nobody waits for anybody here. */
enum sr_result pg_expire_requests(struct store_postgres *store, uint64_t steps,
                                  enum pg_verdict *ret_verdict, struct sr_err *err)
{
    struct pg_params params = {.count = 0};
    PGresult *result = NULL;
    enum sr_result res;

    pg_param_int8(&params, (int64_t)steps);
    res = run(store,
              "DELETE FROM counter_requests WHERE token IN (SELECT token "
              "FROM counter_requests WHERE expires_at < now() ORDER BY expires_at "
              "LIMIT $1 FOR UPDATE SKIP LOCKED)",
              &params, PGRES_COMMAND_OK, &result, ret_verdict, err);
    PQclear(result);
    return res;
}

/* --- looking up ----------------------------------------------------------------------------
 */

static bool is_ours(const PGresult *result, int row, size_t count)
{
    return PQgetlength(result, row, 0) == 8 &&
           PQgetlength(result, row, 1) == RECORD_REQUEST_HASH_SIZE &&
           pg_get_int8(PQgetvalue(result, row, 0)) >= 1 &&
           (uint64_t)pg_get_int8(PQgetvalue(result, row, 0)) <= count;
}

/* Rows are (number of the token from 1, hash, answer). */
static enum sr_result hand_out(const struct store_postgres *store, const PGresult *result,
                               const struct sr_span *tokens, size_t count,
                               store_found_fn *found, void *context, struct sr_err *err)
{
    struct sr_buffer totals;
    enum sr_result res = SR_OK;

    sr_buffer_init(&totals, ARRAY_BYTES_MAX);
    for (int row = 0; row < PQntuples(result) && res == SR_OK; row++) {
        struct store_request request = {.request_hash = result_bytes(result, row, 1)};
        size_t at;

        res = is_ours(result, row, count)
                  ? store_answer_read(result_bytes(result, row, 2), &totals, &request)
                  : SR_DAMAGED;
        if (res != SR_OK) {
            break;
        }
        at = (size_t)pg_get_int8(PQgetvalue(result, row, 0)) - 1;
        request.token = tokens[at];
        found(context, at, &request);
    }
    sr_buffer_done(&totals);
    if (res == SR_DAMAGED) {
        return sr_fail(err, SR_REFUSED,
                       "%s: a row of counter_requests is none of this program's", store->where);
    }
    return res == SR_OK ? SR_OK : fail_memory(store, err);
}

enum sr_result pg_find_requests(struct store *base, const struct sr_span *tokens, size_t count,
                                store_found_fn *found, void *context, struct sr_err *err)
{
    struct store_postgres *store = (struct store_postgres *)base;
    struct pg_params params = {.count = 0};
    PGresult *result = NULL;
    struct sr_buffer array;
    enum sr_result res;

    SR_CHECK(count <= STORE_FIND_MAX);
    sr_buffer_init(&array, PG_ARRAY_HEADER_SIZE + count * (4 + RECORD_TOKEN_SIZE_MAX));
    res = pg_encode_texts(tokens, count, &array);
    if (res != SR_OK) {
        res = fail_memory(store, err);
    } else {
        pg_param_array(&params, PG_TEXT_ARRAY, &array);
        res = pg_ask(store,
                     "SELECT u.n, r.request_hash, r.answer FROM counter_requests AS r "
                     "JOIN unnest($1::text[]) WITH ORDINALITY AS u (t, n) ON r.token = u.t",
                     &params, &result, err);
    }
    if (res == SR_OK) {
        res = hand_out(store, result, tokens, count, found, context, err);
    }
    PQclear(result);
    sr_buffer_done(&array);
    return res;
}
