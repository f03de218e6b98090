/*
 * One HTTP/1.1 connection's requests from bytes: llhttp in its strict mode plus the limits and
 * refusals of DESIGN section 4 that llhttp leaves open. Pure: bytes in, a request or a named
 * refusal out; the caller owns the bytes, the sockets and the clock.
 *
 * The caller keeps all bytes of the request that is being read in one contiguous region and
 * hands the region again when more has come; the parser remembers offsets from the region's
 * start, so that the region may move between calls. Chunked bodies are decoded in place.
 *
 *    region:  | request line, fields | body (decoded in place) | next pipelined request ... |
 *             0                                                consumed           region.size
 *
 * Whatever way the bytes are split over calls, requests and refusals come out the same and at
 * the same byte; every byte is looked at a bounded number of times.
 */
#ifndef SR_HTTP_PARSER_H
#define SR_HTTP_PARSER_H

#include "base/span.h"

#include <llhttp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_limits {
    uint32_t request_line_max; /* bytes without the line's end, 8 KiB: 414 */
    uint32_t headers_max;      /* bytes of all fields with their line ends, 16 KiB: 431 */
    uint32_t fields_max;       /* number of fields, 100: 431 */
    uint64_t body_max;         /* bytes after decoding, 8 MiB, at most 1 GiB: 413 */
};

enum http_method {
    HTTP_METHOD_GET,
    HTTP_METHOD_HEAD,
    HTTP_METHOD_POST,
    HTTP_METHOD_PUT,
    HTTP_METHOD_DELETE,
    HTTP_METHOD_OPTIONS,
    HTTP_METHOD_OTHER /* a method of HTTP that the service has no use for */
};

/* Fields whose values the service looks at; the rest is counted and passed over. */
enum http_field {
    HTTP_FIELD_HOST,
    HTTP_FIELD_CONTENT_TYPE,
    HTTP_FIELD_ACCEPT,
    HTTP_FIELD_ACCEPT_ENCODING,
    HTTP_FIELD_EXPECT,
    HTTP_FIELD_PREFER,
    HTTP_FIELD_IDEMPOTENCY_KEY,
    HTTP_FIELD_AUTHORIZATION,
    HTTP_FIELD_ORIGIN,
    HTTP_FIELD_FORWARDED,
    HTTP_FIELD_X_FORWARDED_FOR,
    HTTP_FIELD_X_REQUEST_ID,
    HTTP_FIELD_TRACEPARENT,
    HTTP_FIELD_IF_NONE_MATCH,
    HTTP_FIELD_COUNT
};

/* What a parsed request says. Spans point into the caller's region and live as long as it. */
struct http_request {
    enum http_method method;
    struct sr_span target;                   /* as sent */
    struct sr_span path;                     /* percent-encoded, starts with '/' (or is "*") */
    struct sr_span query;                    /* without '?', empty where there is none */
    struct sr_span fields[HTTP_FIELD_COUNT]; /* trimmed; data NULL where absent; the first one,
                                     of what proxies add the last one */
    bool field_repeated[HTTP_FIELD_COUNT];   /* sent more than once (no error by itself) */
    struct sr_span body;                     /* decoded */
    bool keep_alive; /* the connection may serve another request after this one */
    bool http_1_0;
};

enum http_parse_status {
    HTTP_PARSE_MORE,     /* everything is consumed, the request is not complete */
    HTTP_PARSE_CONTINUE, /* the same, and the client waits for 100 before it sends the body */
    HTTP_PARSE_REQUEST,  /* one whole request; *ret_consumed bytes of the region belong to it */
    HTTP_PARSE_REFUSED   /* answer with ret_refusal->status and close */
};

/* Why bytes are no request that the service takes. */
struct http_refusal {
    uint16_t status;    /* 400, 413, 414, 417, 431, 501, 505 */
    const char *detail; /* static text: what was wrong and what would be right */
};

/* A piece of the region. */
struct http_extent {
    uint32_t at;   /* offset from the region's start */
    uint32_t size; /* bytes */
};

/* Which part of a request the next byte belongs to. */
enum http_phase {
    HTTP_PHASE_LINE,   /* request line, or the empty lines before it */
    HTTP_PHASE_METHOD, /* a method that llhttp does not know */
    HTTP_PHASE_FIELDS,
    HTTP_PHASE_BODY,   /* of Content-Length bytes, possibly 0 */
    HTTP_PHASE_CHUNKS, /* chunks and trailer */
    HTTP_PHASE_DONE
};

/* How far the request under way has come: private to parser.c, zeroed for each request. */
struct http_progress {
    enum http_phase phase;
    uint32_t fed;       /* bytes of the region that llhttp has seen */
    uint32_t line_at;   /* where the request line starts, behind empty lines */
    uint32_t fields_at; /* where the first field starts */
    struct http_extent target, path, query, version, name, value, body;
    struct http_extent length; /* Content-Length's value */
    uint32_t fields_count;
    uint32_t chunks_at;     /* where chunk framing starts */
    uint32_t chunk_line_at; /* the size line of the chunk under way */
    uint32_t chunks_count;
    uint64_t body_declared; /* bytes of body in all chunks whose size line was seen */
    uint16_t field_seen;    /* bit set over enum http_field */
    uint16_t field_twice;   /* the same */
    bool has_transfer_encoding, coding_unknown, coding_bad;
    bool expects_other, continue_wanted, continue_told;
};

struct http_known_heads;

struct http_parser {
    llhttp_t llhttp;                  /* first: callbacks find the parser by its address */
    const struct http_limits *limits; /* borrowed */
    struct http_known_heads *known;   /* borrowed; NULL: every head is read */
    uint64_t known_hash;              /* of the head that came last */
    uint32_t known_index;             /* where it was kept */
    uint8_t *region;                  /* of the call under way only */
    struct http_refusal refusal;      /* status 0 until something is refused */
    struct http_progress now;
    struct http_extent fields[HTTP_FIELD_COUNT]; /* valid where field_seen says so */
};

/* limits are borrowed and must outlive the parser. */
void http_parser_init(struct http_parser *parser, const struct http_limits *limits);

/* From now on heads that came before are not read anew (http/known_heads.h). known is borrowed
 * and shared by parsers of the same limits on one thread. What is read stays the same. */
void http_parser_know(struct http_parser *parser, struct http_known_heads *known);

/*
 * Goes on with the request at the start of the region. The region holds all of its bytes so
 * far; chunk framing may be overwritten by decoded body bytes, hence not const.
 *   HTTP_PARSE_REQUEST: *ret_request is filled and *ret_consumed tells how many bytes of the
 *     region the request took; the next call is for the next request and starts behind them.
 *   HTTP_PARSE_CONTINUE: told once a request, when Expect: 100-continue came with an acceptable
 *     head and the body is not there yet.
 *   HTTP_PARSE_REFUSED: *ret_refusal says how to answer; the parser is of no further use.
 */
enum http_parse_status http_parser_feed(struct http_parser *parser, uint8_t *region,
                                        size_t size, struct http_request *ret_request,
                                        size_t *ret_consumed, struct http_refusal *ret_refusal);

/* The most bytes a request can have in the region before it is complete or refused: what the
 * caller's region must be able to hold. */
size_t http_region_size_max(const struct http_limits *limits);

/* True between requests: nothing of a next request has been seen (but for empty lines). */
bool http_parser_idle(const struct http_parser *parser);

/* True once the header part is complete and the body is outstanding (for the body deadline). */
bool http_parser_in_body(const struct http_parser *parser);

#endif
