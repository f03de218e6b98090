/*
 * Streams of requests: what they say, where their limits are, how they are told apart.
 */
#include "http/parser.h"

#include "bytes.h"
#include "transcript.h"

#include <stdio.h>

static const struct http_limits limits = {8192, 16384, 100, 8 << 20};

/* Reads one request that is all of text; the parser is done with afterwards. */
static struct http_request request_of(char *text, size_t size)
{
    struct http_parser parser;
    struct http_request request;
    struct http_refusal refusal = {0};
    size_t consumed = 0;
    enum http_parse_status status;

    http_parser_init(&parser, &limits);
    status = http_parser_feed(&parser, (uint8_t *)text, size, &request, &consumed, &refusal);
    if (status != HTTP_PARSE_REQUEST) {
        fail_msg("status %d, refused %u %s", status, refusal.status, refusal.detail);
    }
    assert_int_equal(consumed, size);
    assert_true(http_parser_idle(&parser));
    return request;
}

static void a_request_is_taken_apart(void **state)
{
    char text[] = "POST /increment?a=b&c HTTP/1.1\r\n"
                  "Host: localhost:3333\r\n"
                  "Content-Type:   application/json \t\r\n"
                  "ACCEPT: */*\r\n"
                  "X-Other: z\r\n"
                  "idempotency-key: t1\r\n"
                  "Idempotency-Key: t2\r\n"
                  "Prefer:\r\n"
                  "Content-Length: 26\r\n"
                  "\r\n"
                  "{\"key\":\"test1\",\"value\": 2}";
    struct http_request request = request_of(text, sizeof(text) - 1);

    (void)state;
    assert_int_equal(request.method, HTTP_METHOD_POST);
    assert_span("target", request.target, "/increment?a=b&c");
    assert_span("path", request.path, "/increment");
    assert_span("query", request.query, "a=b&c");
    assert_span("host", request.fields[HTTP_FIELD_HOST], "localhost:3333");
    assert_span("type", request.fields[HTTP_FIELD_CONTENT_TYPE], "application/json");
    assert_span("accept", request.fields[HTTP_FIELD_ACCEPT], "*/*");
    assert_span("the first of two", request.fields[HTTP_FIELD_IDEMPOTENCY_KEY], "t1");
    assert_true(request.field_repeated[HTTP_FIELD_IDEMPOTENCY_KEY]);
    assert_false(request.field_repeated[HTTP_FIELD_HOST]);
    assert_non_null(request.fields[HTTP_FIELD_PREFER].data);
    assert_int_equal(request.fields[HTTP_FIELD_PREFER].size, 0);
    assert_null(request.fields[HTTP_FIELD_ORIGIN].data);
    assert_span("body", request.body, "{\"key\":\"test1\",\"value\": 2}");
    assert_true(request.keep_alive);
    assert_false(request.http_1_0);
}

static void methods_are_told_apart(void **state)
{
    static const struct {
        const char *name;
        enum http_method method;
    } rows[] = {
        {"GET", HTTP_METHOD_GET},        {"HEAD", HTTP_METHOD_HEAD},
        {"POST", HTTP_METHOD_POST},      {"PUT", HTTP_METHOD_PUT},
        {"DELETE", HTTP_METHOD_DELETE},  {"OPTIONS", HTTP_METHOD_OPTIONS},
        {"PATCH", HTTP_METHOD_OTHER},    {"TRACE", HTTP_METHOD_OTHER},
        {"PROPFIND", HTTP_METHOD_OTHER}, {"M-SEARCH", HTTP_METHOD_OTHER},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[64];
        int size =
            snprintf(text, sizeof(text), "%s / HTTP/1.1\r\nHost: a\r\n\r\n", rows[i].name);

        assert_int_equal(request_of(text, (size_t)size).method, rows[i].method);
    }
}

