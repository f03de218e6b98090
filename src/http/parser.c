/*
 * Feeds llhttp. llhttp decides the grammar, http/events notes what it finds, http/head knows
 * what that means; here are the limits and the windows that make all of it independent of how
 * the bytes were split.
 */
#include "http/parser.h"

#include "base/check.h"
#include "http/events.h"
#include "http/field.h"
#include "http/head.h"
#include "http/known_heads.h"

_Static_assert(LLHTTP_VERSION_MAJOR == 9, "what is strict by default differs between majors");

#define EMPTY_LINES_MAX 8    /* before a request line: RFC 9112 section 2.2 */
#define METHOD_SIZE_MAX 32   /* of methods that llhttp does not know */
#define FRAMING_FREE 16384   /* bytes of chunk framing and trailer that are always allowed */
#define FRAMING_PER_CHUNK 12 /* 8 digits and two line ends */
#define BODY_LIMIT_MAX (1U << 30)

/* Framing beyond what is free needs as much of body: the region stays in proportion. */
size_t http_region_size_max(const struct http_limits *limits)
{
    return (size_t)EMPTY_LINES_MAX * 2 + limits->request_line_max + 2 + limits->headers_max +
           2 + 2 * (size_t)limits->body_max + FRAMING_FREE + 1;
}

void http_parser_init(struct http_parser *parser, const struct http_limits *limits)
{
    SR_CHECK(limits->body_max <= BODY_LIMIT_MAX);
    memset(parser, 0, sizeof(*parser));
    llhttp_init(&parser->llhttp, HTTP_REQUEST, &http_events);
    SR_CHECK(parser->llhttp.lenient_flags == 0);
    parser->limits = limits;
}

void http_parser_know(struct http_parser *parser, struct http_known_heads *known)
{
    parser->known = known;
}

/* True at the request line's first byte. An empty line counts only with both of its bytes. */
static bool skip_empty_lines(struct http_parser *parser, uint32_t size)
{
    struct http_progress *now = &parser->now;

    while (now->fed < size) {
        const uint8_t *at = parser->region + now->fed;

        if (*at != '\r' && *at != '\n') {
            return true;
        }
        if (*at == '\r' && size - now->fed < 2) {
            return false;
        }
        if (*at == '\n' || at[1] != '\n' || now->fed >= 2 * EMPTY_LINES_MAX) {
            (void)http_refuse(parser, 400, "expected a request line");
            return false;
        }
        now->fed += 2;
        now->line_at = now->fed;
    }
    return false;
}

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* The first offset at which the part under way is too long. */
static uint32_t phase_limit(const struct http_parser *parser)
{
    const struct http_progress *now = &parser->now;
    uint32_t declared = (uint32_t)now->body_declared;

    switch (now->phase) {
    case HTTP_PHASE_LINE:
        return now->line_at + parser->limits->request_line_max;
    case HTTP_PHASE_FIELDS:
        return now->fields_at + parser->limits->headers_max + 2;
    case HTTP_PHASE_CHUNKS:
        return now->chunks_at + declared + FRAMING_FREE +
               least(declared, FRAMING_PER_CHUNK * now->chunks_count);
    default:
        return UINT32_MAX;
    }
}

static bool refuse_length(struct http_parser *parser)
{
    switch (parser->now.phase) {
    case HTTP_PHASE_LINE:
        return http_refuse(parser, 414, "the request line is longer than the server takes");
    case HTTP_PHASE_FIELDS:
        return http_refuse(parser, 431, "the header fields are longer than the server takes");
    default:
        return http_refuse(parser, 400,
                           "chunk extensions, trailer or very small chunks beyond measure");
    }
}

#define TLS_HANDSHAKE 0x16 /* the first byte of a TLS client: a record's content type */

/* Methods are told from noise by what follows: a name and a space are a method not offered. */
static void look_at_method(struct http_parser *parser, uint32_t size)
{
    struct http_progress *now = &parser->now;
    uint32_t end = least(size, now->line_at + METHOD_SIZE_MAX);
    uint32_t i = now->line_at;

    while (i < end && http_is_token_byte(parser->region[i])) {
        i++;
    }
    if (i < end && i > now->line_at && parser->region[i] == ' ') {
        (void)http_refuse(parser, 501,
                          "the method is not known; names of methods are upper case");
    } else if (parser->region[now->line_at] == TLS_HANDSHAKE) {
        (void)http_refuse(parser, 400, "this port speaks plain HTTP, not TLS: use http");
    } else if (i < end || end < size) {
        (void)http_refuse(parser, 400, "expected a request line: method, target, HTTP/1.1");
    }
    now->fed = size;
}

