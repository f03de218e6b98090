/*
 * Requests with an Idempotency-Key: looked up, asked about, counted with token and answer in
 * their records. That a replayed answer leaves only when the first one is durable needs nothing
 * of its own: the first one's records were handed over, or its turn is open, and every reply
 * waits for both.
 */
#include "server/engine_internal.h"

#include "base/bytes.h"
#include "base/check.h"
#include "core/record.h"

#include <string.h>

#define EXPIRE_STEPS 64U /* of the window, for who finds it full */

/* ---- begin ---- */

static enum engine_token_status reject(struct engine_worker *w, struct engine_token *token,
                                       enum engine_rejection why,
                                       struct engine_answer *ret_answer)
{
    engine_token_drop(w, token);
    (void)engine_reject(w, why, ret_answer);
    return ENGINE_TOKEN_REJECTED;
}

static enum dedup_status look_up(struct engine_worker *w, struct engine_token *token,
                                 struct dedup_answer *ret_first)
{
    const struct engine_options *options = &w->engine->options;
    enum dedup_status status =
        dedup_begin(options->dedup, &token->request, &w->totals, &token->ref, ret_first);

    if (status == DEDUP_FULL) {
        dedup_expire(options->dedup, counters_applied(options->counters), w->now_ms,
                     EXPIRE_STEPS);
        status =
            dedup_begin(options->dedup, &token->request, &w->totals, &token->ref, ret_first);
    }
    return status;
}

static enum engine_token_status wait_for_table(struct engine_worker *w,
                                               const struct engine_token *token,
                                               struct engine_answer *ret_answer)
{
    ret_answer->wait = (struct engine_wait){.for_token = true, .token = token->ref};
    engine_bump(&w->waits, 1);
    return ENGINE_TOKEN_WAIT;
}

/* A token that the window does not know: does the table? */
static enum engine_token_status ask(struct engine_worker *w, struct engine_token *token,
                                    struct engine_answer *ret_answer)
{
    const struct engine_options *options = &w->engine->options;

    if (!w->counters_turn.may_wait) {
        token->blind = true;
        return ENGINE_TOKEN_COUNT;
    }
    dedup_ask(options->dedup, token->ref);
    if (loader_ask(options->loader, token->ref) != SR_OK) {
        return reject(w, token, ENGINE_REJECT_LOADER_FULL, ret_answer);
    }
    return wait_for_table(w, token, ret_answer);
}

static enum engine_token_status look(struct engine_worker *w, struct engine_token *token,
                                     struct engine_answer *ret_answer,
                                     struct dedup_answer *ret_first)
{
    switch (look_up(w, token, ret_first)) {
    case DEDUP_NEW:
        return ask(w, token, ret_answer);
    case DEDUP_RUNNING:
        engine_bump(&w->token_conflicts, 1);
        return ENGINE_TOKEN_RUNNING;
    case DEDUP_KNOWN:
        engine_bump(&w->token_hits, 1);
        return ENGINE_TOKEN_KNOWN;
    case DEDUP_MISMATCH:
        engine_bump(&w->token_mismatches, 1);
        return ENGINE_TOKEN_MISMATCH;
    case DEDUP_FULL:
    default:
        return reject(w, token, ENGINE_REJECT_WINDOW_FULL, ret_answer);
    }
}

/* Where a request stands that was given before. */
static enum engine_token_status go_on(struct engine_worker *w, struct engine_token *token,
                                      struct engine_answer *ret_answer,
                                      struct dedup_answer *ret_first)
{
    switch (dedup_state(w->engine->options.dedup, token->ref)) {
    case DEDUP_STATE_RUNNING:
        return ENGINE_TOKEN_COUNT;
    case DEDUP_STATE_ASKING:
        if (w->counters_turn.may_wait) {
            return wait_for_table(w, token, ret_answer);
        }
        token->blind = true;
        return ENGINE_TOKEN_COUNT;
    case DEDUP_STATE_DONE:
    case DEDUP_STATE_GONE:
    default:
        token->ref = (struct dedup_ref){0}; /* another instance's answer was found */
        return look(w, token, ret_answer, ret_first);
    }
}

/* Bytes that the token and its answer add to the first record. */
static size_t token_bytes(const struct engine_token *token)
{
    return RECORD_TOKEN_HEADER_SIZE + token->request.token.size +
           8 * (size_t)token->request.totals_count;
}

/* Room in turn, journal and log for all that will be written, before anything is counted. */
static enum engine_token_status make_room(struct engine_worker *w, struct engine_token *token,
                                          size_t record_bytes, struct engine_answer *ret_answer)
{
    struct request_log *log = dedup_log(w->engine->options.dedup, w->counters_turn.epoch);
    size_t bytes = record_bytes + token_bytes(token);
    enum engine_rejection why;

    if (w->record_count > 0 && w->records.size + bytes > w->records.size_max) {
        ret_answer->wait = (struct engine_wait){.for_turn = true};
        engine_bump(&w->waits, 1);
        return ENGINE_TOKEN_WAIT;
    }
    why = engine_make_room(w, bytes);
    if (why == ENGINE_REJECT_NONE && sr_buffer_reserve(&w->records, bytes) != SR_OK) {
        why = ENGINE_REJECT_QUEUE_FULL;
    }
    if (why == ENGINE_REJECT_NONE && !request_log_reserve(log, bytes)) {
        flusher_tick_soon(w->engine->options.flusher);
        why = ENGINE_REJECT_WINDOW_FULL;
    }
    if (why != ENGINE_REJECT_NONE) {
        return reject(w, token, why, ret_answer);
    }
    token->room = bytes;
    token->records_at = w->records.size;
    token->records_before = w->record_count;
    w->in_token = true;
    return ENGINE_TOKEN_COUNT;
}

