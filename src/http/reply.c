/*
 * Writes replies. All bytes of a reply are counted first, then reserved once, then written.
 */
#include "http/reply.h"

#include "base/check.h"
#include "http/reply_parts.h"
#include "http/text.h"

#define REPLY_STATUSES(X)                                                                      \
    X(200, "OK")                                                                               \
    X(202, "Accepted")                                                                         \
    X(204, "No Content")                                                                       \
    X(304, "Not Modified")                                                                     \
    X(400, "Bad Request")                                                                      \
    X(401, "Unauthorized")                                                                     \
    X(403, "Forbidden")                                                                        \
    X(404, "Not Found")                                                                        \
    X(405, "Method Not Allowed")                                                               \
    X(406, "Not Acceptable")                                                                   \
    X(408, "Request Timeout")                                                                  \
    X(409, "Conflict")                                                                         \
    X(413, "Content Too Large")                                                                \
    X(414, "URI Too Long")                                                                     \
    X(415, "Unsupported Media Type")                                                           \
    X(417, "Expectation Failed")                                                               \
    X(422, "Unprocessable Content")                                                            \
    X(429, "Too Many Requests")                                                                \
    X(431, "Request Header Fields Too Large")                                                  \
    X(500, "Internal Server Error")                                                            \
    X(501, "Not Implemented")                                                                  \
    X(503, "Service Unavailable")                                                              \
    X(505, "HTTP Version Not Supported")

struct status_text {
    uint16_t status;
    uint8_t line_size;
    const char *line; /* the whole status line with its end */
    const char *reason;
};

