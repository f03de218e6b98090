/*
 * Chunked bodies: decoded in place, bounded in size and framing.
 */
#include "http/events.h"

#include "bytes.h"
#include "transcript.h"

#define BODY_MAX 1000

static const struct http_limits limits = {8192, 16384, 100, BODY_MAX};

static const char head[] = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

struct row {
    const char *name;
    struct sr_span chunks; /* behind the head above */
    uint16_t status;       /* 0: accepted */
    const char *body;
};

static struct sr_buffer stream_of(struct sr_span chunks)
{
    struct sr_buffer stream;

    sr_buffer_init(&stream, 1 << 24);
    assert_int_equal(sr_buffer_append(&stream, head, sizeof(head) - 1), SR_OK);
    assert_int_equal(sr_buffer_append(&stream, chunks.data, chunks.size), SR_OK);
    return stream;
}

static void check_body(const struct row *row, struct sr_buffer *stream)
{
    struct http_parser parser;
    struct http_request request;
    struct http_refusal refusal;
    size_t consumed;

    http_parser_init(&parser, &limits);
    assert_int_equal(http_parser_feed(&parser, stream->data, stream->size, &request, &consumed,
                                      &refusal),
                     HTTP_PARSE_REQUEST);
    assert_int_equal(consumed, stream->size);
    assert_span(row->name, request.body, row->body);
}

static void check_row(const struct row *row)
{
    struct sr_buffer stream = stream_of(row->chunks);
    struct sr_span bytes = sr_buffer_span(&stream);
    struct transcript whole = transcript_of(bytes, &limits, NULL, NULL);

    if (whole.refused != row->status || whole.requests_count != (row->status == 0)) {
        fail_msg("%s: expected %u, got %u %s", row->name, row->status, whole.refused,
                 whole.detail);
    }
    for (size_t at = 1; at <= bytes.size; at++) {
        struct transcript pieces =
            transcript_of(bytes, &limits,
                          at < bytes.size ? transcript_cut_at : transcript_cut_each_byte, &at);

        if (!transcript_equal(&whole, &pieces)) {
            fail_msg("%s: cut at %zu: %u %s", row->name, at, pieces.refused, pieces.detail);
        }
        transcript_done(&pieces);
    }
    if (row->status == 0) {
        check_body(row, &stream);
    }
    transcript_done(&whole);
    sr_buffer_done(&stream);
}

