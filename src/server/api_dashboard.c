/*
 * The dashboard: its files, the stream of figures, and what there is to know beside them.
 */
#include "server/api_internal.h"

#include "http/cached.h"
#include "http/query.h"
#include "server/feed.h"
#include "server/server.h"
#include "web/web.h"

#include <stdio.h>

/* Nothing but the server's own files is loaded or asked, and no script stands in a page. */
#define POLICY                                                                                 \
    "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "       \
    "img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "                \
    "frame-ancestors 'none'\r\n"                                                               \
    "X-Content-Type-Options: nosniff\r\n"                                                      \
    "Referrer-Policy: no-referrer\r\n"

/* The page itself, or the file that the last segment of the path names. */
static const struct web_file *file_at(struct sr_span path)
{
    static const char folder[] = "/dashboard";
    size_t size = sizeof(folder) - 1;

    path.data += size;
    path.size -= size;
    if (path.size > 0) { /* the slash in front of a file's name; the page has none */
        path.data++;
        path.size--;
    }
    return web_file(path);
}

enum api_step api_dashboard(struct api *api, const struct http_request *request,
                            struct api_call *call, struct sr_buffer *out)
{
    const struct web_file *file = file_at(request->path);
    bool gzip = http_accepts_gzip(request->fields[HTTP_FIELD_ACCEPT_ENCODING]);
    struct http_reply reply;
    struct sr_span body;
    char headers[768];
    char etag[80];

    (void)api;
    if (file == NULL) {
        return api_answer_error(call, 404, "there is nothing at this path", out);
    }
    body = gzip ? file->gzip : file->plain;
    (void)snprintf(etag, sizeof(etag), "\"%s%s\"", file->hash, gzip ? "-gzip" : "");
    (void)snprintf(headers, sizeof(headers),
                   POLICY "Cache-Control: no-cache\r\nVary: Accept-Encoding\r\nETag: %s\r\n%s",
                   etag, gzip ? "Content-Encoding: gzip\r\n" : "");
    call->status = 200;
    if (http_matches_etag(request->fields[HTTP_FIELD_IF_NONE_MATCH], etag)) {
        call->status = 304;
        body = (struct sr_span){0};
    }
    reply = api_reply(call);
    reply.no_length = call->status == 304;
    reply.content_type = file->type;
    reply.extra_headers = headers;
    return api_step_of(http_reply_bytes(out, &reply, body));
}

static bool read_digits(struct sr_span text, unsigned base, uint64_t *ret_value)
{
    uint64_t value = 0;

    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];
        unsigned digit = byte >= '0' && byte <= '9'   ? (unsigned)(byte - '0')
                         : byte >= 'a' && byte <= 'f' ? (unsigned)(byte - 'a') + 10
                                                      : base;

        if (digit >= base || __builtin_mul_overflow(value, base, &value) ||
            __builtin_add_overflow(value, digit, &value)) {
            return false;
        }
    }
    *ret_value = value;
    return text.size > 0;
}

/* Where a stream begins: what the client does not say, or says wrongly, it has not seen. */
static uint64_t begin_of(struct feed *feed, struct sr_span query)
{
    uint64_t boot = 0, after = 0;
    struct sr_span name, value;

    while (http_query_next(&query, &name, &value)) {
        if (sr_span_equal(name, sr_span_text("boot"))) {
            (void)!read_digits(value, 16, &boot); /* 0 where it is none */
        } else if (sr_span_equal(name, sr_span_text("after"))) {
            (void)!read_digits(value, 10, &after);
        }
    }
    return feed_begin(feed, boot, after);
}

enum api_step api_events(struct api *api, const struct http_request *request,
                         struct api_call *call, struct sr_buffer *out)
{
    struct feed *feed = api->options->feed;
    bool streams = call->method != HTTP_METHOD_HEAD;
    struct http_reply reply;
    enum sr_result result;

    if (feed == NULL || (streams && !feed_join(feed))) {
        return api_answer_error(call, 503, "Too many dashboards are open. Please retry.", out);
    }
    call->status = 200;
    if (streams) {
        call->keep_alive = false; /* the end of the connection is that of the body */
    }
    reply = api_reply(call);
    reply.no_length = true;
    reply.content_type = "text/event-stream";
    reply.extra_headers = "Cache-Control: no-store\r\nX-Accel-Buffering: no\r\n";
    result = http_reply_bytes(out, &reply, (struct sr_span){0});
    if (result == SR_OK && streams) {
        result = feed_hello(feed, out);
    }
    if (streams && result != SR_OK) {
        feed_leave(feed);
    }
    call->stream_next = streams && result == SR_OK ? begin_of(feed, request->query) : 0;
    return api_step_of(result);
}

static enum api_step answer_page(struct api *api, enum server_page page, struct api_call *call,
                                 struct sr_buffer *out)
{
    const struct server_options *options = api->options;
    struct http_reply reply;

    api->page.size = 0;
    if (options->render_page == NULL ||
        options->render_page(options->render_context, page, &api->page) != SR_OK) {
        return api_answer_error(call, 500, "the page could not be made", out);
    }
    call->status = 200;
    reply = api_reply(call);
    reply.extra_headers = "Cache-Control: no-store\r\n";
    return api_step_of(http_reply_bytes(out, &reply, sr_buffer_span(&api->page)));
}

enum api_step api_state(struct api *api, const struct http_request *request,
                        struct api_call *call, struct sr_buffer *out)
{
    (void)request;
    return answer_page(api, SERVER_PAGE_STATE, call, out);
}

enum api_step api_configuration(struct api *api, const struct http_request *request,
                                struct api_call *call, struct sr_buffer *out)
{
    (void)request;
    return answer_page(api, SERVER_PAGE_CONFIGURATION, call, out);
}
