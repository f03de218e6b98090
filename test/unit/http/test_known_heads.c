/*
 * Heads that come again: what is read of them is what is read of a head seen for the first
 * time.
 */
#include "http/known_heads.h"

#include "bytes.h"
#include "transcript.h"

#include <stdio.h>

static const struct http_limits limits = {8192, 16384, 100, 90};

static const char first_head[] = "POST /increment?a=1 HTTP/1.1\r\nHost: a.example:80\r\n"
                                 "content-length:  12 \r\nContent-Type: application/json\r\n"
                                 "Accept: */*\r\nX-Other: \r\n\r\n";
static const char body_of_12[] = "{\"value\":1} ";

static struct sr_span joined(struct sr_buffer *buffer, const char *head, struct sr_span body)
{
    buffer->size = 0;
    assert_int_equal(sr_buffer_append(buffer, head, strlen(head)), SR_OK);
    assert_int_equal(sr_buffer_append(buffer, body.data, body.size), SR_OK);
    return sr_buffer_span(buffer);
}

/* What is read of the second behind the first, whose head is known then, is what is read of it
 * alone. */
static void check_behind(struct sr_span first, struct sr_span second)
{
    struct transcript alone = transcript_of(first, &limits, NULL, NULL);
    struct transcript other = transcript_of(second, &limits, NULL, NULL);
    struct transcript together;
    struct sr_buffer both;

    sr_buffer_init(&both, 1 << 16);
    assert_int_equal(sr_buffer_append(&both, first.data, first.size), SR_OK);
    assert_int_equal(sr_buffer_append(&both, second.data, second.size), SR_OK);
    together = transcript_of(sr_buffer_span(&both), &limits, NULL, NULL);
    transcript_put(&alone, other.text.data, other.text.size);
    assert_true(sr_span_equal(sr_buffer_span(&alone.text), sr_buffer_span(&together.text)));
    assert_int_equal(other.left_at_end, together.left_at_end);
    assert_int_equal(other.refused, together.refused);
    transcript_done(&alone);
    transcript_done(&other);
    transcript_done(&together);
    sr_buffer_done(&both);
}

static void a_head_with_any_byte_changed_is_read_as_alone(void **state)
{
    struct sr_buffer one, two;
    struct sr_span first;

    (void)state;
    sr_buffer_init(&one, 4096);
    sr_buffer_init(&two, 4096);
    first = joined(&one, first_head, sr_span_text(body_of_12));
    (void)joined(&two, first_head, sr_span_text(body_of_12));
    for (size_t at = 0; at < two.size; at++) {
        uint8_t was = two.data[at];

        for (unsigned byte = 0; byte < 256; byte++) {
            two.data[at] = (uint8_t)byte;
            check_behind(first, sr_buffer_span(&two));
        }
        two.data[at] = was;
    }
    for (size_t size = 0; size < two.size; size++) {
        check_behind(first, (struct sr_span){two.data, size});
    }
    sr_buffer_done(&one);
    sr_buffer_done(&two);
}

/* Reads one request that is all of text. */
static void feed(struct http_parser *parser, const char *text, struct http_request *ret_request)
{
    struct http_refusal refusal;
    size_t consumed = 0;

    assert_int_equal(http_parser_feed(parser, (uint8_t *)(uintptr_t)text, strlen(text),
                                      ret_request, &consumed, &refusal),
                     HTTP_PARSE_REQUEST);
    assert_int_equal(consumed, strlen(text));
}

static bool is_known(struct http_parser *parser, const char *text)
{
    struct http_request request;
    size_t consumed;

    return http_known_heads_take(parser, (const uint8_t *)text, strlen(text), &request,
                                 &consumed);
}

static struct http_known_heads known;
static const struct sr_siphash_key key = {3, 4};

static void start(struct http_parser *parser)
{
    http_parser_init(parser, &limits);
    http_parser_know(parser, &known);
}

static int forget_all(void **state)
{
    (void)state;
    http_known_heads_init(&known, &key);
    return 0;
}

#define HEAD "POST / HTTP/1.1\r\nHost: a\r\n"

