/*
 * The rules for request line and fields of RFC 9110 and 9112 that llhttp leaves to its user.
 */
#include "http/head.h"

#include "http/field.h"
#include "http/target.h"

bool http_refuse(struct http_parser *parser, uint16_t status, const char *detail)
{
    parser->refusal = (struct http_refusal){.status = status, .detail = detail};
    return false;
}

static struct sr_span span_of(const struct http_parser *parser, struct http_extent extent)
{
    return (struct sr_span){.data = parser->region + extent.at, .size = extent.size};
}

static struct http_extent extent_of(const struct http_parser *parser, struct sr_span span)
{
    return (struct http_extent){.at = (uint32_t)(span.data - parser->region),
                                .size = (uint32_t)span.size};
}

/* llhttp lets any number of spaces pass, and RTSP for some methods. */
static bool is_spaced_once(const struct http_parser *parser)
{
    static const char between[] = " HTTP/";
    const struct http_progress *now = &parser->now;
    uint32_t target_end = now->target.at + now->target.size;

    return now->target.at >= now->line_at + 2 && parser->region[now->target.at - 2] != ' ' &&
           target_end + sizeof(between) - 1 == now->version.at &&
           memcmp(parser->region + target_end, between, sizeof(between) - 1) == 0;
}

static bool take_target(struct http_parser *parser)
{
    struct http_progress *now = &parser->now;
    struct http_target parts;

    if (!http_target_split(span_of(parser, now->target), &parts)) {
        return http_refuse(parser, 400, "the request target is neither a path nor an http URL");
    }
    if (parts.path.data[0] == '*' && parser->llhttp.method != HTTP_OPTIONS) {
        return http_refuse(parser, 400, "the target * is for OPTIONS only");
    }
    now->path = (struct http_extent){0}; /* an absolute-form without path: filled in later */
    if (parts.path.data >= parser->region + now->target.at &&
        parts.path.data < parser->region + now->version.at) {
        now->path = extent_of(parser, parts.path);
    }
    now->query = extent_of(parser, parts.query);
    return true;
}

