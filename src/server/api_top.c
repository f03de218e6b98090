/*
 * GET /top: the hottest keys by rate.
 */
#include "server/api_internal.h"

#include "http/query.h"
#include "server/server.h"
#include "server/top.h"

#include <stdio.h>

#define LIMIT_DEFAULT 20

enum sr_result api_read_limit(struct sr_span value, uint32_t most, uint32_t *ret_limit,
                              struct http_body_error *ret_error)
{
    uint32_t limit = 0;
    bool ok = value.size > 0 && value.size <= 4;

    for (size_t i = 0; ok && i < value.size; i++) {
        ok = value.data[i] >= '0' && value.data[i] <= '9';
        limit = limit * 10 + (uint32_t)(value.data[i] - '0');
    }
    if (!ok || limit < 1 || limit > most) {
        ret_error->status = 422;
        (void)snprintf(ret_error->message, sizeof(ret_error->message),
                       "the parameter limit must be an integer from 1 to %u", most);
        return SR_INVALID;
    }
    *ret_limit = limit;
    return SR_OK;
}

static enum sr_result take_parameters(struct sr_span query, uint32_t *ret_limit,
                                      struct http_body_error *ret_error)
{
    struct sr_span name, value;
    bool seen = false;

    *ret_limit = LIMIT_DEFAULT;
    while (http_query_next(&query, &name, &value)) {
        if (!sr_span_equal(name, sr_span_text("limit"))) {
            continue;
        }
        if (seen) {
            *ret_error =
                (struct http_body_error){.status = 422,
                                         .message = "the parameter limit may come once"};
            return SR_INVALID;
        }
        seen = true;
        if (api_read_limit(value, HOT_TOP_MAX, ret_limit, ret_error) != SR_OK) {
            return SR_INVALID;
        }
    }
    return SR_OK;
}

enum api_step api_top(struct api *api, const struct http_request *request,
                      struct api_call *call, struct sr_buffer *out)
{
    struct http_body_error error;
    struct http_reply reply;
    uint32_t limit;

    if (take_parameters(request->query, &limit, &error) != SR_OK) {
        return api_answer_error(call, error.status, error.message, out);
    }
    api->page.size = 0;
    if (top_write(api->options->hot, limit, &api->page) != SR_OK) {
        return api_answer_error(call, 500, "the list could not be made", out);
    }
    call->status = 200;
    reply = api_reply(call);
    reply.extra_headers = "Cache-Control: no-store\r\n";
    return api_step_of(http_reply_bytes(out, &reply, sr_buffer_span(&api->page)));
}
