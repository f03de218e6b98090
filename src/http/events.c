/*
 * llhttp's callbacks. A text comes in as many pieces as it was fed in, so that only extents are
 * kept; a chunked body's pieces are moved together as they come.
 */
#include "http/events.h"

#include "http/head.h"

#define CHUNK_DIGITS_MAX 16 /* of a chunk's size */

static struct http_parser *parser_of(llhttp_t *llhttp)
{
    return (struct http_parser *)llhttp;
}

/* What a callback returns: 0 goes on, HPE_USER stops, the parser's refusal tells why. */
static int verdict(bool good)
{
    return good ? 0 : HPE_USER;
}

static int extend(struct http_parser *parser, struct http_extent *extent, const char *at,
                  size_t size)
{
    if (extent->size == 0) {
        extent->at = http_offset_of(parser, at);
    }
    extent->size += (uint32_t)size;
    return 0;
}

static int on_url(llhttp_t *llhttp, const char *at, size_t size)
{
    struct http_parser *parser = parser_of(llhttp);

    return extend(parser, &parser->now.target, at, size);
}

/* A line without a version is a request of HTTP/0.9 for llhttp. */
static int on_url_complete(llhttp_t *llhttp)
{
    bool versioned = llhttp->http_major != 0 || llhttp->http_minor != 9;

    return verdict(versioned ||
                   http_refuse(parser_of(llhttp), 400,
                               "the request line must end in a version such as HTTP/1.1"));
}

static int on_version(llhttp_t *llhttp, const char *at, size_t size)
{
    struct http_parser *parser = parser_of(llhttp);

    return extend(parser, &parser->now.version, at, size);
}

/* The version ends the request line: all of it is known now. */
static int on_version_complete(llhttp_t *llhttp)
{
    struct http_parser *parser = parser_of(llhttp);
    struct http_progress *now = &parser->now;

    now->phase = HTTP_PHASE_FIELDS;
    now->fields_at = now->version.at + now->version.size + 2;
    return verdict(http_head_take_line(parser));
}

static int on_header_field(llhttp_t *llhttp, const char *at, size_t size)
{
    struct http_parser *parser = parser_of(llhttp);

    return extend(parser, &parser->now.name, at, size);
}

static int on_header_value(llhttp_t *llhttp, const char *at, size_t size)
{
    struct http_parser *parser = parser_of(llhttp);

    return extend(parser, &parser->now.value, at, size);
}

/* Fields of a trailer are passed over; the limit of chunk framing bounds them. */
static int on_header_value_complete(llhttp_t *llhttp)
{
    struct http_parser *parser = parser_of(llhttp);
    struct http_progress *now = &parser->now;
    bool good = now->phase != HTTP_PHASE_FIELDS || http_head_take_field(parser);

    now->name.size = 0;
    now->value.size = 0;
    return verdict(good);
}

/* Pauses before chunks, for then llhttp tells where they start. */
static int on_headers_complete(llhttp_t *llhttp)
{
    struct http_parser *parser = parser_of(llhttp);

    if (!http_head_acceptable(parser)) {
        return -1;
    }
    if ((llhttp->flags & F_CHUNKED) != 0) {
        parser->now.phase = HTTP_PHASE_CHUNKS;
        return HPE_PAUSED;
    }
    parser->now.phase = HTTP_PHASE_BODY;
    return 0;
}

static bool is_hex(uint8_t byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'f') ||
           (byte >= 'A' && byte <= 'F');
}

/* llhttp takes any number of leading zeros. The line is still as sent: decoding is behind. */
static uint32_t chunk_digits(const struct http_parser *parser)
{
    const uint8_t *line = parser->region + parser->now.chunk_line_at;
    uint32_t digits = 0;

    while (digits <= CHUNK_DIGITS_MAX && is_hex(line[digits])) {
        digits++;
    }
    return digits;
}

static int on_chunk_header(llhttp_t *llhttp)
{
    struct http_parser *parser = parser_of(llhttp);
    struct http_progress *now = &parser->now;

    if (chunk_digits(parser) > CHUNK_DIGITS_MAX) {
        return verdict(http_refuse(parser, 400, "a chunk size has more than 16 digits"));
    }
    if (llhttp->content_length > parser->limits->body_max - now->body_declared) {
        return verdict(http_refuse(parser, 413, "the body is larger than the server takes"));
    }
    now->body_declared += llhttp->content_length;
    now->chunks_count++;
    return 0;
}

/* Moves a piece of a chunked body down to what came before it. */
static int on_body(llhttp_t *llhttp, const char *at, size_t size)
{
    struct http_parser *parser = parser_of(llhttp);
    struct http_progress *now = &parser->now;
    uint32_t from = http_offset_of(parser, at);

    if (now->body.size == 0) {
        now->body.at = from;
    } else if (now->body.at + now->body.size != from) {
        memmove(parser->region + now->body.at + now->body.size, parser->region + from, size);
    }
    now->body.size += (uint32_t)size;
    now->chunk_line_at = from + (uint32_t)size + 2;
    return 0;
}

/* The pause comes before llhttp would give way to another protocol: Upgrade is ignored. */
static int on_message_complete(llhttp_t *llhttp)
{
    parser_of(llhttp)->now.phase = HTTP_PHASE_DONE;
    return HPE_PAUSED;
}

const llhttp_settings_t http_events = {
    .on_url = on_url,
    .on_url_complete = on_url_complete,
    .on_version = on_version,
    .on_version_complete = on_version_complete,
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_header_value_complete = on_header_value_complete,
    .on_headers_complete = on_headers_complete,
    .on_chunk_header = on_chunk_header,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};