static void chunks_are_put_together(void **state)
{
    static const struct row rows[] = {
        {"one", BYTES("5\r\nhello\r\n0\r\n\r\n"), 0, "hello"},
        {"two", BYTES("3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"), 0, "hello"},
        {"none", BYTES("0\r\n\r\n"), 0, ""},
        {"upper case", BYTES("A\r\n0123456789\r\n0\r\n\r\n"), 0, "0123456789"},
        {"leading zeros", BYTES("0000000000000005\r\nhello\r\n00\r\n\r\n"), 0, "hello"},
        {"bytes like framing", BYTES("7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n"), 0, "\r\n0\r\n\r\n"},
        {"extension", BYTES("5;a\r\nhello\r\n0\r\n\r\n"), 0, "hello"},
        {"extension with value", BYTES("5;a=b;c=\"d\"\r\nhello\r\n0;e\r\n\r\n"), 0, "hello"},
        {"trailer", BYTES("5\r\nhello\r\n0\r\nA: b\r\nC: d\r\n\r\n"), 0, "hello"},
        {"Host in the trailer", BYTES("5\r\nhello\r\n0\r\nHost: b\r\n\r\n"), 0, "hello"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        check_row(&rows[i]);
    }
}

static void malformed_chunks_are_refused(void **state)
{
    static const struct row rows[] = {
        {"no digits", BYTES("\r\nhello\r\n0\r\n\r\n"), 400, NULL},
        {"no hexadecimal", BYTES("g\r\nhello\r\n0\r\n\r\n"), 400, NULL},
        {"0x", BYTES("0x5\r\nhello\r\n0\r\n\r\n"), 400, NULL},
        {"plus", BYTES("+5\r\nhello\r\n0\r\n\r\n"), 400, NULL},
        {"minus", BYTES("-5\r\nhello\r\n0\r\n\r\n"), 400, NULL},
        {"space before", BYTES(" 5\r\nhello\r\n0\r\n\r\n"), 400, NULL},
        {"space behind", BYTES("5 \r\nhello\r\n0\r\n\r\n"), 400, NULL},
        {"17 digits", BYTES("00000000000000005\r\nhello\r\n0\r\n\r\n"), 400, NULL},
        {"17 digits in the second", BYTES("5\r\nhello\r\n00000000000000001\r\nx\r\n0\r\n\r\n"),
         400, NULL},
        {"17 zeros at the end", BYTES("5\r\nhello\r\n00000000000000000\r\n\r\n"), 400, NULL},
        {"over 64 bits", BYTES("10000000000000000\r\nhello\r\n0\r\n\r\n"), 400, NULL},
        {"bare LF behind the size", BYTES("5\nhello\r\n0\r\n\r\n"), 400, NULL},
        {"bare CR behind the size", BYTES("5\rhello\r\n0\r\n\r\n"), 400, NULL},
        {"bare LF behind the data", BYTES("5\r\nhello\n0\r\n\r\n"), 400, NULL},
        {"bare CR behind the data", BYTES("5\r\nhello\r0\r\n\r\n"), 400, NULL},
        {"nothing behind the data", BYTES("5\r\nhello0\r\n\r\n"), 400, NULL},
        {"data too long", BYTES("4\r\nhello\r\n0\r\n\r\n"), 400, NULL},
        {"data too short", BYTES("6\r\nhello\r\n0\r\n\r\n"), 400, NULL},
        {"bare LF at the end", BYTES("5\r\nhello\r\n0\n\n"), 400, NULL},
        {"bare LF in an extension", BYTES("5;a\nhello\r\n0\r\n\r\n"), 400, NULL},
        {"NUL in an extension", BYTES("5;a\0\r\nhello\r\n0\r\n\r\n"), 400, NULL},
        {"bare LF in the trailer", BYTES("0\r\nA: b\n\r\n"), 400, NULL},
        {"folded trailer", BYTES("0\r\nA: b\r\n c\r\n\r\n"), 400, NULL},
        {"Content-Length in the trailer", BYTES("0\r\nContent-Length: 5\r\n\r\n"), 400, NULL},
        {"one over the limit", BYTES("3e9\r\n"), 413, NULL},
        {"16 digits", BYTES("ffffffffffffffff\r\n"), 413, NULL},
        {"two over the limit", BYTES("2\r\nab\r\n3e7\r\n"), 413, NULL},
        {"wrapping around", BYTES("2\r\nab\r\nfffffffffffffffe\r\n"), 413, NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        check_row(&rows[i]);
    }
}

/* Feeds the head and then the same piece again and again. Returns the bytes that were taken. */
static size_t fed_until_refused(const struct http_limits *allowed, const char *first,
                                const char *repeated, struct transcript *ret_transcript)
{
    struct sr_buffer stream = stream_of(sr_span_text(first));
    size_t size;

    while (stream.size < (1 << 20)) {
        assert_int_equal(sr_buffer_append(&stream, repeated, strlen(repeated)), SR_OK);
    }
    *ret_transcript = transcript_of(sr_buffer_span(&stream), allowed, NULL, NULL);
    size = stream.size;
    sr_buffer_done(&stream);
    return size;
}

static void check_flood(const char *first, const char *repeated, uint16_t status)
{
    static const struct http_limits large = {8192, 16384, 100, 8 << 20};
    struct transcript transcript;

    (void)fed_until_refused(&large, first, repeated, &transcript);
    if (transcript.refused != status) {
        fail_msg("%s%s: got %u %s", first, repeated, transcript.refused, transcript.detail);
    }
    transcript_done(&transcript);
}

static void floods_of_framing_are_refused(void **state)
{
    (void)state;
    check_flood("5;", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 400);
    check_flood("5;a=", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", 400);
    check_flood("5", ";a=b;c=d", 400);
    check_flood("", "5;aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\nhello\r\n", 400);
    check_flood("",
                "40;aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n"
                "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\r\n",
                400);
    check_flood("0\r\n", "A: b\r\n", 400);
    check_flood("0\r\nA: ", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", 400);
    check_flood("", "1\r\nx\r\n", 400);
    check_flood("", "0000000000000001\r\nx\r\n", 400);
}

static void small_chunks_in_good_measure_are_accepted(void **state)
{
    (void)state;
    check_flood("", "6\r\nsixsix\r\n", 0);
    check_flood("",
                "100;a=b\r\n"
                "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
                "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
                "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
                "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\r\n",
                0);
}

static void a_body_of_one_byte_chunks_is_accepted(void **state)
{
    struct sr_buffer chunks;
    struct row row = {.name = "one byte a chunk"};
    char body[501];

    (void)state;
    sr_buffer_init(&chunks, 1 << 20);
    for (size_t i = 0; i < sizeof(body) - 1; i++) {
        body[i] = (char)('a' + i % 26);
        assert_int_equal(sr_buffer_printf(&chunks, "1\r\n%c\r\n", body[i]), SR_OK);
    }
    body[sizeof(body) - 1] = '\0';
    assert_int_equal(sr_buffer_printf(&chunks, "0\r\n\r\n"), SR_OK);
    row.chunks = sr_buffer_span(&chunks);
    row.body = body;
    check_row(&row);
    sr_buffer_done(&chunks);
}

static void a_body_of_exactly_the_limit_is_accepted(void **state)
{
    struct sr_buffer chunks;
    struct row row = {.name = "limit"};
    char body[BODY_MAX + 1];

    (void)state;
    memset(body, 'x', BODY_MAX);
    body[BODY_MAX] = '\0';
    sr_buffer_init(&chunks, 1 << 20);
    assert_int_equal(sr_buffer_printf(&chunks, "1f4\r\n%.500s\r\n1f4\r\n%.500s\r\n0\r\n\r\n",
                                      body, body),
                     SR_OK);
    row.chunks = sr_buffer_span(&chunks);
    row.body = body;
    check_row(&row);
    sr_buffer_done(&chunks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunks_are_put_together),
        cmocka_unit_test(malformed_chunks_are_refused),
        cmocka_unit_test(floods_of_framing_are_refused),
        cmocka_unit_test(small_chunks_in_good_measure_are_accepted),
        cmocka_unit_test(a_body_of_one_byte_chunks_is_accepted),
        cmocka_unit_test(a_body_of_exactly_the_limit_is_accepted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