static void only_the_digits_of_the_length_may_differ(void **state)
{
    struct http_parser parser;
    struct http_request request;

    (void)state;
    start(&parser);
    assert_false(is_known(&parser, HEAD "Content-Length: 1\r\n\r\nx"));
    feed(&parser, HEAD "Content-Length: 1\r\n\r\nx", &request);
    assert_true(is_known(&parser, HEAD "Content-Length: 1\r\n\r\ny"));
    assert_true(is_known(&parser, HEAD "Content-Length: 3\r\n\r\nxyz and more"));
    assert_true(is_known(&parser, HEAD "Content-Length: 0\r\n\r\n"));
    assert_false(is_known(&parser, HEAD "Content-Length: 3\r\n\r\nxy"));
    assert_false(is_known(&parser, HEAD "Content-Length: x\r\n\r\nxyz"));
    assert_false(is_known(&parser, HEAD "Content-Length: 10\r\n\r\nxxxxxxxxxx"));
    assert_false(is_known(&parser, HEAD "content-Length: 1\r\n\r\nx"));
    feed(&parser, HEAD "Content-Length: 11\r\n\r\n0123456789.", &request);
    assert_true(is_known(&parser, HEAD "Content-Length: 12\r\n\r\n0123456789.."));
    assert_false(is_known(&parser, HEAD "Content-Length: 01\r\n\r\nx"));
    assert_false(is_known(&parser, HEAD "Content-Length: 91\r\n\r\n"
                                        "0123456789012345678901234567890123456789012345678901"
                                        "2345678901234567890123456789012345678901234567890"));
}

static void a_connection_knows_only_what_it_sent_itself(void **state)
{
    struct http_parser one, two;
    struct http_request request;

    (void)state;
    start(&one);
    start(&two);
    feed(&one, HEAD "Authorization: Bearer s\r\n\r\n", &request);
    assert_true(is_known(&one, HEAD "Authorization: Bearer s\r\n\r\n"));
    assert_false(is_known(&two, HEAD "Authorization: Bearer s\r\n\r\n"));
}

static void heads_that_differ_each_time_are_not_kept(void **state)
{
    static const char *const heads[] = {
        HEAD "Idempotency-Key: a\r\n\r\n",
        HEAD "X-Request-Id: a\r\n\r\n",
        HEAD "Traceparent: a\r\n\r\n",
        HEAD "Expect: 100-continue\r\n\r\n",
        HEAD "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        HEAD "Content-Length: 00\r\n\r\n",
        "\r\n" HEAD "\r\n",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(heads); i++) {
        uint8_t text[128] = {0}; /* chunks are decoded in place */
        struct http_parser parser;
        struct http_request request;

        memcpy(text, heads[i], strlen(heads[i]));
        start(&parser);
        feed(&parser, (const char *)text, &request);
        assert_false(is_known(&parser, heads[i]));
    }
}

/* More heads than there is room for: each is known right after it came, and read rightly. */
static void heads_displace_each_other(void **state)
{
    static struct http_parser parsers[4 * HTTP_KNOWN_HEADS];
    unsigned still_known = 0;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(parsers); i++) {
        struct http_request request;
        char text[64];

        (void)snprintf(text, sizeof(text), "GET /%zu HTTP/1.1\r\nHost: a\r\n\r\n", i);
        start(&parsers[i]);
        feed(&parsers[i], text, &request);
        assert_true(is_known(&parsers[i], text));
        feed(&parsers[i], text, &request);
        assert_true(request.path.data == (const uint8_t *)text + 4);
    }
    for (size_t i = 0; i < COUNT_OF(parsers); i++) {
        char text[64];

        (void)snprintf(text, sizeof(text), "GET /%zu HTTP/1.1\r\nHost: a\r\n\r\n", i);
        still_known += is_known(&parsers[i], text);
    }
    assert_in_range(still_known, 1, HTTP_KNOWN_HEADS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_head_with_any_byte_changed_is_read_as_alone),
        cmocka_unit_test_setup(only_the_digits_of_the_length_may_differ, forget_all),
        cmocka_unit_test_setup(a_connection_knows_only_what_it_sent_itself, forget_all),
        cmocka_unit_test_setup(heads_that_differ_each_time_are_not_kept, forget_all),
        cmocka_unit_test_setup(heads_displace_each_other, forget_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
