/*
 * Routes, the checks before a body is looked at, and the replies of everything but counting.
 */
#include "server/api.h"

#include "base/check.h"
#include "http/media.h"
#include "http/query.h"
#include "http/reply.h"
#include "server/api_internal.h"
#include "server/api_routes.h"
#include "server/prefer.h"
#include "server/server.h"

#include <stdlib.h>

#define PAGE_SIZE_MAX (4U << 20) /* of /metrics */

enum sr_result api_init(struct api *api, const struct server_options *options,
                        struct engine_worker *engine_worker)
{
    enum sr_result result;

    memset(api, 0, sizeof(*api));
    api->options = options;
    api->engine_worker = engine_worker;
    sr_buffer_init(&api->page, PAGE_SIZE_MAX);
    sr_buffer_init(&api->packed, PAGE_SIZE_MAX);
    result = guard_worker_init(&api->guard, options->guard);
    return result == SR_OK ? http_body_scratch_init(&api->scratch) : result;
}

void api_done(struct api *api)
{
    SR_CHECK(!api->turn_open);
    guard_worker_done(&api->guard);
    free(api->token);
    http_body_scratch_done(&api->scratch);
    api_batch_free(&api->batch);
    sr_buffer_done(&api->page);
    sr_buffer_done(&api->packed);
}

enum api_step api_step_of(enum sr_result result)
{
    return result == SR_OK ? API_ANSWERED : API_FAILED;
}

struct http_reply api_reply(struct api_call *call)
{
    return (struct http_reply){.status = call->status,
                               .head = call->method == HTTP_METHOD_HEAD,
                               .keep_alive = call->keep_alive,
                               .text_integers = call->text_integers,
                               .http_1_0 = call->http_1_0,
                               .ret_body_size = &call->body_size,
                               .extra_headers =
                                   call->replayed ? "Idempotency-Replayed: true\r\n" : NULL,
                               .more_headers = call->facts != NULL ? call->facts->lines : NULL};
}

enum api_step api_answer_error(struct api_call *call, uint16_t status, const char *message,
                               struct sr_buffer *out)
{
    struct http_reply reply;

    call->status = status;
    reply = api_reply(call);
    if (status == 503) {
        reply.extra_headers = "Retry-After: 1\r\n";
    }
    return api_step_of(http_reply_error(out, &reply, message));
}

static bool accepts(const struct http_request *request, const char *const media[2])
{
    return media[0] != NULL &&
           http_accepts(request->fields[HTTP_FIELD_ACCEPT], media[0], media[1]);
}

static bool has_body(enum http_method method)
{
    return method == HTTP_METHOD_POST || method == HTTP_METHOD_PUT;
}

static bool has_known_media(const struct http_request *request, bool takes_lines)
{
    enum http_media media = http_media_type(request->fields[HTTP_FIELD_CONTENT_TYPE]);

    return !request->field_repeated[HTTP_FIELD_CONTENT_TYPE] &&
           (media == HTTP_MEDIA_JSON || media == HTTP_MEDIA_FORM ||
            (media == HTTP_MEDIA_NDJSON && takes_lines));
}

static struct refusal refuse_media(bool takes_lines)
{
    return (struct refusal){415,
                            takes_lines ? "Content-Type must be application/json, "
                                          "application/x-ndjson or "
                                          "application/x-www-form-urlencoded"
                                        : "Content-Type must be application/json or "
                                          "application/x-www-form-urlencoded",
                            NULL};
}

static unsigned scope_for(const struct api_route *route, enum http_method method)
{
    if (route->open || route->administers) {
        return route->open ? 0 : TOKEN_ADMIN;
    }
    switch (method) {
    case HTTP_METHOD_GET:
    case HTTP_METHOD_HEAD:
        return TOKEN_READ;
    case HTTP_METHOD_POST:
        return TOKEN_WRITE;
    default:
        return TOKEN_ADMIN;
    }
}

/* Whether the client may. takes: it is charged for the request, which does not come again. */
static struct refusal check_client(struct api *api, const struct http_request *request,
                                   const struct api_route *route, bool takes)
{
    struct guard_demand demand = {.scope = scope_for(route, request->method),
                                  .limited = !route->unlimited,
                                  .takes = takes};

    if (api->guard.guard == NULL) {
        return (struct refusal){0};
    }
    return guard_admit(&api->guard, &demand, api->now_ms * 1000000U);
}

/* What the request's media types are refused for: 415, 406. */
static struct refusal check_media(const struct http_request *request,
                                  const struct api_route *route)
{
    if (has_body(request->method) && !route->takes_no_body &&
        !has_known_media(request, route->takes_lines)) {
        return refuse_media(route->takes_lines);
    }
    if (route->media[0] != NULL && !accepts(request, route->media) &&
        !accepts(request, route->media_other)) {
        return (struct refusal){406, "Accept does not take what this path answers with", NULL};
    }
    return (struct refusal){0};
}

