/*
 * Any bytes as a stream of requests: read the same whatever way they are cut, within the memory
 * that the parser asks for, spans inside the region (all of that is checked by the transcript).
 * The same bytes as the values that the service decides by.
 */
#include "http/field.h"
#include "http/media.h"
#include "http/target.h"
#include "unit/http/transcript.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct http_limits usual = {8192, 16384, 100, 8 << 20};
static const struct http_limits tight = {40, 90, 4, 20};
static const struct http_limits uneven = {8192, 30, 4, 20};

#define SINGLE_BYTES_MAX 600 /* longer inputs are cut into pieces of some bytes */

/* Pieces of 1 to 13 bytes, or 1 to 400, that follow from the offset and the input's size. */
static size_t cut_somewhere(size_t from, const void *context)
{
    const size_t *seed = context;
    size_t mixed = (from + 1) * 0x9e3779b97f4a7c15U ^ *seed * 0xc2b2ae3d27d4eb4fU;
    size_t longest = *seed > SINGLE_BYTES_MAX ? 400 : 13;

    return from + 1 + (mixed >> 33) % longest;
}

static void check_cut(struct sr_span stream, const struct http_limits *limits,
                      transcript_cut cut, const struct transcript *whole)
{
    struct transcript pieces = transcript_of(stream, limits, cut, &stream.size);

    SR_CHECK(transcript_equal(whole, &pieces));
    transcript_done(&pieces);
}

static void check_stream(struct sr_span stream, const struct http_limits *limits)
{
    struct transcript whole = transcript_of(stream, limits, NULL, NULL);

    check_cut(stream, limits, cut_somewhere, &whole);
    if (stream.size <= SINGLE_BYTES_MAX) {
        check_cut(stream, limits, transcript_cut_each_byte, &whole);
    }
    transcript_done(&whole);
}

static void check_values(struct sr_span value)
{
    struct http_target parts;

    if (http_target_split(value, &parts)) {
        SR_CHECK(parts.path.size > 0);
        SR_CHECK(parts.path.data[0] == '/' || sr_span_equal(parts.path, sr_span_text("*")));
        SR_CHECK(parts.query.data + parts.query.size == value.data + value.size);
    }
    SR_CHECK(http_media_type(value) != HTTP_MEDIA_ABSENT || value.size == 0);
    SR_CHECK(http_field_of(value) <= HTTP_FIELD_UNKNOWN);
    SR_CHECK(http_transfer_coding(value) <= HTTP_CODING_BAD);
    SR_CHECK(!http_host_valid(value) || value.size > 0);
    SR_CHECK(http_accepts(value, "application", "json") || http_trimmed(value).size > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sr_span stream = {.data = data, .size = size};

    check_stream(stream, &usual);
    check_stream(stream, &tight);
    check_stream(stream, &uneven);
    if (size > 0) {
        check_values(stream);
    }
    return 0;
}
