/*
 * Answers out of bytes, cut anywhere.
 */
#include "client/answer.h"

#include "support/unit.h"

#include <string.h>

#define BODY_MAX 16

struct read {
    struct answer answer;
    struct sr_buffer body;
    struct sr_err err;
};

/* Reads the text in pieces of `piece` bytes, and its end where it is not done before. */
static enum sr_result read_text(struct read *r, const char *text, size_t piece)
{
    size_t size = strlen(text);
    enum sr_result result = SR_OK;

    sr_buffer_init(&r->body, BODY_MAX);
    answer_begin(&r->answer, &r->body);
    for (size_t at = 0; at < size && result == SR_OK && !r->answer.done; at += piece) {
        result =
            answer_take(&r->answer, text + at, size - at < piece ? size - at : piece, &r->err);
    }
    return result == SR_OK && !r->answer.done ? answer_take(&r->answer, "", 0, &r->err)
                                              : result;
}

struct row {
    const char *text;
    unsigned status;
    const char *body;
    bool keep_alive;
};

static void answers_are_read_however_they_are_cut(void **state)
{
    static const struct row rows[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", true},
        {"HTTP/1.1 204 No Content\r\n\r\n", 204, "", true},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: "
         "chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
         200, "hello", true},
        {"HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno", 404,
         "no", false},
        /* an interim answer is none */
        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200,
         "ok", true},
        /* the body goes on to the stream's end */
        {"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nto the end", 200, "to the end", false},
        {"HTTP/1.0 200 OK\r\n\r\nold", 200, "old", false},
        /* what follows the answer is not for us */
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1HTTP/1.1 500 x\r\n\r\n", 200, "1", true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (size_t piece = 1; piece <= strlen(rows[i].text); piece++) {
            struct read r;

            assert_int_equal(read_text(&r, rows[i].text, piece), SR_OK);
            assert_true(r.answer.done);
            assert_int_equal(r.answer.status, rows[i].status);
            assert_int_equal(r.answer.keep_alive, rows[i].keep_alive);
            assert_int_equal(r.body.size, strlen(rows[i].body));
            assert_memory_equal(r.body.data == NULL ? (const void *)"" : r.body.data,
                                rows[i].body, r.body.size);
            sr_buffer_done(&r.body);
        }
    }
}

static void fields_that_matter_are_found_in_any_case(void **state)
{
    static const char text[] = "HTTP/1.1 503 x\r\nX-Other: 9\r\nretry-AFTER: 17\r\n"
                               "idempotency-replayed: TRUE\r\nContent-Length: 0\r\n\r\n";
    struct read r;

    (void)state;
    for (size_t piece = 1; piece < sizeof(text); piece++) {
        assert_int_equal(read_text(&r, text, piece), SR_OK);
        assert_true(r.answer.has_retry_after && r.answer.replayed);
        assert_int_equal(r.answer.retry_after_s, 17);
        sr_buffer_done(&r.body);
    }
}

static void a_date_to_retry_after_is_no_number_of_seconds(void **state)
{
    struct read r;

    (void)state;
    assert_int_equal(
        read_text(&r,
                  "HTTP/1.1 503 x\r\nRetry-After: Wed, 21 Oct 2026 07:28:00 GMT\r\n"
                  "Idempotency-Replayed: no\r\nContent-Length: 0\r\n\r\n",
                  7),
        SR_OK);
    assert_false(r.answer.has_retry_after || r.answer.replayed);
    sr_buffer_done(&r.body);
}

static void fields_beyond_the_room_are_cut_and_harm_nothing(void **state)
{
    char text[1200] = "HTTP/1.1 200 OK\r\n";
    struct read r;

    (void)state;
    memset(text + strlen(text), 'a', 500); /* a name */
    strcat(text, ": ");
    memset(text + strlen(text), 'b', 500); /* a value */
    strcat(text, "\r\nRetry-After: 3\r\nContent-Length: 0\r\n\r\n");
    for (size_t piece = 1; piece < 70; piece++) {
        assert_int_equal(read_text(&r, text, piece), SR_OK);
        assert_true(r.answer.done && r.answer.has_retry_after);
        assert_int_equal(r.answer.retry_after_s, 3);
        sr_buffer_done(&r.body);
    }
}

static void a_body_beyond_its_bound_is_too_large(void **state)
{
    struct read r;

    (void)state;
    assert_int_equal(read_text(&r,
                               "HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n0123456789abcdef",
                               5),
                     SR_OK);
    sr_buffer_done(&r.body);
    assert_int_equal(read_text(&r,
                               "HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n0123456789abcdefg",
                               5),
                     SR_FULL);
    assert_non_null(strstr(r.err.text, "16 bytes"));
    assert_false(r.answer.done);
    sr_buffer_done(&r.body);
}

static void an_answer_that_ends_early_is_none(void **state)
{
    static const char *const texts[] = {
        "",
        "HTTP/1.1 200",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "HTTP/1.1 100 Continue\r\n\r\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct read r;

        assert_int_equal(read_text(&r, texts[i], 4), SR_CLOSED);
        assert_false(r.answer.done);
        sr_buffer_done(&r.body);
    }
}

static void what_is_no_http_is_told(void **state)
{
    static const char *const texts[] = {
        "SSH-2.0-OpenSSH_9.2\r\n",
        "HTTP/1.1 2x0 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n12",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        "\x15\x03\x01\x02\x28",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct read r;

        assert_int_equal(read_text(&r, texts[i], 3), SR_DAMAGED);
        assert_non_null(strstr(r.err.text, "does not speak HTTP"));
        sr_buffer_done(&r.body);
    }
}

static void the_next_answer_knows_nothing_of_the_one_before(void **state)
{
    static const char next[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    struct read r;

    (void)state;
    assert_int_equal(
        read_text(&r,
                  "HTTP/1.1 503 x\r\nRetry-After: 1\r\nIdempotency-Replayed: true\r\n"
                  "Content-Length: 2\r\n\r\nab",
                  100),
        SR_OK);
    answer_begin(&r.answer, &r.body);
    assert_int_equal(answer_take(&r.answer, next, strlen(next), &r.err), SR_OK);
    assert_true(r.answer.done && r.answer.status == 200);
    assert_false(r.answer.has_retry_after || r.answer.replayed);
    assert_int_equal(r.body.size, 0);
    sr_buffer_done(&r.body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_read_however_they_are_cut),
        cmocka_unit_test(fields_that_matter_are_found_in_any_case),
        cmocka_unit_test(a_date_to_retry_after_is_no_number_of_seconds),
        cmocka_unit_test(fields_beyond_the_room_are_cut_and_harm_nothing),
        cmocka_unit_test(a_body_beyond_its_bound_is_too_large),
        cmocka_unit_test(an_answer_that_ends_early_is_none),
        cmocka_unit_test(what_is_no_http_is_told),
        cmocka_unit_test(the_next_answer_knows_nothing_of_the_one_before),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
