/*
 * POST /flush: everything that was acknowledged into the database, now.
 */
#include "server/api_internal.h"

#include <inttypes.h>
#include <stdio.h>

static enum api_step answer_flushed(struct api *api, struct api_call *call,
                                    const struct flusher_flushed *flushed,
                                    struct sr_buffer *out)
{
    uint64_t asked_ms = call->wait.flush.asked_ms;
    struct http_reply reply;
    char body[160];

    (void)snprintf(body, sizeof(body),
                   "{\"data\":{\"epoch\":%" PRIu64 ",\"keys\":%" PRIu64 ",\"refused\":%" PRIu64
                   ",\"elapsed_ms\":%" PRIu64 "}}",
                   flushed->epoch, flushed->rows, flushed->rows_refused,
                   api->now_ms > asked_ms ? api->now_ms - asked_ms : 0);
    call->status = 200;
    reply = api_reply(call);
    reply.extra_headers = "Cache-Control: no-store\r\n";
    return api_step_of(http_reply_bytes(out, &reply, sr_span_text(body)));
}

enum api_step api_flush_again(struct api *api, struct api_call *call, struct sr_buffer *out)
{
    struct engine_flush flush = call->wait.flush;
    struct flusher_flushed flushed;
    struct engine_answer answer;

    api_open_turn(api);
    switch (engine_flush(api->engine_worker, &flush, &flushed, &answer)) {
    case ENGINE_WAIT:
        call->wait = answer.wait;
        return API_WAITS;
    case ENGINE_DONE:
        call->wait.flush = flush;
        return answer_flushed(api, call, &flushed, out);
    default:
        break;
    }
    return api_answer_error(call, 503,
                            "the database has not taken everything yet; what was counted is in "
                            "the journal. Please retry.",
                            out);
}

enum api_step api_flush(struct api *api, const struct http_request *request,
                        struct api_call *call, struct sr_buffer *out)
{
    (void)request;
    call->action = API_FLUSH;
    call->key = sr_span_text("");
    return api_flush_again(api, call, out);
}
