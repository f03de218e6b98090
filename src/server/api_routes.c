/*
 * The table of routes, and the answers that need no more than a call of theirs.
 */
#include "server/api_routes.h"

#include "http/cached.h"
#include "http/reply.h"
#include "server/api_internal.h"
#include "server/gzip.h"
#include "server/server.h"
#include "web/web.h"

static enum api_step answer_health(struct api *api, const struct http_request *request,
                                   struct api_call *call, struct sr_buffer *out)
{
    static const char body[] = "{\"data\":{\"status\":\"ok\"}}";
    char reason[256] = "";
    struct http_reply reply;

    (void)request;
    if (call->route != HTTP_ROUTE_LIVEZ &&
        !engine_ready(api->options->engine, reason, sizeof(reason))) {
        return api_answer_error(call, 503, reason, out);
    }
    call->status = 200;
    reply = api_reply(call);
    return api_step_of(http_reply_bytes(out, &reply, sr_span_text(body)));
}

#define VARY_LINE "Vary: Accept, Accept-Encoding\r\n"

static enum api_step answer_metrics(struct api *api, const struct http_request *request,
                                    struct api_call *call, struct sr_buffer *out)
{
    const struct server_options *options = api->options;
    bool gzip = http_accepts_gzip(request->fields[HTTP_FIELD_ACCEPT_ENCODING]);
    const char *content_type = NULL;
    struct http_reply reply;

    api->page.size = 0;
    api->packed.size = 0;
    if (options->render_metrics == NULL ||
        options->render_metrics(options->render_context, request->fields[HTTP_FIELD_ACCEPT],
                                &api->page, &content_type) != SR_OK ||
        (gzip && gzip_append(&api->packed, sr_buffer_span(&api->page)) != SR_OK)) {
        return api_answer_error(call, 500, "the page could not be made", out);
    }
    call->status = 200;
    reply = api_reply(call);
    reply.content_type = content_type;
    reply.extra_headers = gzip ? "Content-Encoding: gzip\r\n" VARY_LINE : VARY_LINE;
    return api_step_of(
        http_reply_bytes(out, &reply, sr_buffer_span(gzip ? &api->packed : &api->page)));
}

static enum api_step answer_openapi(struct api *api, const struct http_request *request,
                                    struct api_call *call, struct sr_buffer *out)
{
    struct http_reply reply;

    (void)api;
    (void)request;
    call->status = 200;
    reply = api_reply(call);
    reply.content_type = "application/yaml"; /* RFC 9512 */
    return api_step_of(http_reply_bytes(out, &reply, web_openapi()));
}

#define METHOD_BIT(method) (1U << HTTP_METHOD_##method)
#define READ_METHODS (METHOD_BIT(GET) | METHOD_BIT(HEAD))
#define ALLOW_READ "Allow: GET, HEAD, OPTIONS\r\n"
#define ALLOW_POST "Allow: POST, OPTIONS\r\n"
#define ALLOW_COUNTER "Allow: GET, HEAD, PUT, DELETE, OPTIONS\r\n"

static const struct api_route routes[] = {
    {.path = "/increment",
     .takes_lines = true,
     .route = HTTP_ROUTE_INCREMENT,
     .methods = METHOD_BIT(POST),
     .allow = ALLOW_POST,
     .media = {"application", "json"},
     .answer = api_increment},
    {.path = "/counters/",
     .has_key = true,
     .route = HTTP_ROUTE_COUNTER,
     .methods = READ_METHODS | METHOD_BIT(PUT) | METHOD_BIT(DELETE),
     .allow = ALLOW_COUNTER,
     .media = {"application", "json"},
     .answer = api_counter},
    {.path = "/counters",
     .route = HTTP_ROUTE_COUNTERS,
     .methods = READ_METHODS,
     .allow = ALLOW_READ,
     .media = {"application", "json"},
     .answer = api_list},
    {.path = "/top",
     .route = HTTP_ROUTE_TOP,
     .methods = READ_METHODS,
     .allow = ALLOW_READ,
     .media = {"application", "json"},
     .answer = api_top},
    {.path = "/flush",
     .takes_no_body = true,
     .administers = true,
     .route = HTTP_ROUTE_FLUSH,
     .methods = METHOD_BIT(POST),
     .allow = ALLOW_POST,
     .media = {"application", "json"},
     .answer = api_flush},
    {.path = "/livez",
     .open = true,
     .unlimited = true,
     .route = HTTP_ROUTE_LIVEZ,
     .methods = READ_METHODS,
     .allow = ALLOW_READ,
     .answer = answer_health},
    {.path = "/readyz",
     .open = true,
     .unlimited = true,
     .route = HTTP_ROUTE_READYZ,
     .methods = READ_METHODS,
     .allow = ALLOW_READ,
     .answer = answer_health},
    {.path = "/healthz",
     .open = true,
     .unlimited = true,
     .route = HTTP_ROUTE_HEALTHZ,
     .methods = READ_METHODS,
     .allow = ALLOW_READ,
     .answer = answer_health},
    {.path = "/metrics",
     .unlimited = true,
     .route = HTTP_ROUTE_METRICS,
     .methods = READ_METHODS,
     .allow = ALLOW_READ,
     .media = {"text", "plain"},
     .media_other = {"application", "openmetrics-text"},
     .answer = answer_metrics},
    {.path = "/dashboard",
     .open = true,
     .unlimited = true,
     .route = HTTP_ROUTE_DASHBOARD,
     .methods = READ_METHODS,
     .allow = ALLOW_READ,
     .answer = api_dashboard},
    {.path = "/dashboard/events",
     .unlimited = true,
     .route = HTTP_ROUTE_EVENTS,
     .methods = READ_METHODS,
     .allow = ALLOW_READ,
     .media = {"text", "event-stream"},
     .answer = api_events},
    {.path = "/dashboard/state",
     .unlimited = true,
     .route = HTTP_ROUTE_STATE,
     .methods = READ_METHODS,
     .allow = ALLOW_READ,
     .media = {"application", "json"},
     .answer = api_state},
    {.path = "/dashboard/configuration",
     .administers = true,
     .unlimited = true,
     .route = HTTP_ROUTE_STATE,
     .methods = READ_METHODS,
     .allow = ALLOW_READ,
     .media = {"application", "json"},
     .answer = api_configuration},
    {.path = "/dashboard/",
     .has_key = true,
     .open = true,
     .unlimited = true,
     .route = HTTP_ROUTE_DASHBOARD,
     .methods = READ_METHODS,
     .allow = ALLOW_READ,
     .answer = api_dashboard},
    {.path = "/openapi.yaml",
     .open = true,
     .route = HTTP_ROUTE_OPENAPI,
     .methods = READ_METHODS,
     .allow = ALLOW_READ,
     .answer = answer_openapi},
};

static bool matches(const struct api_route *route, struct sr_span path)
{
    size_t size = strlen(route->path);

    if (path.size < size || memcmp(path.data, route->path, size) != 0) {
        return false;
    }
    if (!route->has_key) {
        return path.size == size;
    }
    return path.size > size && memchr(path.data + size, '/', path.size - size) == NULL;
}

const struct api_route *api_find_route(struct sr_span path)
{
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
        if (matches(&routes[i], path)) {
            return &routes[i];
        }
    }
    return NULL;
}
