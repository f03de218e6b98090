/*
 * Replies, byte by byte.
 */
#include "http/reply.h"

#include "bytes.h"

#include <stdio.h>
#include <yyjson.h>

static struct sr_buffer out;

static void expect(enum sr_result result, const char *expected)
{
    struct sr_span reply = sr_buffer_span(&out);

    out.size = 0;
    assert_int_equal(result, SR_OK);
    assert_span("reply", reply, expected);
}

static const struct http_reply ok = {.status = 200, .keep_alive = true};

static void the_reply_to_the_sample_request_is_exact(void **state)
{
    (void)state;
    expect(http_reply_total(&out, &ok, sr_span_text("test1"), 2),
           "HTTP/1.1 200 OK\r\n"
           "Content-Type: application/json\r\n"
           "Content-Length: 34\r\n"
           "\r\n"
           "{\"data\":{\"key\":\"test1\",\"value\":2}}");
}

static void totals_of_all_sizes_are_written(void **state)
{
    (void)state;
    expect(http_reply_total(&out, &ok, sr_span_text("a"), INT64_MAX),
           "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 48\r\n\r\n"
           "{\"data\":{\"key\":\"a\",\"value\":9223372036854775807}}");
    expect(http_reply_total(&out, &ok, sr_span_text("a"), INT64_MIN),
           "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 49\r\n\r\n"
           "{\"data\":{\"key\":\"a\",\"value\":-9223372036854775808}}");
    expect(http_reply_total(&out, &ok, sr_span_text("a"), 0),
           "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 30\r\n\r\n"
           "{\"data\":{\"key\":\"a\",\"value\":0}}");
}

static void an_unknown_total_is_null(void **state)
{
    struct http_reply accepted = {.status = 202, .keep_alive = true};

    (void)state;
    expect(http_reply_unknown_total(&out, &accepted, sr_span_text("a")),
           "HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\n"
           "Content-Length: 33\r\n\r\n{\"data\":{\"key\":\"a\",\"value\":null}}");
}

static void counters_tell_what_is_synced_or_null(void **state)
{
    (void)state;
    expect(http_reply_counter(&out, &ok, sr_span_text("a"), -5, true, INT64_MIN),
           "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 61\r\n\r\n"
           "{\"data\":{\"key\":\"a\",\"value\":-5,\"synced\":-9223372036854775808}}");
    expect(http_reply_counter(&out, &ok, sr_span_text("a"), INT64_MIN, true, INT64_MIN),
           "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 79\r\n\r\n"
           "{\"data\":{\"key\":\"a\",\"value\":-9223372036854775808,"
           "\"synced\":-9223372036854775808}}");
    expect(http_reply_counter(&out, &ok, sr_span_text("a"), 5, false, 1),
           "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 44\r\n\r\n"
           "{\"data\":{\"key\":\"a\",\"value\":5,\"synced\":null}}");
}

static void keys_are_escaped_as_json_demands(void **state)
{
    static const struct sr_span key = BYTES("\"\\/\x01\n\x1f \x7f\xc3\xa4");

    (void)state;
    expect(http_reply_total(&out, &ok, key, 1),
           "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 56\r\n\r\n"
           "{\"data\":{\"key\":\"\\\"\\\\/\\u0001\\u000a\\u001f \x7f\xc3\xa4\",\"value\":1}}");
}

