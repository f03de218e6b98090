/*
 * What is done to one key: POST /increment, the engine's turn, and the engine's answers as
 * replies.
 */
#include "server/api_internal.h"

#include "base/bytes.h"
#include "base/check.h"
#include "core/record.h"
#include "http/media.h"

void api_open_turn(struct api *api)
{
    if (!api->turn_open) {
        engine_turn_begin(api->engine_worker, api->now_ms);
        api->turn_open = true;
    }
}

uint64_t api_turn_end(struct api *api, bool held)
{
    if (!api->turn_open) {
        return 0;
    }
    api->turn_open = false;
    return engine_turn_end(api->engine_worker, held);
}

enum api_step api_answer_minimal(struct api_call *call, struct sr_buffer *out)
{
    struct http_reply reply;

    call->status = 202;
    reply = api_reply(call);
    reply.extra_headers = call->replayed ? "Preference-Applied: return=minimal\r\n"
                                           "Idempotency-Replayed: true\r\n"
                                         : "Preference-Applied: return=minimal\r\n";
    return api_step_of(http_reply_bytes(out, &reply, (struct sr_span){0}));
}

/* The reply to a change that was counted; `known`: with its total. */
static enum api_step answer_counted(struct api_call *call, bool known, int64_t total,
                                    struct sr_buffer *out)
{
    struct http_reply reply;

    call->counts = true;
    if (call->minimal) {
        return api_answer_minimal(call, out);
    }
    call->status = known ? 200 : 202;
    reply = api_reply(call);
    if (!known) {
        return api_step_of(http_reply_unknown_total(out, &reply, call->key));
    }
    return api_step_of(http_reply_total(out, &reply, call->key, total));
}

/* Not told: whether the key was there. That would need the database. */
static enum api_step answer_deleted(struct api_call *call, struct sr_buffer *out)
{
    struct http_reply reply;

    call->counts = true;
    call->status = 204;
    reply = api_reply(call);
    return api_step_of(http_reply_bytes(out, &reply, (struct sr_span){0}));
}

static enum api_step answer_read(struct api_call *call, const struct engine_answer *answer,
                                 struct sr_buffer *out)
{
    struct http_reply reply;

    call->counts = true;
    call->status = 200;
    reply = api_reply(call);
    return api_step_of(http_reply_counter(out, &reply, call->key, answer->total,
                                          answer->synced_known, answer->synced));
}

static enum api_step answer_done(struct api_call *call, const struct engine_answer *answer,
                                 struct sr_buffer *out)
{
    switch (call->action) {
    case API_READ:
        return answer_read(call, answer, out);
    case API_DELETE:
        return answer_deleted(call, out);
    case API_INCREMENT:
    case API_INCREMENT_MANY:
    case API_LIST:
    case API_FLUSH:
    case API_SET:
        break;
    }
    return answer_counted(call, true, answer->total, out);
}

static enum api_step answer_status(struct api_call *call, enum engine_status status,
                                   const struct engine_answer *answer, struct sr_buffer *out)
{
    switch (status) {
    case ENGINE_DONE:
        return answer_done(call, answer, out);
    case ENGINE_DONE_UNKNOWN:
        SR_CHECK(call->action == API_INCREMENT);
        return answer_counted(call, false, 0, out);
    case ENGINE_WAIT:
        call->wait = answer->wait;
        return API_WAITS;
    case ENGINE_ABSENT:
        call->counts = true;
        return api_answer_error(call, 404, "this key was never counted, or was deleted", out);
    case ENGINE_OVERFLOW:
        call->counts = true;
        return api_answer_error(
            call, 409, "the total would leave the signed 64-bit range; nothing was counted",
            out);
    case ENGINE_REJECTED:
        break;
    }
    return api_answer_error(call, 503, engine_rejection_message(answer->rejection), out);
}

static enum engine_status ask_engine(struct engine_worker *w, const struct api_call *call,
                                     struct engine_answer *ret_answer)
{
    switch (call->action) {
    case API_READ:
        return engine_read(w, call->key, ret_answer);
    case API_SET:
        return engine_set(w, call->key, call->value, ret_answer);
    case API_DELETE:
        return engine_delete(w, call->key, ret_answer);
    case API_INCREMENT:
    case API_INCREMENT_MANY:
    case API_LIST:
    case API_FLUSH:
        break;
    }
    return engine_increment(w, call->key, call->value, ret_answer);
}

static enum api_step execute_with_token(struct api *api, struct api_call *call,
                                        struct sr_buffer *out)
{
    struct engine_token *token = &call->token->engine;
    struct engine_answer answer = {.total = 0};
    struct dedup_answer first = {.status = 0};
    enum engine_status status;
    enum api_step step = API_FAILED;

    switch (api_token_begin(api, call, 1, record_size(call->key.size), &first, out, &step)) {
    case API_TOKEN_STOP:
        return step;
    case API_TOKEN_REPLAY:
        return answer_counted(call, first.totals_known,
                              first.totals_known ? (int64_t)sr_get_u64(first.totals.data) : 0,
                              out);
    case API_TOKEN_COUNT:
        break;
    }
    status = engine_increment(api->engine_worker, call->key, call->value, &answer);
    status = engine_token_end(api->engine_worker, token, status, answer.total);
    return answer_status(call, status, &answer, out);
}

enum api_step api_execute(struct api *api, struct api_call *call, struct sr_buffer *out)
{
    struct engine_answer answer;

    api_open_turn(api);
    if (call->token != NULL) {
        return execute_with_token(api, call, out);
    }
    return answer_status(call, ask_engine(api->engine_worker, call, &answer), &answer, out);
}

enum api_step api_increment(struct api *api, const struct http_request *request,
                            struct api_call *call, struct sr_buffer *out)
{
    enum http_media media = http_media_type(request->fields[HTTP_FIELD_CONTENT_TYPE]);
    struct http_increment increment;
    struct http_body_error error;
    enum sr_result result;
    enum api_step step;

    if (request->fields[HTTP_FIELD_IDEMPOTENCY_KEY].data != NULL &&
        !api_token_take(api, request, call, out, &step)) {
        return step;
    }
    if (media == HTTP_MEDIA_NDJSON) {
        return api_increment_many(api, HTTP_BATCH_NDJSON, request->body, call, out);
    }
    if (media == HTTP_MEDIA_JSON && http_batch_is_array(request->body)) {
        return api_increment_many(api, HTTP_BATCH_JSON, request->body, call, out);
    }
    if (media == HTTP_MEDIA_FORM) {
        result = http_body_form(&api->scratch, request->body, &increment, &error);
    } else {
        result = http_body_json(&api->scratch, request->body, &increment, &error);
    }
    if (result != SR_OK) {
        return api_answer_error(call, error.status, error.message, out);
    }
    call->action = API_INCREMENT;
    call->key = increment.key;
    call->value = increment.value;
    return api_execute(api, call, out);
}

enum api_step api_again(struct api *api, struct api_call *call, struct sr_buffer *out)
{
    api_open_turn(api);
    if (call->action == API_INCREMENT_MANY) {
        return api_execute_batch(api, call, out); /* which keeps its pins */
    }
    if (call->action == API_LIST) {
        return api_list_again(api, call, out);
    }
    if (call->action == API_FLUSH) {
        return api_flush_again(api, call, out);
    }
    engine_wait_end(api->engine_worker, &call->wait);
    call->wait = (struct engine_wait){0};
    return api_execute(api, call, out);
}