enum engine_token_status engine_token_begin(struct engine_worker *w, struct engine_token *token,
                                            size_t record_bytes,
                                            struct engine_answer *ret_answer,
                                            struct dedup_answer *ret_first)
{
    enum engine_token_status status = token->ref.index != 0
                                          ? go_on(w, token, ret_answer, ret_first)
                                          : look(w, token, ret_answer, ret_first);

    SR_CHECK(!w->in_token);
    return status == ENGINE_TOKEN_COUNT ? make_room(w, token, record_bytes, ret_answer)
                                        : status;
}

/* ---- end ---- */

/* Puts the token part into the first of the request's records; returns all of them. */
static struct sr_span add_token_part(struct engine_worker *w, const struct engine_token *token,
                                     const struct dedup_answer *answer)
{
    uint8_t *first = w->records.data + token->records_at;
    size_t bytes = w->records.size - token->records_at;
    uint8_t key[SR_KEY_SIZE_MAX];
    struct record record;
    size_t size = 0;
    size_t larger;

    SR_CHECK(record_decode((struct sr_span){.data = first, .size = bytes}, &record, &size) ==
             SR_OK);
    memcpy(key, record.key.data, record.key.size);
    record.key.data = key;
    record.token =
        (struct record_token){.token = token->request.token,
                              .answer_kind = answer->totals_known ? RECORD_ANSWER_TOTALS
                                                                  : RECORD_ANSWER_UNKNOWN,
                              .status = answer->status,
                              .records = token->request.totals_count - 1,
                              .request_hash = token->request.request_hash,
                              .totals = answer->totals};
    larger = record_encoded_size(&record);
    memmove(first + larger, first + size, bytes - size);
    record_encode(&record, first);
    w->records.size += larger - size;
    return (struct sr_span){.data = first, .size = bytes + larger - size};
}

static void remember(struct engine_worker *w, struct engine_token *token, bool known)
{
    const struct engine_options *options = &w->engine->options;
    uint64_t epoch = w->counters_turn.epoch;
    struct dedup_answer answer = {.status = known ? 200 : 202, .totals_known = known};
    struct sr_span records;

    SR_CHECK(w->record_count == token->records_before + token->request.totals_count);
    if (known) {
        answer.totals = sr_buffer_span(&w->totals);
    }
    records = add_token_part(w, token, &answer);
    request_log_append(dedup_log(options->dedup, epoch), records, token->room);
    dedup_finish(options->dedup, token->ref, &answer, epoch, w->now_ms);
    token->ref = (struct dedup_ref){0};
    if (options->durability == JOURNAL_NONE) {
        w->records.size = token->records_at;
        w->record_count = token->records_before;
    }
}

/* What is answered, the totals being in w->totals where they are known. */
static enum engine_status end(struct engine_worker *w, struct engine_token *token,
                              enum engine_status status)
{
    bool known = status == ENGINE_DONE && !token->blind;

    SR_CHECK(w->in_token);
    w->in_token = false;
    if (status == ENGINE_DONE || status == ENGINE_DONE_UNKNOWN) {
        remember(w, token, known);
        return known ? ENGINE_DONE : ENGINE_DONE_UNKNOWN;
    }
    SR_CHECK(w->records.size == token->records_at);
    request_log_unreserve(dedup_log(w->engine->options.dedup, w->counters_turn.epoch),
                          token->room);
    if (status != ENGINE_WAIT) {
        engine_token_drop(w, token);
    }
    return status;
}

/* There is room: for one always, for a batch since begin. */
static void put_total(struct engine_worker *w, uint32_t i, int64_t total)
{
    sr_put_u64(w->totals.data + 8 * (size_t)i, (uint64_t)total);
}

/* Room for the totals; without memory they are not known. */
static enum engine_status reserve_totals(struct engine_worker *w, uint32_t count,
                                         enum engine_status status)
{
    w->totals.size = 0;
    if (sr_buffer_reserve(&w->totals, 8 * (size_t)count) != SR_OK) {
        return ENGINE_DONE_UNKNOWN;
    }
    w->totals.size = 8 * (size_t)count;
    return status;
}

enum engine_status engine_token_end(struct engine_worker *w, struct engine_token *token,
                                    enum engine_status status, int64_t total)
{
    if (status == ENGINE_DONE) {
        status = reserve_totals(w, 1, status);
    }
    if (status == ENGINE_DONE) {
        put_total(w, 0, total);
    }
    return end(w, token, status);
}

enum engine_status engine_token_end_all(struct engine_worker *w, struct engine_token *token,
                                        enum engine_status status, struct counters_batch *batch)
{
    if (status == ENGINE_DONE) {
        status = reserve_totals(w, batch->count, status);
    }
    for (uint32_t i = 0; status == ENGINE_DONE && i < batch->count; i++) {
        put_total(w, i, batch->items[i].total);
    }
    status = end(w, token, status);
    for (uint32_t i = 0; status == ENGINE_DONE_UNKNOWN && i < batch->count; i++) {
        batch->items[i].total_known = false;
    }
    return status;
}

void engine_token_drop(struct engine_worker *w, struct engine_token *token)
{
    if (token->ref.index != 0) {
        dedup_abandon(w->engine->options.dedup, token->ref);
        token->ref = (struct dedup_ref){0};
    }
}
