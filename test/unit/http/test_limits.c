/*
 * The limits: up to each of them a request is taken, one byte beyond it is refused.
 */
#include "http/parser.h"

#include "bytes.h"
#include "transcript.h"

static const struct http_limits limits = {8192, 16384, 100, 8 << 20};

/* A stream under construction. */
static void put_text(struct sr_buffer *stream, const char *text)
{
    assert_int_equal(sr_buffer_append(stream, text, strlen(text)), SR_OK);
}

static void put_repeated(struct sr_buffer *stream, char byte, size_t count)
{
    assert_int_equal(sr_buffer_reserve(stream, count), SR_OK);
    memset(stream->data + stream->size, byte, count);
    stream->size += count;
}

/* before, count times 'x', after: how it is answered, whole and byte by byte. */
static uint16_t answer_to(const char *before, size_t count, const char *after)
{
    struct sr_buffer stream;
    struct transcript whole, pieces;

    sr_buffer_init(&stream, 1 << 24);
    put_text(&stream, before);
    put_repeated(&stream, 'x', count);
    put_text(&stream, after);
    whole = transcript_of(sr_buffer_span(&stream), &limits, NULL, NULL);
    pieces = transcript_of(sr_buffer_span(&stream), &limits, transcript_cut_each_byte, NULL);
    assert_true(transcript_equal(&whole, &pieces));
    assert_int_equal(whole.requests_count, whole.refused == 0 ? 1 : 0);
    transcript_done(&whole);
    transcript_done(&pieces);
    sr_buffer_done(&stream);
    return whole.refused;
}

#define AFTER_TARGET " HTTP/1.1\r\nHost: a\r\n\r\n"

static void a_request_line_over_its_limit_is_414(void **state)
{
    size_t room = limits.request_line_max - strlen("GET / HTTP/1.1");

    (void)state;
    assert_int_equal(answer_to("GET /", room, AFTER_TARGET), 0);
    assert_int_equal(answer_to("GET /", room + 1, AFTER_TARGET), 414);
    assert_int_equal(answer_to("GET /", 2 * room, AFTER_TARGET), 414);
    assert_int_equal(answer_to("\r\n\r\nGET /", room, AFTER_TARGET), 0);
    assert_int_equal(answer_to("\r\n\r\nGET /", room + 1, AFTER_TARGET), 414);
    assert_int_equal(answer_to("GET http://", 2 * room, AFTER_TARGET), 414);
}

#define BEFORE_FIELD "GET / HTTP/1.1\r\nHost: a\r\nX: "

static void fields_over_their_limit_are_431(void **state)
{
    size_t room = limits.headers_max - strlen("Host: a\r\nX: \r\n");

    (void)state;
    assert_int_equal(answer_to(BEFORE_FIELD, room, "\r\n\r\n"), 0);
    assert_int_equal(answer_to(BEFORE_FIELD, room + 1, "\r\n\r\n"), 431);
    assert_int_equal(answer_to(BEFORE_FIELD, 2 * room, "\r\n\r\n"), 431);
    assert_int_equal(answer_to("GET / HTTP/1.1\r\n", 2 * room, ": a\r\n\r\n"), 431);
}

static void more_fields_than_allowed_are_431(void **state)
{
    (void)state;
    for (uint32_t more = 0; more < 2; more++) {
        struct sr_buffer stream;
        struct transcript whole;

        sr_buffer_init(&stream, 1 << 20);
        put_text(&stream, "GET / HTTP/1.1\r\nHost: a\r\n");
        for (uint32_t i = 1; i < limits.fields_max + more; i++) {
            put_text(&stream, "X: y\r\n");
        }
        put_text(&stream, "\r\n");
        whole = transcript_of(sr_buffer_span(&stream), &limits, NULL, NULL);
        assert_int_equal(whole.refused, more == 0 ? 0 : 431);
        transcript_done(&whole);
        sr_buffer_done(&stream);
    }
}

#define BEFORE_CHUNKS "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"

/* 16 KiB are free; 5 bytes of body allow 5 more. */
static void chunk_framing_over_its_limit_is_400(void **state)
{
    size_t room = 16384 + 5 - strlen("5;\r\n\r\n0\r\n\r\n");
    size_t trailer_room = 16384 - strlen("0\r\nA: \r\n\r\n");

    (void)state;
    assert_int_equal(answer_to(BEFORE_CHUNKS "5;", room, "\r\nhello\r\n0\r\n\r\n"), 0);
    assert_int_equal(answer_to(BEFORE_CHUNKS "5;", room + 1, "\r\nhello\r\n0\r\n\r\n"), 400);
    assert_int_equal(answer_to(BEFORE_CHUNKS "0\r\nA: ", trailer_room, "\r\n\r\n"), 0);
    assert_int_equal(answer_to(BEFORE_CHUNKS "0\r\nA: ", trailer_room + 1, "\r\n\r\n"), 400);
}

static void a_body_over_its_limit_is_413_before_it_is_read(void **state)
{
    static const char at_limit[] =
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8388608\r\n\r\n";
    static const char over[] = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8388609\r\n\r\n";
    static const struct sr_span at_limit_bytes = BYTES(at_limit), over_bytes = BYTES(over);
    struct transcript transcript = transcript_of(at_limit_bytes, &limits, NULL, NULL);

    (void)state;
    assert_int_equal(transcript.refused, 0);
    assert_true(transcript.in_body_at_end);
    transcript_done(&transcript);
    transcript = transcript_of(over_bytes, &limits, NULL, NULL);
    assert_int_equal(transcript.refused, 413);
    transcript_done(&transcript);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_line_over_its_limit_is_414),
        cmocka_unit_test(fields_over_their_limit_are_431),
        cmocka_unit_test(more_fields_than_allowed_are_431),
        cmocka_unit_test(chunk_framing_over_its_limit_is_400),
        cmocka_unit_test(a_body_over_its_limit_is_413_before_it_is_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
