/*
 * POST /increment with many increments: the body into a batch, the batch to the engine, its
 * totals as a list. What is needed for the answer is there before anything is counted.
 */
#include "server/api_internal.h"

#include "base/bytes.h"
#include "base/check.h"
#include "http/batch.h"
#include "http/list.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define MINIMAL_ANSWER 4096   /* more than a head takes */
#define KEPT_BATCH (2U << 20) /* a worker keeps a batch of that size for the next request */

static_assert((size_t)SR_BATCH_ITEMS_MAX * (SR_KEY_SIZE_MAX * 6 + 64) < API_ANSWER_SIZE_MAX,
              "the answer to any batch fits a connection's output");

/* ---- memory ---- */

/* The worker's batch, empty; NULL where there is no memory. */
static struct counters_batch *take_batch(struct api *api)
{
    struct counters_batch *batch = api->batch;

    api->batch = NULL;
    if (batch == NULL) {
        batch = malloc(sizeof(*batch));
        if (batch != NULL) {
            counters_batch_init(batch);
        }
        return batch;
    }
    counters_batch_clear(batch);
    return batch;
}

void api_batch_free(struct counters_batch **batch)
{
    if (*batch != NULL) {
        counters_batch_done(*batch);
        free(*batch);
        *batch = NULL;
    }
}

/* The call is over: its batch serves the next one, unless it has become large. */
static void give_batch(struct api *api, struct api_call *call)
{
    api_discharge(api, &call->batch_charged);
    if (api->batch == NULL && counters_batch_bytes(call->batch) <= KEPT_BATCH) {
        api->batch = call->batch;
        call->batch = NULL;
    }
    api_batch_free(&call->batch);
}

void api_call_drop(struct api *api, struct api_call *call)
{
    engine_wait_end(api->engine_worker, &call->wait);
    engine_list_drop(api->engine_worker, &call->job);
    if (call->token != NULL) {
        engine_token_drop(api->engine_worker, &call->token->engine);
    }
    if (call->batch != NULL) {
        give_batch(api, call);
    }
}

/* ---- answers ---- */

static void item_of(const void *context, uint32_t i, struct http_list_item *ret_item)
{
    const struct counters_batch *batch = context;

    *ret_item = (struct http_list_item){.key = counters_batch_key(batch, i),
                                        .value = batch->items[i].total,
                                        .known = batch->items[i].total_known};
}

static struct http_list list_of(const struct counters_batch *batch)
{
    return (struct http_list){.count = batch->count, .item = item_of, .context = batch};
}

/* The most bytes that the answer takes. */
static size_t answer_size(struct api_call *call)
{
    struct http_list list = list_of(call->batch);
    struct http_reply reply = api_reply(call);

    return call->minimal ? MINIMAL_ANSWER : http_list_size_max(&reply, &list);
}

static enum api_step answer_counted(struct api_call *call, bool known, struct sr_buffer *out)
{
    struct http_list list = list_of(call->batch);
    struct http_reply reply;

    call->counts = true;
    if (call->minimal) {
        return api_answer_minimal(call, out);
    }
    call->status = known ? 200 : 202;
    reply = api_reply(call);
    return api_step_of(http_reply_list(out, &reply, &list));
}

static enum api_step answer_overflow(struct api_call *call, uint32_t item,
                                     struct sr_buffer *out)
{
    char message[128];

    call->counts = true;
    (void)snprintf(
        message, sizeof(message),
        "item %u: the total would leave the signed 64-bit range; nothing was counted", item);
    return api_answer_error(call, 409, message, out);
}

static enum api_step answer_batch(struct api_call *call, enum engine_status status,
                                  const struct engine_answer *answer, struct sr_buffer *out)
{
    switch (status) {
    case ENGINE_DONE:
    case ENGINE_DONE_UNKNOWN:
        return answer_counted(call, status == ENGINE_DONE, out);
    case ENGINE_OVERFLOW:
        return answer_overflow(call, answer->item, out);
    case ENGINE_WAIT:
        call->wait = answer->wait;
        return API_WAITS;
    case ENGINE_ABSENT:
    case ENGINE_REJECTED:
        break;
    }
    return api_answer_error(call, 503, engine_rejection_message(answer->rejection), out);
}