/* In the order that is promised: 404, 405, what the guard has to say, 415, 406. */
static struct refusal check_head(struct api *api, const struct http_request *request,
                                 const struct api_route *route, bool takes)
{
    struct refusal refusal;

    if (route == NULL) {
        return (struct refusal){404, "there is nothing at this path", NULL};
    }
    if (request->method == HTTP_METHOD_OPTIONS) {
        return (struct refusal){0};
    }
    if ((route->methods & 1U << request->method) == 0) {
        return (struct refusal){405, "this path does not take the method", route->allow};
    }
    refusal = check_client(api, request, route, takes);
    return refusal.status == 0 ? check_media(request, route) : refusal;
}

static enum api_step answer_refusal(const struct refusal *refusal, struct api_call *call,
                                    struct sr_buffer *out)
{
    struct http_reply reply;

    call->status = refusal->status;
    reply = api_reply(call);
    reply.extra_headers = refusal->extra_headers;
    return api_step_of(http_reply_error(out, &reply, refusal->detail));
}

#define ALLOW_ANY "Allow: GET, HEAD, POST, PUT, DELETE, OPTIONS\r\n"

static enum api_step answer_options(const char *allow, struct api_call *call,
                                    struct sr_buffer *out)
{
    struct http_reply reply;

    call->status = 204;
    reply = api_reply(call);
    reply.extra_headers = allow;
    return api_step_of(http_reply_bytes(out, &reply, (struct sr_span){0}));
}

static const struct api_route *start_call(struct api *api, const struct http_request *request,
                                          struct api_call *ret_call)
{
    const struct api_route *route = api_find_route(request->path);

    *ret_call = (struct api_call){.method = request->method,
                                  .route = route != NULL ? route->route : HTTP_ROUTE_UNKNOWN,
                                  .keep_alive = request->keep_alive,
                                  .http_1_0 = request->http_1_0};
    if (api->guard.guard != NULL || request->fields[HTTP_FIELD_X_REQUEST_ID].data != NULL) {
        guard_meet(&api->guard, request, api->peer);
        ret_call->facts = &api->guard.facts;
    }
    return route;
}

/* Whether the request may say how integers are to be answered: usually there is neither a query
 * nor an Accept that long. */
static bool asks_for_integers(const struct http_request *request)
{
    return request->query.size > 0 || request->fields[HTTP_FIELD_ACCEPT].size >=
                                          sizeof("application/json;int64=string") - 1;
}

enum api_step api_begin(struct api *api, const struct http_request *request,
                        struct sr_buffer *out, struct api_call *ret_call)
{
    const struct api_route *route = start_call(api, request, ret_call);
    struct http_body_error error;
    struct refusal refusal;

    if (request->method == HTTP_METHOD_OPTIONS &&
        sr_span_equal(request->path, sr_span_text("*"))) {
        return answer_options(ALLOW_ANY, ret_call, out);
    }
    refusal = check_head(api, request, route, true);
    if (refusal.status != 0) {
        return answer_refusal(&refusal, ret_call, out);
    }
    if (request->method == HTTP_METHOD_OPTIONS) {
        return answer_options(route->allow, ret_call, out);
    }
    if (asks_for_integers(request) &&
        http_query_integers(request->query, request->fields[HTTP_FIELD_ACCEPT],
                            &ret_call->text_integers, &error) != SR_OK) {
        return api_answer_error(ret_call, error.status, error.message, out);
    }
    ret_call->minimal = prefer_minimal(request->fields[HTTP_FIELD_PREFER]);
    return route->answer(api, request, ret_call, out);
}

bool api_charge_refused(struct api *api, struct api_call *call, uint32_t more,
                        struct sr_buffer *out, enum api_step *ret_step)
{
    struct refusal refusal = guard_charge(&api->guard, more, api->now_ms * 1000000U);

    if (refusal.status == 0) {
        return false;
    }
    *ret_step = answer_refusal(&refusal, call, out);
    return true;
}

bool api_head_refused(struct api *api, const struct http_request *head, struct sr_buffer *out,
                      struct api_call *ret_call, enum api_step *ret_step)
{
    const struct api_route *route = start_call(api, head, ret_call);
    struct refusal refusal = check_head(api, head, route, false);

    if (refusal.status == 0) {
        return false;
    }
    ret_call->keep_alive = false;
    *ret_step = answer_refusal(&refusal, ret_call, out);
    return true;
}

enum api_step api_refuse(uint16_t status, const char *detail, struct sr_buffer *out,
                         struct api_call *ret_call)
{
    *ret_call = (struct api_call){.method = HTTP_METHOD_OTHER, .route = HTTP_ROUTE_UNKNOWN};
    return api_answer_error(ret_call, status, detail, out);
}
