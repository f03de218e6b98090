/*
 * What a stream of bytes is read as, written down so that two readings can be compared: all
 * requests with all their parts, and the refusal where there is one. The stream is fed in
 * pieces; each piece moves the region to fresh memory of exactly its size, so that a sanitizer
 * sees any byte that is read too far. Heads that come again are not read anew. For unit tests
 * and fuzz targets.
 */
#ifndef SR_TEST_HTTP_TRANSCRIPT_H
#define SR_TEST_HTTP_TRANSCRIPT_H

#include "base/buffer.h"
#include "base/check.h"
#include "http/known_heads.h"
#include "http/parser.h"

#include <stdlib.h>

/* Where the stream is cut: returns the offset at which the piece that starts at `from` ends. */
typedef size_t (*transcript_cut)(size_t from, const void *context);

struct transcript {
    struct sr_buffer text;
    size_t requests_count;
    uint16_t refused; /* status, or 0 */
    const char *detail;
    size_t continues_count;
    struct http_refusal refusal;
    bool idle_at_end, in_body_at_end;
    size_t left_at_end; /* bytes that belong to no whole request */
};

struct transcript_reader {
    struct http_parser parser;
    uint8_t *region; /* owned */
    size_t size;
    struct transcript *transcript;
};

static inline void transcript_put(struct transcript *transcript, const void *bytes, size_t size)
{
    SR_CHECK(sr_buffer_append(&transcript->text, bytes, size) == SR_OK);
}

/* A span's presence, size and bytes; it must lie in the region (or be the static "/"). */
static inline void transcript_put_span(const struct transcript_reader *reader,
                                       struct sr_span span)
{
    uint32_t size = (uint32_t)span.size;
    bool present = span.data != NULL;
    bool inside =
        span.data >= reader->region && span.data + span.size <= reader->region + reader->size;

    SR_CHECK(inside || span.size == 0 || (span.size == 1 && span.data[0] == '/'));
    transcript_put(reader->transcript, &present, sizeof(present));
    transcript_put(reader->transcript, &size, sizeof(size));
    transcript_put(reader->transcript, span.data, span.size);
}

static inline void transcript_put_request(const struct transcript_reader *reader,
                                          const struct http_request *request, size_t consumed)
{
    struct transcript *transcript = reader->transcript;

    transcript->requests_count++;
    transcript_put(transcript, &request->method, sizeof(request->method));
    transcript_put_span(reader, request->target);
    transcript_put_span(reader, request->path);
    transcript_put_span(reader, request->query);
    for (int field = 0; field < HTTP_FIELD_COUNT; field++) {
        transcript_put_span(reader, request->fields[field]);
    }
    transcript_put(transcript, request->field_repeated, sizeof(request->field_repeated));
    transcript_put_span(reader, request->body);
    transcript_put(transcript, &request->keep_alive, sizeof(request->keep_alive));
    transcript_put(transcript, &request->http_1_0, sizeof(request->http_1_0));
    transcript_put(transcript, &consumed, sizeof(consumed));
}

/* The region becomes what it held from `skipped` on and `size` bytes more. */
static inline void transcript_move(struct transcript_reader *reader, size_t skipped,
                                   const uint8_t *bytes, size_t size)
{
    size_t kept = reader->size - skipped;
    uint8_t *region = malloc(kept + size > 0 ? kept + size : 1);

    SR_CHECK(region != NULL);
    if (kept > 0) {
        memcpy(region, reader->region + skipped, kept);
    }
    if (size > 0) {
        memcpy(region + kept, bytes, size);
    }
    free(reader->region);
    reader->region = region;
    reader->size = kept + size;
}

/* A parser that wants more leaves room for it in a region as large as it asks for. */
static inline bool transcript_has_room(const struct transcript_reader *reader)
{
    SR_CHECK(reader->size < http_region_size_max(reader->parser.limits));
    return true;
}

/* Reads on until the parser wants more. False when it has refused. */
static inline bool transcript_drain(struct transcript_reader *reader)
{
    struct http_request request;
    size_t consumed = 0;

    while (reader->size > 0) {
        switch (http_parser_feed(&reader->parser, reader->region, reader->size, &request,
                                 &consumed, &reader->transcript->refusal)) {
        case HTTP_PARSE_REQUEST:
            SR_CHECK(consumed > 0 && consumed <= reader->size);
            transcript_put_request(reader, &request, consumed);
            transcript_move(reader, consumed, NULL, 0);
            break;
        case HTTP_PARSE_REFUSED:
            return false;
        case HTTP_PARSE_CONTINUE:
            reader->transcript->continues_count++;
            return transcript_has_room(reader);
        default:
            return transcript_has_room(reader);
        }
    }
    return true;
}

static inline void transcript_done(struct transcript *transcript)
{
    sr_buffer_done(&transcript->text);
}

/* Reads the stream in pieces; cut NULL is one piece. The caller owns the transcript. */
static inline struct transcript transcript_of(struct sr_span stream,
                                              const struct http_limits *limits,
                                              transcript_cut cut, const void *context)
{
    struct transcript transcript = {0};
    struct transcript_reader reader = {.transcript = &transcript};
    struct http_known_heads *known = malloc(sizeof(*known));
    static const struct sr_siphash_key key = {1, 2};
    size_t at = 0;
    bool good = true;

    sr_buffer_init(&transcript.text, (size_t)1 << 30);
    SR_CHECK(known != NULL);
    http_known_heads_init(known, &key);
    http_parser_init(&reader.parser, limits);
    http_parser_know(&reader.parser, known);
    while (good && at < stream.size) {
        size_t end = cut != NULL ? cut(at, context) : stream.size;

        end = end < stream.size ? end : stream.size;
        transcript_move(&reader, 0, stream.data + at, end - at);
        good = transcript_drain(&reader);
        at = end;
    }
    if (!good) {
        transcript.refused = transcript.refusal.status;
        transcript.detail = transcript.refusal.detail;
        transcript_put(&transcript, &transcript.refused, sizeof(transcript.refused));
        transcript_put(&transcript, transcript.detail, strlen(transcript.detail));
    }
    transcript.idle_at_end = http_parser_idle(&reader.parser);
    transcript.in_body_at_end = http_parser_in_body(&reader.parser);
    transcript.left_at_end = reader.size;
    free(reader.region);
    free(known);
    return transcript;
}

static inline bool transcript_equal(const struct transcript *a, const struct transcript *b)
{
    return sr_span_equal(sr_buffer_span(&a->text), sr_buffer_span(&b->text)) &&
           a->requests_count == b->requests_count && a->idle_at_end == b->idle_at_end &&
           a->in_body_at_end == b->in_body_at_end;
}

static inline size_t transcript_cut_each_byte(size_t from, const void *context)
{
    (void)context;
    return from + 1;
}

/* Cuts once, at the offset that context points to. */
static inline size_t transcript_cut_at(size_t from, const void *context)
{
    const size_t *at = context;

    return from < *at ? *at : SIZE_MAX;
}

#endif