static enum api_step replay(struct api_call *call, const struct dedup_answer *first,
                            struct sr_buffer *out)
{
    for (uint32_t i = 0; i < call->batch->count; i++) {
        call->batch->items[i].total_known = first->totals_known;
        call->batch->items[i].total =
            first->totals_known ? (int64_t)sr_get_u64(first->totals.data + 8 * (size_t)i) : 0;
    }
    return answer_counted(call, first->totals_known, out);
}

static enum api_step count_with_token(struct api *api, struct api_call *call,
                                      struct sr_buffer *out)
{
    struct engine_answer answer = {.total = 0};
    struct dedup_answer first = {.status = 0};
    enum engine_status status;
    enum api_step step = API_FAILED;

    switch (api_token_begin(api, call, call->batch->count,
                            counters_batch_record_bytes(call->batch), &first, out, &step)) {
    case API_TOKEN_STOP:
        return step;
    case API_TOKEN_REPLAY:
        return replay(call, &first, out);
    case API_TOKEN_COUNT:
        break;
    }
    status = engine_increment_all(api->engine_worker, call->batch, &answer);
    status =
        engine_token_end_all(api->engine_worker, &call->token->engine, status, call->batch);
    return answer_batch(call, status, &answer, out);
}

static enum api_step count(struct api *api, struct api_call *call, struct sr_buffer *out)
{
    struct engine_answer answer;

    if (call->token != NULL && call->batch->count > 0) {
        return count_with_token(api, call, out);
    }
    return answer_batch(call, engine_increment_all(api->engine_worker, call->batch, &answer),
                        &answer, out);
}

/* The batch outlives the request now. */
static bool charge_waiting(struct api *api, struct api_call *call)
{
    size_t bytes = counters_batch_bytes(call->batch);

    api_discharge(api, &call->answer_charged);
    if (call->batch_charged == 0 && !api_charge(api, bytes)) {
        return false;
    }
    call->batch_charged = bytes;
    return true;
}

enum api_step api_execute_batch(struct api *api, struct api_call *call, struct sr_buffer *out)
{
    enum api_step step;

    if (api_reserve_answer(api, call, answer_size(call), out) != SR_OK) {
        api_call_drop(api, call);
        return api_answer_too_much(call, out);
    }
    api_open_turn(api);
    step = count(api, call, out);
    if (step == API_WAITS && !charge_waiting(api, call)) {
        api_call_drop(api, call);
        return api_answer_too_much(call, out);
    }
    if (step != API_WAITS) {
        call->wait = (struct engine_wait){0};
        give_batch(api, call);
    }
    return step;
}

static enum sr_result take_item(void *context, const struct http_increment *increment)
{
    return counters_batch_add(context, increment->key, increment->value);
}

enum api_step api_increment_many(struct api *api, enum http_batch_format format,
                                 struct sr_span body, struct api_call *call,
                                 struct sr_buffer *out)
{
    struct http_batch_sink sink = {.take = take_item};
    struct http_body_error error;
    enum api_step step;

    call->action = API_INCREMENT_MANY;
    call->key = sr_span_text("");
    call->batch = take_batch(api);
    if (call->batch == NULL) {
        return api_answer_error(call, 503, "out of memory while reading the body", out);
    }
    sink.context = call->batch;
    if (http_batch_read(&api->scratch, format, body, &sink, &error) != SR_OK) {
        give_batch(api, call);
        return api_answer_error(call, error.status, error.message, out);
    }
    if (call->batch->count > 1 &&
        api_charge_refused(api, call, call->batch->count - 1, out, &step)) {
        give_batch(api, call);
        return step;
    }
    return api_execute_batch(api, call, out);
}