static void the_connection_line_follows_version_and_keep_alive(void **state)
{
    static const struct sr_span nothing = {0};
    struct http_reply reply = {.status = 202};

    (void)state;
    expect(http_reply_bytes(&out, &reply, nothing),
           "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    reply.http_1_0 = true;
    expect(http_reply_bytes(&out, &reply, nothing),
           "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    reply.keep_alive = true;
    expect(http_reply_bytes(&out, &reply, nothing),
           "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n");
    reply.http_1_0 = false;
    expect(http_reply_bytes(&out, &reply, nothing),
           "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n");
}

static void a_head_reply_has_the_length_and_no_body(void **state)
{
    struct http_reply reply = {.status = 200, .head = true, .keep_alive = true};

    (void)state;
    expect(http_reply_bytes(&out, &reply, sr_span_text("hello")),
           "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5\r\n\r\n");
    expect(http_reply_total(&out, &reply, sr_span_text("test1"), 2),
           "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 34\r\n\r\n");
    reply.status = 404;
    expect(http_reply_error(&out, &reply, "no"),
           "HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\n"
           "Content-Length: 26\r\n\r\n");
}

static void a_reply_204_has_neither_length_nor_type(void **state)
{
    static const struct sr_span nothing = {0};
    struct http_reply reply = {.status = 204,
                               .keep_alive = true,
                               .extra_headers = "Allow: GET, POST\r\n"};

    (void)state;
    expect(http_reply_bytes(&out, &reply, nothing),
           "HTTP/1.1 204 No Content\r\nAllow: GET, POST\r\n\r\n");
}

static void errors_have_the_shape_of_their_status(void **state)
{
    static const struct {
        uint16_t status;
        const char *start, *body;
    } rows[] = {
        {400, "HTTP/1.1 400 Bad Request\r\n", "{\"errors\":{\"detail\":\"x\"}}"},
        {401, "HTTP/1.1 401 Unauthorized\r\n", "{\"errors\":{\"detail\":\"x\"}}"},
        {403, "HTTP/1.1 403 Forbidden\r\n", "{\"errors\":{\"detail\":\"x\"}}"},
        {404, "HTTP/1.1 404 Not Found\r\n", "{\"errors\":{\"detail\":\"x\"}}"},
        {405, "HTTP/1.1 405 Method Not Allowed\r\n", "{\"errors\":{\"detail\":\"x\"}}"},
        {406, "HTTP/1.1 406 Not Acceptable\r\n", "{\"errors\":{\"detail\":\"x\"}}"},
        {408, "HTTP/1.1 408 Request Timeout\r\n", "{\"errors\":{\"detail\":\"x\"}}"},
        {409, "HTTP/1.1 409 Conflict\r\n", "{\"error\":{\"message\":\"x\"}}"},
        {413, "HTTP/1.1 413 Content Too Large\r\n", "{\"errors\":{\"detail\":\"x\"}}"},
        {414, "HTTP/1.1 414 URI Too Long\r\n", "{\"errors\":{\"detail\":\"x\"}}"},
        {415, "HTTP/1.1 415 Unsupported Media Type\r\n", "{\"errors\":{\"detail\":\"x\"}}"},
        {417, "HTTP/1.1 417 Expectation Failed\r\n", "{\"errors\":{\"detail\":\"x\"}}"},
        {422, "HTTP/1.1 422 Unprocessable Content\r\n", "{\"error\":{\"message\":\"x\"}}"},
        {429, "HTTP/1.1 429 Too Many Requests\r\n", "{\"error\":{\"message\":\"x\"}}"},
        {431, "HTTP/1.1 431 Request Header Fields Too Large\r\n",
         "{\"errors\":{\"detail\":\"x\"}}"},
        {500, "HTTP/1.1 500 Internal Server Error\r\n", "{\"errors\":{\"detail\":\"x\"}}"},
        {501, "HTTP/1.1 501 Not Implemented\r\n", "{\"errors\":{\"detail\":\"x\"}}"},
        {503, "HTTP/1.1 503 Service Unavailable\r\n", "{\"error\":{\"message\":\"x\"}}"},
        {505, "HTTP/1.1 505 HTTP Version Not Supported\r\n", "{\"errors\":{\"detail\":\"x\"}}"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct http_reply reply = {.status = rows[i].status, .keep_alive = true};
        char expected[256];

        (void)snprintf(expected, sizeof(expected),
                       "%sContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                       rows[i].start, strlen(rows[i].body), rows[i].body);
        expect(http_reply_error(&out, &reply, "x"), expected);
    }
}

static void messages_are_escaped(void **state)
{
    struct http_reply reply = {.status = 422};

    (void)state;
    expect(http_reply_error(&out, &reply, "a \"b\"\n"),
           "HTTP/1.1 422 Unprocessable Content\r\nContent-Type: application/json\r\n"
           "Content-Length: 37\r\nConnection: close\r\n\r\n"
           "{\"error\":{\"message\":\"a \\\"b\\\"\\u000a\"}}");
}

static void type_and_extra_headers_are_sent_as_given(void **state)
{
    struct http_reply reply = {.status = 200,
                               .keep_alive = true,
                               .content_type = "text/plain; version=0.0.4",
                               .extra_headers = "X: y\r\nZ: 1\r\n"};

    (void)state;
    expect(http_reply_bytes(&out, &reply, sr_span_text("up 1\n")),
           "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n"
           "Content-Length: 5\r\nX: y\r\nZ: 1\r\n\r\nup 1\n");
}

static void replies_are_appended(void **state)
{
    (void)state;
    assert_int_equal(http_reply_continue(&out), SR_OK);
    expect(http_reply_bytes(&out, &ok, sr_span_text("{}")),
           "HTTP/1.1 100 Continue\r\n\r\n"
           "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}");
}

/* A reply that does not fit leaves the buffer as it was. */
static void a_full_buffer_is_told_and_nothing_appended(void **state)
{
    struct sr_buffer small;

    (void)state;
    sr_buffer_init(&small, 200);
    assert_int_equal(sr_buffer_append(&small, "x", 1), SR_OK);
    for (size_t size = 0; size < 60; size += 7) {
        char key[64];

        memset(key, '\x01', size);
        key[size] = '\0';
        if (http_reply_total(&small, &ok, sr_span_text(key), 1) == SR_OK) {
            assert_true(small.size <= small.capacity);
            small.size = 1;
        } else {
            assert_int_equal(small.size, 1);
        }
    }
    assert_int_equal(http_reply_error(&small, &(struct http_reply){.status = 400},
                                      "a message that is longer than what the buffer can take, "
                                      "and then some words more so that it surely is"),
                     SR_FULL);
    assert_int_equal(small.size, 1);
    sr_buffer_done(&small);
}

static void the_size_of_a_total_is_foretold(void **state)
{
    static const struct http_reply replies[] = {
        {.status = 200, .keep_alive = true},
        {.status = 200, .keep_alive = true, .http_1_0 = true},
        {.status = 431},
    };
    char key[512];

    (void)state;
    memset(key, '\x1f', sizeof(key));
    for (size_t i = 0; i < COUNT_OF(replies); i++) {
        for (size_t size = 0; size <= sizeof(key); size += 64) {
            struct sr_span span = {.data = (const uint8_t *)key, .size = size};

            assert_int_equal(http_reply_total(&out, &replies[i], span, INT64_MIN), SR_OK);
            assert_true(out.size <= http_reply_total_size_max(size));
            out.size = 0;
        }
    }
}

/* Every byte as a key's only one, read back. */
static void keys_are_read_back_by_yyjson_as_they_were(void **state)
{
    (void)state;
    for (unsigned byte = 1; byte < 128; byte++) {
        uint8_t key = (uint8_t)byte;
        yyjson_doc *document;
        const char *body;
        yyjson_val *back;

        assert_int_equal(http_reply_total(&out, &ok, (struct sr_span){&key, 1}, 1), SR_OK);
        body = memmem(out.data, out.size, "\r\n\r\n", 4);
        assert_non_null(body);
        body += 4;
        document = yyjson_read(body, out.size - (size_t)((const uint8_t *)body - out.data), 0);
        assert_non_null(document);
        back = yyjson_ptr_get(yyjson_doc_get_root(document), "/data/key");
        assert_int_equal(yyjson_get_len(back), 1);
        assert_true(yyjson_equals_strn(back, (const char *)&key, 1));
        yyjson_doc_free(document);
        out.size = 0;
    }
}

static void json_strings_are_quoted_and_escaped(void **state)
{
    static const struct sr_span text = BYTES("a\"\\\0\x1f\xc3\xa4");
    static const struct sr_span nothing = {0};

    (void)state;
    expect(http_json_string(&out, text), "\"a\\\"\\\\\\u0000\\u001f\xc3\xa4\"");
    expect(http_json_string(&out, nothing), "\"\"");
}

static void reasons_are_those_of_rfc_9110(void **state)
{
    (void)state;
    assert_string_equal(http_reason(200), "OK");
    assert_string_equal(http_reason(422), "Unprocessable Content");
    assert_string_equal(http_reason(299), "Unknown");
}

static int take_buffer(void **state)
{
    (void)state;
    sr_buffer_init(&out, 1 << 20);
    return 0;
}

static int free_buffer(void **state)
{
    (void)state;
    sr_buffer_done(&out);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_reply_to_the_sample_request_is_exact),
        cmocka_unit_test(totals_of_all_sizes_are_written),
        cmocka_unit_test(an_unknown_total_is_null),
        cmocka_unit_test(counters_tell_what_is_synced_or_null),
        cmocka_unit_test(keys_are_escaped_as_json_demands),
        cmocka_unit_test(the_connection_line_follows_version_and_keep_alive),
        cmocka_unit_test(a_head_reply_has_the_length_and_no_body),
        cmocka_unit_test(a_reply_204_has_neither_length_nor_type),
        cmocka_unit_test(errors_have_the_shape_of_their_status),
        cmocka_unit_test(messages_are_escaped),
        cmocka_unit_test(type_and_extra_headers_are_sent_as_given),
        cmocka_unit_test(replies_are_appended),
        cmocka_unit_test(a_full_buffer_is_told_and_nothing_appended),
        cmocka_unit_test(the_size_of_a_total_is_foretold),
        cmocka_unit_test(keys_are_read_back_by_yyjson_as_they_were),
        cmocka_unit_test(json_strings_are_quoted_and_escaped),
        cmocka_unit_test(reasons_are_those_of_rfc_9110),
    };

    return cmocka_run_group_tests(tests, take_buffer, free_buffer);
}