#define STATUS_TEXT(status, reason)                                                            \
    {status, sizeof("HTTP/1.1 " #status " " reason "\r\n") - 1,                                \
     "HTTP/1.1 " #status " " reason "\r\n", reason},

static const struct status_text status_texts[] = {REPLY_STATUSES(STATUS_TEXT)};

#define STATUS_COUNT (sizeof(status_texts) / sizeof(status_texts[0]))
#define STATUS_LINE_MAX 64

static const struct status_text *find_status(uint16_t status)
{
    for (size_t i = 0; i < STATUS_COUNT; i++) {
        if (status_texts[i].status == status) {
            return &status_texts[i];
        }
    }
    return NULL;
}

const char *http_reason(uint16_t status)
{
    const struct status_text *text = find_status(status);

    return text != NULL ? text->reason : "Unknown";
}

static const char content_type_name[] = "Content-Type: ";
static const char json_type_line[] = "Content-Type: application/json\r\n";
static const char length_name[] = "Content-Length: ";
static const char close_line[] = "Connection: close\r\n";
static const char keep_alive_line[] = "Connection: keep-alive\r\n";

/* Of everything but content_type, extra_headers and more_headers. */
#define HEAD_SIZE_MAX                                                                          \
    (STATUS_LINE_MAX + sizeof(json_type_line) + sizeof(length_name) + HTTP_INTEGER_TEXT_MAX +  \
     sizeof(keep_alive_line) + sizeof("\r\n\r\n"))

size_t http_head_size_max(const struct http_reply *reply)
{
    size_t size = HEAD_SIZE_MAX;

    if (reply->content_type != NULL) {
        size += strlen(reply->content_type);
    }
    if (reply->extra_headers != NULL) {
        size += strlen(reply->extra_headers);
    }
    if (reply->more_headers != NULL) {
        size += strlen(reply->more_headers);
    }
    return size;
}

static uint8_t *put_status_line(uint8_t *at, uint16_t status)
{
    const struct status_text *text = find_status(status);

    SR_CHECK(text != NULL && text->line_size <= STATUS_LINE_MAX);
    return http_put(at, text->line, text->line_size);
}

static uint8_t *put_type(uint8_t *at, const struct http_reply *reply, size_t body_size)
{
    if (reply->content_type != NULL) {
        at = http_put_literal(at, content_type_name);
        at = http_put(at, reply->content_type, strlen(reply->content_type));
        return http_put_literal(at, "\r\n");
    }
    return body_size > 0 ? http_put_literal(at, json_type_line) : at;
}

static uint8_t *put_connection(uint8_t *at, const struct http_reply *reply)
{
    if (!reply->keep_alive) {
        return http_put_literal(at, close_line);
    }
    return reply->http_1_0 ? http_put_literal(at, keep_alive_line) : at;
}

uint8_t *http_put_head(uint8_t *at, const struct http_reply *reply, size_t body_size)
{
    if (reply->ret_body_size != NULL) {
        *reply->ret_body_size = reply->head ? 0 : body_size;
    }
    at = put_status_line(at, reply->status);
    at = put_type(at, reply, body_size);
    if (reply->status != 204 && !reply->no_length) { /* RFC 9110 section 8.6 */
        at = http_put_literal(at, length_name);
        at = http_put_u64(at, body_size);
        at = http_put_literal(at, "\r\n");
    }
    at = put_connection(at, reply);
    if (reply->extra_headers != NULL) {
        at = http_put(at, reply->extra_headers, strlen(reply->extra_headers));
    }
    if (reply->more_headers != NULL) {
        at = http_put(at, reply->more_headers, strlen(reply->more_headers));
    }
    return http_put_literal(at, "\r\n");
}

/* Bytes were written up to `end` into what was reserved. */
static void commit(struct sr_buffer *out, const uint8_t *end)
{
    size_t size = (size_t)(end - out->data);

    SR_CHECK(size <= out->capacity);
    out->size = size;
}

/* A body of prepared text, a JSON string's inside, and prepared text. */
struct quoting {
    struct sr_span before, text, after;
};

static enum sr_result reply_quoting(struct sr_buffer *out, const struct http_reply *reply,
                                    const struct quoting *body)
{
    size_t size = body->before.size + http_escaped_size(body->text) + body->after.size;
    enum sr_result result = sr_buffer_reserve(out, http_head_size_max(reply) + size);
    uint8_t *at;

    if (result != SR_OK) {
        return result;
    }
    at = http_put_head(out->data + out->size, reply, size);
    if (!reply->head) {
        at = http_put(at, body->before.data, body->before.size);
        at = http_put_escaped(at, body->text);
        at = http_put(at, body->after.data, body->after.size);
    }
    commit(out, at);
    return SR_OK;
}

#define LITERAL_SPAN(literal)                                                                  \
    {                                                                                          \
        .data = (const uint8_t *)(literal), .size = sizeof(literal) - 1                        \
    }

static const struct sr_span data_before = LITERAL_SPAN("{\"data\":{\"key\":\"");

static const char value_name[] = "\",\"value\":";
static const char synced_name[] = ",\"synced\":";
static const char data_end[] = "}}";

/* What follows the key, at its largest. */
#define DATA_AFTER_MAX                                                                         \
    (sizeof(value_name) + sizeof(synced_name) + 2 * (HTTP_INTEGER_TEXT_MAX + 2) +              \
     sizeof(data_end))

size_t http_reply_total_size_max(size_t key_size)
{
    return HEAD_SIZE_MAX + data_before.size + key_size * HTTP_ESCAPE_SIZE_MAX + DATA_AFTER_MAX;
}

static enum sr_result reply_data(struct sr_buffer *out, const struct http_reply *reply,
                                 struct sr_span key, struct sr_span after)
{
    struct quoting body = {.before = data_before, .text = key, .after = after};

    return reply_quoting(out, reply, &body);
}

static struct sr_span span_between(const uint8_t *from, const uint8_t *end)
{
    return (struct sr_span){.data = from, .size = (size_t)(end - from)};
}

enum sr_result http_reply_total(struct sr_buffer *out, const struct http_reply *reply,
                                struct sr_span key, int64_t total)
{
    uint8_t after[DATA_AFTER_MAX];
    uint8_t *at = http_put_literal(after, value_name);

    at = http_put_integer(at, total, reply->text_integers);
    at = http_put_literal(at, data_end);
    return reply_data(out, reply, key, span_between(after, at));
}

enum sr_result http_reply_unknown_total(struct sr_buffer *out, const struct http_reply *reply,
                                        struct sr_span key)
{
    static const struct sr_span after = LITERAL_SPAN("\",\"value\":null}}");

    return reply_data(out, reply, key, after);
}

enum sr_result http_reply_counter(struct sr_buffer *out, const struct http_reply *reply,
                                  struct sr_span key, int64_t total, bool synced_known,
                                  int64_t synced)
{
    uint8_t after[DATA_AFTER_MAX];
    uint8_t *at = http_put_literal(after, value_name);

    at = http_put_integer(at, total, reply->text_integers);
    at = http_put_literal(at, synced_name);
    at = synced_known ? http_put_integer(at, synced, reply->text_integers)
                      : http_put_literal(at, "null");
    at = http_put_literal(at, data_end);
    return reply_data(out, reply, key, span_between(after, at));
}

static bool has_message_shape(uint16_t status)
{
    return status == 409 || status == 422 || status == 429 || status == 503;
}

enum sr_result http_reply_error(struct sr_buffer *out, const struct http_reply *reply,
                                const char *message)
{
    static const struct sr_span message_before = LITERAL_SPAN("{\"error\":{\"message\":\"");
    static const struct sr_span detail_before = LITERAL_SPAN("{\"errors\":{\"detail\":\"");
    static const struct sr_span after = LITERAL_SPAN("\"}}");
    struct quoting body = {.before = detail_before,
                           .text = sr_span_text(message),
                           .after = after};

    if (has_message_shape(reply->status)) {
        body.before = message_before;
    }
    return reply_quoting(out, reply, &body);
}

enum sr_result http_reply_bytes(struct sr_buffer *out, const struct http_reply *reply,
                                struct sr_span body)
{
    enum sr_result result;
    uint8_t *at;

    SR_CHECK(reply->status != 204 || body.size == 0);
    result = sr_buffer_reserve(out, http_head_size_max(reply) + body.size);
    if (result != SR_OK) {
        return result;
    }
    at = http_put_head(out->data + out->size, reply, body.size);
    if (!reply->head && body.size > 0) {
        at = http_put(at, body.data, body.size);
    }
    commit(out, at);
    return SR_OK;
}

enum sr_result http_reply_continue(struct sr_buffer *out)
{
    static const char line[] = "HTTP/1.1 100 Continue\r\n\r\n";

    return sr_buffer_append(out, line, sizeof(line) - 1);
}

size_t http_format_i64(int64_t value, char *ret_text)
{
    uint8_t *text = (uint8_t *)ret_text;

    return (size_t)(http_put_i64(text, value) - text);
}

enum sr_result http_json_string(struct sr_buffer *out, struct sr_span bytes)
{
    enum sr_result result = sr_buffer_reserve(out, http_escaped_size(bytes) + 2);
    uint8_t *at;

    if (result != SR_OK) {
        return result;
    }
    at = http_put_literal(out->data + out->size, "\"");
    at = http_put_escaped(at, bytes);
    commit(out, http_put_literal(at, "\""));
    return SR_OK;
}