static void the_connection_lasts_as_version_and_field_say(void **state)
{
    static const struct {
        const char *text;
        bool keep_alive, http_1_0;
    } rows[] = {
        {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", true, false},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", false, false},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: CLOSE\r\n\r\n", false, false},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: x, close\r\n\r\n", false, false},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: closed\r\n\r\n", true, false},
        {"GET / HTTP/1.0\r\nHost: a\r\n\r\n", false, true},
        {"GET / HTTP/1.0\r\n\r\n", false, true},
        {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true, true},
        {"GET / HTTP/1.0\r\nConnection: Keep-Alive, close\r\n\r\n", false, true},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[128];
        struct http_request request;

        (void)snprintf(text, sizeof(text), "%s", rows[i].text);
        request = request_of(text, strlen(text));
        assert_int_equal(request.keep_alive, rows[i].keep_alive);
        assert_int_equal(request.http_1_0, rows[i].http_1_0);
    }
}

static void absolute_targets_give_their_path(void **state)
{
    static const struct {
        const char *target, *path, *query;
    } rows[] = {
        {"http://other:80/counters/a?b", "/counters/a", "b"},
        {"http://other", "/", ""},
        {"https://other?x=/y", "/", "x=/y"},
        {"http://[::1]:3333/", "/", ""},
        {"/http://x/", "/http://x/", ""},
        {"//x/y", "//x/y", ""},
        {"/a?", "/a", ""},
        {"/a??b", "/a", "?b"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[128];
        struct http_request request;

        (void)snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: a\r\n\r\n",
                       rows[i].target);
        request = request_of(text, strlen(text));
        assert_span("target", request.target, rows[i].target);
        assert_span(rows[i].target, request.path, rows[i].path);
        assert_span(rows[i].target, request.query, rows[i].query);
    }
}

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

#define AFTER_TARGET " HTTP/1.1\r\nHost: a\r\n\r\n"

static void empty_lines_before_a_request_are_passed_over_in_measure(void **state)
{
    static const struct {
        struct sr_span bytes;
        uint16_t status;
    } rows[] = {
        {BYTES("\r\nGET"
               " /" AFTER_TARGET),
         0},
        {BYTES("\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\nGET /" AFTER_TARGET), 0},
        {BYTES("\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\nGET /" AFTER_TARGET), 400},
        {BYTES("\nGET /" AFTER_TARGET), 400},
        {BYTES("\rGET /" AFTER_TARGET), 400},
        {BYTES("\r\n\nGET /" AFTER_TARGET), 400},
        {BYTES("\r\r\nGET /" AFTER_TARGET), 400},
        {BYTES("\r\n GET /" AFTER_TARGET), 400},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct transcript whole = transcript_of(rows[i].bytes, &limits, NULL, NULL);

        assert_int_equal(whole.refused, rows[i].status);
        transcript_done(&whole);
    }
}

static void a_client_that_waits_is_told_to_go_on_once(void **state)
{
    static const char head[] = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n"
                               "Expect: 100-continue\r\n\r\n";
    char text[] = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n"
                  "Expect: 100-continue\r\n\r\n{}";
    struct http_parser parser;
    struct http_request request;
    struct http_refusal refusal;
    size_t consumed;
    uint8_t *region = (uint8_t *)text;

    (void)state;
    http_parser_init(&parser, &limits);
    assert_int_equal(http_parser_feed(&parser, region, sizeof(head) - 1, &request, &consumed,
                                      &refusal),
                     HTTP_PARSE_CONTINUE);
    assert_true(http_parser_in_body(&parser));
    assert_int_equal(http_parser_feed(&parser, region, sizeof(head), &request, &consumed,
                                      &refusal),
                     HTTP_PARSE_MORE);
    assert_int_equal(http_parser_feed(&parser, region, sizeof(text) - 1, &request, &consumed,
                                      &refusal),
                     HTTP_PARSE_REQUEST);
    assert_span("body", request.body, "{}");
    (void)request_of(text, sizeof(text) - 1); /* nothing to wait for */
}