bool http_head_take_line(struct http_parser *parser)
{
    const struct http_progress *now = &parser->now;
    uint32_t size = now->version.at + now->version.size - now->line_at;

    if (size > parser->limits->request_line_max) {
        return http_refuse(parser, 414, "the request line is longer than the server takes");
    }
    if (!is_spaced_once(parser)) {
        return http_refuse(parser, 400,
                           "expected method, target and HTTP/1.1 with one space between");
    }
    if (parser->llhttp.http_major != 1) {
        return http_refuse(parser, 505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
    }
    if (parser->llhttp.method == HTTP_CONNECT) {
        return http_refuse(parser, 501, "CONNECT is for proxies, and this is none");
    }
    return take_target(parser);
}

/* With blanks around it the value is not what other parsers on the way may have seen. */
static void take_transfer_encoding(struct http_parser *parser)
{
    struct http_progress *now = &parser->now;
    uint32_t colon_at = now->name.at + now->name.size;
    bool led_by_space = now->value.at == colon_at + 2 && parser->region[colon_at + 1] == ' ';
    enum http_coding coding = http_transfer_coding(span_of(parser, now->value));

    if (coding == HTTP_CODING_UNKNOWN) {
        now->coding_unknown = true;
    } else if (coding == HTTP_CODING_BAD || (!led_by_space && now->value.at != colon_at + 1)) {
        now->coding_bad = true;
    }
    now->has_transfer_encoding = true;
}

/* Proxies on the way may add a line of their own behind what they were sent. */
static bool counts_from_the_end(enum http_field field)
{
    return field == HTTP_FIELD_FORWARDED || field == HTTP_FIELD_X_FORWARDED_FOR;
}

/* Keeps the first value of a field that the service looks at, or the last one. */
static void take_known_field(struct http_parser *parser, enum http_field field)
{
    struct http_progress *now = &parser->now;
    uint16_t bit = (uint16_t)(1U << field);
    struct sr_span value;

    value = http_trimmed(span_of(parser, now->value));
    if (field == HTTP_FIELD_EXPECT && !http_same_text(value, "100-continue")) {
        now->expects_other = true;
    }
    if ((now->field_seen & bit) != 0) {
        now->field_twice |= bit;
        if (!counts_from_the_end(field)) {
            return;
        }
    }
    now->field_seen |= bit;
    parser->fields[field] = extent_of(parser, value);
}

bool http_head_take_field(struct http_parser *parser)
{
    struct http_progress *now = &parser->now;
    unsigned field = http_field_of(span_of(parser, now->name));

    if (++now->fields_count > parser->limits->fields_max) {
        return http_refuse(parser, 431,
                           "the request has more header fields than the server takes");
    }
    if (field == HTTP_FIELD_TRANSFER_ENCODING) {
        take_transfer_encoding(parser);
    } else if (field == HTTP_FIELD_CONTENT_LENGTH) {
        now->length = extent_of(parser, http_trimmed(span_of(parser, now->value)));
    } else if (field < HTTP_FIELD_COUNT) {
        take_known_field(parser, field);
    }
    return true;
}

static bool has_field(const struct http_parser *parser, enum http_field field)
{
    return (parser->now.field_seen & 1U << field) != 0;
}

static bool is_http_1_0(const struct http_parser *parser)
{
    return parser->llhttp.http_minor == 0;
}

static bool transfer_acceptable(struct http_parser *parser)
{
    const struct http_progress *now = &parser->now;

    if (!now->has_transfer_encoding) {
        return true;
    }
    if (now->coding_bad) {
        return http_refuse(parser, 400, "Transfer-Encoding must be exactly: chunked");
    }
    if (is_http_1_0(parser)) {
        return http_refuse(parser, 400, "HTTP/1.0 has no Transfer-Encoding");
    }
    if (now->coding_unknown) {
        return http_refuse(parser, 501, "the only transfer coding taken is chunked");
    }
    return true;
}

static bool host_acceptable(struct http_parser *parser)
{
    if ((parser->now.field_twice & 1U << HTTP_FIELD_HOST) != 0) {
        return http_refuse(parser, 400, "the field Host was sent more than once");
    }
    if (!has_field(parser, HTTP_FIELD_HOST)) {
        return is_http_1_0(parser) ||
               http_refuse(parser, 400, "HTTP/1.1 requires the field Host");
    }
    return http_host_valid(span_of(parser, parser->fields[HTTP_FIELD_HOST])) ||
           http_refuse(parser, 400, "the field Host must be a host name or address and a port");
}

bool http_head_acceptable(struct http_parser *parser)
{
    struct http_progress *now = &parser->now;
    bool chunked = (parser->llhttp.flags & F_CHUNKED) != 0;

    if (!transfer_acceptable(parser) || !host_acceptable(parser)) {
        return false;
    }
    if (now->expects_other) {
        return http_refuse(parser, 417, "the only expectation met here is 100-continue");
    }
    if (parser->llhttp.content_length > parser->limits->body_max) {
        return http_refuse(parser, 413, "the body is larger than the server takes");
    }
    now->continue_wanted = has_field(parser, HTTP_FIELD_EXPECT) && !is_http_1_0(parser) &&
                           (chunked || parser->llhttp.content_length > 0);
    return true;
}

/* Of the errors llhttp gives one number: told apart by where they happened. */
static struct http_refusal line_refusal(const struct http_parser *parser, llhttp_errno_t error)
{
    static const struct http_refusal version = {505,
                                                "only HTTP/1.1 and HTTP/1.0 are spoken here"};
    static const struct http_refusal method = {501, "the method is not one of HTTP"};
    static const struct http_refusal other = {
        400, "expected a request line: method, target, HTTP/1.1, ended by CR LF"};
    uint8_t number = parser->llhttp.method;

    if (error == HPE_INVALID_VERSION && parser->now.version.size == 3) {
        return version;
    }
    if (error == HPE_INVALID_CONSTANT && number >= HTTP_DESCRIBE && number <= HTTP_FLUSH) {
        return method;
    }
    return other;
}

struct http_refusal http_head_refusal(const struct http_parser *parser, llhttp_errno_t error)
{
    static const char *const details[] = {
        [HPE_UNEXPECTED_CONTENT_LENGTH] = "Content-Length was sent more than once",
        [HPE_INVALID_CONTENT_LENGTH] =
            "Content-Length must be one decimal number, and not beside Transfer-Encoding",
        [HPE_INVALID_TRANSFER_ENCODING] =
            "Transfer-Encoding must be exactly: chunked, and not beside Content-Length",
        [HPE_INVALID_HEADER_TOKEN] =
            "a header field has bytes that are not allowed there, or is folded",
        [HPE_UNEXPECTED_SPACE] = "a header field starts with a space",
        [HPE_CR_EXPECTED] = "lines must end in CR LF",
        [HPE_LF_EXPECTED] = "lines must end in CR LF",
        [HPE_INVALID_CHUNK_SIZE] = "a chunk size must be hexadecimal digits and end in CR LF",
    };
    const char *detail = NULL;

    if (parser->now.phase == HTTP_PHASE_LINE) {
        return line_refusal(parser, error);
    }
    if ((size_t)error < sizeof(details) / sizeof(details[0])) {
        detail = details[error];
    }
    if (detail == NULL) {
        detail = parser->now.phase == HTTP_PHASE_CHUNKS ? "the chunked body is malformed"
                                                        : "the request is malformed";
    }
    return (struct http_refusal){.status = 400, .detail = detail};
}

static enum http_method method_of(uint8_t llhttp_method)
{
    switch (llhttp_method) {
    case HTTP_GET:
        return HTTP_METHOD_GET;
    case HTTP_HEAD:
        return HTTP_METHOD_HEAD;
    case HTTP_POST:
        return HTTP_METHOD_POST;
    case HTTP_PUT:
        return HTTP_METHOD_PUT;
    case HTTP_DELETE:
        return HTTP_METHOD_DELETE;
    case HTTP_OPTIONS:
        return HTTP_METHOD_OPTIONS;
    default:
        return HTTP_METHOD_OTHER;
    }
}

void http_head_request(const struct http_parser *parser, struct http_request *ret_request)
{
    const struct http_progress *now = &parser->now;
    unsigned seen = now->field_seen;

    memset(ret_request, 0, sizeof(*ret_request));
    ret_request->method = method_of(parser->llhttp.method);
    ret_request->target = span_of(parser, now->target);
    ret_request->path = now->path.size > 0 ? span_of(parser, now->path) : sr_span_text("/");
    ret_request->query = span_of(parser, now->query);
    ret_request->body = span_of(parser, now->body);
    ret_request->keep_alive = llhttp_should_keep_alive(&parser->llhttp) != 0 &&
                              (parser->llhttp.flags & F_CONNECTION_CLOSE) == 0;
    ret_request->http_1_0 = is_http_1_0(parser);
    while (seen != 0) {
        unsigned field = (unsigned)__builtin_ctz(seen);

        ret_request->fields[field] = span_of(parser, parser->fields[field]);
        ret_request->field_repeated[field] = (now->field_twice & 1U << field) != 0;
        seen &= seen - 1;
    }
}