/* After an error of llhttp. */
static void stop(struct http_parser *parser, llhttp_errno_t error)
{
    if (parser->refusal.status != 0) {
        return;
    }
    if (error == HPE_INVALID_METHOD && parser->now.phase == HTTP_PHASE_LINE) {
        parser->now.phase = HTTP_PHASE_METHOD;
        return;
    }
    parser->refusal = http_head_refusal(parser, error);
}

/*
 * Hands llhttp one window of bytes. It never reaches beyond the limit of the part under way,
 * nor, from the request line, beyond where the fields that follow could be too long: so a limit
 * is met at the same byte whatever else was there to be read.
 */
static void advance(struct http_parser *parser, uint32_t size)
{
    struct http_progress *now = &parser->now;
    uint32_t end = least(size, phase_limit(parser));
    llhttp_errno_t error;

    if (now->phase == HTTP_PHASE_LINE && end - now->fed > parser->limits->headers_max) {
        end = now->fed + parser->limits->headers_max + 1;
    }
    error = llhttp_execute(&parser->llhttp, (const char *)parser->region + now->fed,
                           end - now->fed);
    if (error == HPE_OK) {
        now->fed = end;
    } else if (error == HPE_PAUSED) {
        now->fed = http_offset_of(parser, llhttp_get_error_pos(&parser->llhttp));
    } else {
        stop(parser, error);
        return;
    }
    if (error == HPE_PAUSED && now->phase == HTTP_PHASE_CHUNKS) {
        now->chunks_at = now->fed;
        now->chunk_line_at = now->fed;
        llhttp_resume(&parser->llhttp);
    }
    if (now->phase != HTTP_PHASE_DONE && now->fed >= phase_limit(parser)) {
        (void)refuse_length(parser);
    }
}

static void read_on(struct http_parser *parser, uint32_t size)
{
    struct http_progress *now = &parser->now;

    if (now->fed == now->line_at && !skip_empty_lines(parser, size)) {
        return;
    }
    while (now->phase < HTTP_PHASE_DONE && now->fed < size && parser->refusal.status == 0) {
        if (now->phase == HTTP_PHASE_METHOD) {
            look_at_method(parser, size);
        } else {
            advance(parser, size);
        }
    }
}

enum http_parse_status http_parser_feed(struct http_parser *parser, uint8_t *region,
                                        size_t size, struct http_request *ret_request,
                                        size_t *ret_consumed, struct http_refusal *ret_refusal)
{
    struct http_progress *now = &parser->now;

    SR_CHECK(size >= now->fed && size < UINT32_MAX);
    parser->region = region;
    if (now->fed == 0 && parser->known != NULL && parser->refusal.status == 0 &&
        http_known_heads_take(parser, region, size, ret_request, ret_consumed)) {
        return HTTP_PARSE_REQUEST;
    }
    if (parser->refusal.status == 0) {
        read_on(parser, (uint32_t)size);
    }
    if (parser->refusal.status != 0) {
        *ret_refusal = parser->refusal;
        return HTTP_PARSE_REFUSED;
    }
    if (now->phase == HTTP_PHASE_DONE) {
        *ret_consumed = now->fed;
        http_head_request(parser, ret_request);
        if (parser->known != NULL) {
            http_known_heads_keep(parser, ret_request);
        }
        llhttp_reset(&parser->llhttp);
        *now = (struct http_progress){.phase = HTTP_PHASE_LINE};
        return HTTP_PARSE_REQUEST;
    }
    if (now->continue_wanted && !now->continue_told) {
        now->continue_told = true;
        return HTTP_PARSE_CONTINUE;
    }
    return HTTP_PARSE_MORE;
}

bool http_parser_idle(const struct http_parser *parser)
{
    return parser->now.fed == parser->now.line_at && parser->refusal.status == 0;
}

bool http_parser_in_body(const struct http_parser *parser)
{
    return parser->now.phase == HTTP_PHASE_BODY || parser->now.phase == HTTP_PHASE_CHUNKS;
}