static void nobody_is_told_to_go_on_without_a_body_to_come(void **state)
{
    static const struct sr_span streams[] = {
        BYTES("GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\nG"),
        BYTES(
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nExpect: 100-continue\r\n\r\nG"),
        BYTES("POST / HTTP/1.0\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n{"),
        BYTES("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999\r\n"
              "Expect: 100-continue\r\n\r\n"),
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(streams); i++) {
        struct transcript pieces =
            transcript_of(streams[i], &limits, transcript_cut_each_byte, NULL);

        assert_int_equal(pieces.continues_count, 0);
        transcript_done(&pieces);
    }
}

static void the_parser_tells_where_it_stands(void **state)
{
    char text[] = "\r\nPOST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}";
    size_t head_size = sizeof(text) - 1 - 2;
    struct http_parser parser;
    struct http_request request;
    struct http_refusal refusal;
    size_t consumed;

    (void)state;
    http_parser_init(&parser, &limits);
    assert_true(http_parser_idle(&parser));
    for (size_t size = 1; size < sizeof(text) - 1; size++) {
        assert_int_equal(http_parser_feed(&parser, (uint8_t *)text, size, &request, &consumed,
                                          &refusal),
                         HTTP_PARSE_MORE);
        assert_int_equal(http_parser_idle(&parser), size <= 2);
        assert_int_equal(http_parser_in_body(&parser), size >= head_size);
    }
}

static void a_refusal_is_final(void **state)
{
    char text[] = "\x16\x03\x01GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    struct http_parser parser;
    struct http_request request;
    struct http_refusal refusal;
    size_t consumed;

    (void)state;
    http_parser_init(&parser, &limits);
    for (size_t size = 3; size < sizeof(text); size++) {
        assert_int_equal(http_parser_feed(&parser, (uint8_t *)text, size, &request, &consumed,
                                          &refusal),
                         HTTP_PARSE_REFUSED);
        assert_int_equal(refusal.status, 400);
    }
    assert_false(http_parser_idle(&parser));
}

static void a_thousand_pipelined_requests_are_a_thousand(void **state)
{
    struct sr_buffer stream;
    struct transcript whole;

    (void)state;
    sr_buffer_init(&stream, 1 << 24);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(sr_buffer_printf(&stream,
                                          "POST /%d HTTP/1.1\r\nHost: a\r\n"
                                          "Content-Length: %d\r\n\r\n%.*s",
                                          i, i % 10, i % 10, "0123456789"),
                         SR_OK);
    }
    whole = transcript_of(sr_buffer_span(&stream), &limits, NULL, NULL);
    assert_int_equal(whole.requests_count, 1000);
    assert_int_equal(whole.left_at_end, 0);
    assert_true(whole.idle_at_end);
    transcript_done(&whole);
    sr_buffer_done(&stream);
}

/* Would take hours if a byte were looked at again with each one that follows it. */
static void large_bodies_in_single_bytes_take_linear_time(void **state)
{
    enum { SIZE = 4 << 20 };
    struct sr_buffer stream;
    struct http_parser parser;
    struct http_request request;
    struct http_refusal refusal;
    size_t consumed;
    enum http_parse_status status = HTTP_PARSE_MORE;

    (void)state;
    sr_buffer_init(&stream, 1 << 24);
    put_text(&stream,
             "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n400000\r\n");
    put_repeated(&stream, 'x', SIZE);
    put_text(&stream, "\r\n0\r\n\r\n");
    http_parser_init(&parser, &limits);
    for (size_t size = 1; size <= stream.size; size++) {
        status = http_parser_feed(&parser, stream.data, size, &request, &consumed, &refusal);
        if (status != HTTP_PARSE_MORE && size < stream.size) {
            fail_msg("status %d at %zu", status, size);
        }
    }
    assert_int_equal(status, HTTP_PARSE_REQUEST);
    assert_int_equal(request.body.size, SIZE);
    sr_buffer_done(&stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_taken_apart),
        cmocka_unit_test(methods_are_told_apart),
        cmocka_unit_test(the_connection_lasts_as_version_and_field_say),
        cmocka_unit_test(absolute_targets_give_their_path),
        cmocka_unit_test(empty_lines_before_a_request_are_passed_over_in_measure),
        cmocka_unit_test(a_client_that_waits_is_told_to_go_on_once),
        cmocka_unit_test(nobody_is_told_to_go_on_without_a_body_to_come),
        cmocka_unit_test(the_parser_tells_where_it_stands),
        cmocka_unit_test(a_refusal_is_final),
        cmocka_unit_test(a_thousand_pipelined_requests_are_a_thousand),
        cmocka_unit_test(large_bodies_in_single_bytes_take_linear_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
