/*
 * GET /counters: a page of counters in key order.
 */
#include "server/api_internal.h"

#include "base/check.h"
#include "http/list.h"
#include "http/query.h"

#define LIMIT_DEFAULT 100

/* The query as it is read; texts are decoded. */
struct list_query {
    uint8_t prefix[SR_KEY_SIZE_MAX], after[SR_KEY_SIZE_MAX];
    struct lister_request request;
    bool has_prefix, has_after, has_limit;
};

static enum sr_result fail_twice(struct http_body_error *ret_error)
{
    *ret_error = (struct http_body_error){
        .status = 422, .message = "the parameters prefix, after and limit may come once each"};
    return SR_INVALID;
}

static enum sr_result read_text(struct sr_span value, const char *name, uint8_t *space,
                                struct sr_span *ret_text, struct http_body_error *ret_error)
{
    size_t size = 0;
    enum sr_result result = http_query_text(value, name, space, &size, ret_error);

    if (result == SR_OK) {
        *ret_text = (struct sr_span){.data = space, .size = size};
    }
    return result;
}

/* Takes what it knows; other parameters are passed over. */
static enum sr_result take_parameter(struct list_query *query, struct sr_span name,
                                     struct sr_span value, struct http_body_error *ret_error)
{
    bool *seen = NULL;

    if (sr_span_equal(name, sr_span_text("prefix"))) {
        seen = &query->has_prefix;
    } else if (sr_span_equal(name, sr_span_text("after"))) {
        seen = &query->has_after;
    } else if (sr_span_equal(name, sr_span_text("limit"))) {
        seen = &query->has_limit;
    }
    if (seen == NULL) {
        return SR_OK;
    }
    if (*seen) {
        return fail_twice(ret_error);
    }
    *seen = true;
    if (seen == &query->has_limit) {
        return api_read_limit(value, LISTER_PAGE_MAX, &query->request.limit, ret_error);
    }
    return seen == &query->has_prefix
               ? read_text(value, "prefix", query->prefix, &query->request.prefix, ret_error)
               : read_text(value, "after", query->after, &query->request.after, ret_error);
}

static void item_of(const void *context, uint32_t i, struct http_list_item *ret_item)
{
    const struct lister_page *page = context;
    const struct lister_item *item = &page->items[i];

    *ret_item = (struct http_list_item){.key = {.data = page->keys + item->key_at,
                                                .size = item->key_size},
                                        .value = item->total,
                                        .known = item->total_known};
}

static enum api_step answer_page(struct api *api, struct api_call *call, struct sr_buffer *out)
{
    struct lister_page page;
    struct http_list list = {.item = item_of, .context = &page, .is_page = true};
    struct http_reply reply;

    SR_CHECK(lister_page(call->job, &page));
    list.count = page.count;
    list.next = page.next;
    call->status = 200;
    reply = api_reply(call);
    if (api_reserve_answer(api, call, http_list_size_max(&reply, &list), out) != SR_OK) {
        return api_answer_too_much(call, out);
    }
    call->counts = true;
    return api_step_of(http_reply_list(out, &reply, &list));
}

static enum api_step execute(struct api *api, const struct lister_request *request,
                             struct api_call *call, struct sr_buffer *out)
{
    struct engine_answer answer;
    enum engine_status status;
    enum api_step step;

    api_open_turn(api);
    status = engine_list(api->engine_worker, request, &call->job, &answer);
    if (status == ENGINE_WAIT) {
        call->wait = answer.wait;
        return API_WAITS;
    }
    step = status == ENGINE_DONE
               ? answer_page(api, call, out)
               : api_answer_error(call, 503, engine_rejection_message(answer.rejection), out);
    call->wait = (struct engine_wait){0};
    engine_list_drop(api->engine_worker, &call->job);
    return step;
}

enum api_step api_list_again(struct api *api, struct api_call *call, struct sr_buffer *out)
{
    return execute(api, NULL, call, out);
}

enum api_step api_list(struct api *api, const struct http_request *request,
                       struct api_call *call, struct sr_buffer *out)
{
    struct list_query query = {.request = {.limit = LIMIT_DEFAULT}};
    struct sr_span rest = request->query;
    struct http_body_error error;
    struct sr_span name, value;

    call->action = API_LIST;
    call->key = sr_span_text("");
    while (http_query_next(&rest, &name, &value)) {
        if (take_parameter(&query, name, value, &error) != SR_OK) {
            return api_answer_error(call, error.status, error.message, out);
        }
    }
    return execute(api, &query.request, call, out);
}
