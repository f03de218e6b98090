/*
 * GET /top: the hottest keys by rate.
 */
#include "server/api_internal.h"

#include "http/query.h"
#include "server/hot.h"
#include "server/server.h"

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

static enum sr_result write_row(const struct hot_row *row, bool first, struct sr_buffer *out)
{
    enum sr_result result =
        sr_buffer_append(out, first ? "{\"key\":" : ",{\"key\":", first ? 7 : 8);

    if (result == SR_OK) {
        result = http_json_string(out, row->key);
    }
    return result == SR_OK
               ? sr_buffer_printf(out, ",\"rate\":%.1f,\"error\":%.1f}", row->rate, row->error)
               : result;
}

static enum sr_result write_top(const struct hot_top *top, struct sr_buffer *out)
{
    enum sr_result result = sr_buffer_printf(out, "{\"data\":[");

    for (uint32_t i = 0; i < top->count && result == SR_OK; i++) {
        result = write_row(&top->rows[i], i == 0, out);
    }
    return result == SR_OK
               ? sr_buffer_printf(out, "],\"rate\":%.1f,\"seconds\":%u,\"sampled\":%u}",
                                  top->rate, HOT_SECONDS, top->sampled)
               : result;
}

enum sr_result api_write_top(struct hot_board *board, uint32_t limit, struct sr_buffer *out)
{
    struct hot_top top = {.sampled = 1};
    enum sr_result result;

    if (board == NULL) {
        return write_top(&top, out);
    }
    hot_board_top(board, limit, &top);
    result = write_top(&top, out);
    hot_board_release(board);
    return result;
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
    if (api_write_top(api->options->hot, limit, &api->page) != SR_OK) {
        return api_answer_error(call, 500, "the list could not be made", out);
    }
    call->status = 200;
    reply = api_reply(call);
    reply.extra_headers = "Cache-Control: no-store\r\n";
    return api_step_of(http_reply_bytes(out, &reply, sr_buffer_span(&api->page)));
}
