/*
 * Idempotency-Key in the api: what is a key and what is none, what is the same request, and how
 * first answers are given again.
 */
#include "api_fixture.h"

#define BODY1 "Content-Length: 21\r\n\r\n{\"key\":\"k\",\"value\":2}"
#define BATCH                                                                                  \
    "Content-Length: 45\r\n\r\n[{\"key\":\"k\",\"value\":2},{\"key\":\"l\",\"value\":3}]"
#define POST(key) "POST /increment HTTP/1.1\r\n" JSON "Idempotency-Key: " key "\r\n" BODY1
#define POST_BATCH(key) "POST /increment HTTP/1.1\r\n" JSON "Idempotency-Key: " key "\r\n" BATCH

static int64_t tokens_left(struct fixture *f)
{
    return fake_engine_seen(f->engine).tokens;
}

static void a_key_is_bare_or_quoted(void **state)
{
    struct fixture *f = *state;

    expect(f, POST("a"), 200);
    expect(f, POST("8e03978e-40d5-43e8-bc93-6894a57f9324"), 200);
    expect(f, POST("\"a\""), 200);
    expect(f, POST("\"with space, \\\"quotes\\\" and \\\\\""), 200);
    assert_int_equal(fake_engine_total(f->engine, "k"), 8);
    assert_int_equal(tokens_left(f), 0);
}

static void what_is_no_key_is_refused_before_anything_is_counted(void **state)
{
    static const char *const keys[] = {
        "",           "\"",       "\"\"",         "\"a",      "a\"",
        "a b",        "a\\b",     "\"a\"b\"",     "\"a\\b\"", "\"a\\\"",
        "\"a\"; p=1", "\xc3\xa4", "\"\xc3\xa4\"", "\"a\tb\""};
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        char text[512];

        (void)snprintf(text, sizeof(text),
                       "POST /increment HTTP/1.1\r\n" JSON "Idempotency-Key: %s\r\n" BODY1,
                       keys[i]);
        expect(f, text, 400);
        assert_non_null(strstr(answer(f), "Idempotency-Key"));
    }
    expect(f,
           "POST /increment HTTP/1.1\r\n" JSON
           "Idempotency-Key: a\r\nIdempotency-Key: a\r\n" BODY1,
           400);
    assert_int_equal(fake_engine_seen(f->engine).attempts, 0);
}

static void a_key_has_at_most_255_characters(void **state)
{
    struct fixture *f = *state;

    for (int quoted = 0; quoted < 2; quoted++) {
        for (size_t size = 254; size <= 257; size++) {
            char key[300];
            char text[800];

            memset(key, 'x', size);
            key[size] = '\0';
            (void)snprintf(text, sizeof(text),
                           "POST /increment HTTP/1.1\r\n" JSON
                           "Idempotency-Key: %s%s%s\r\n" BODY1,
                           quoted ? "\"" : "", key, quoted ? "\"" : "");
            expect(f, text, size <= 255 ? 200 : 400);
        }
    }
}

static void the_first_answer_is_given_again_with_a_mark(void **state)
{
    struct fixture *f = *state;

    expect(f, POST("known"), 200);
    assert_non_null(strstr(answer(f), "Idempotency-Replayed: true\r\n"));
    assert_non_null(strstr(answer(f), "{\"data\":{\"key\":\"k\",\"value\":77}}"));
    assert_true(f->call.counts);
    expect(f, POST("null"), 202);
    assert_non_null(strstr(answer(f), "Idempotency-Replayed: true\r\n"));
    assert_non_null(strstr(answer(f), "{\"data\":{\"key\":\"k\",\"value\":null}}"));
    expect(f, POST_BATCH("known"), 200);
    assert_non_null(strstr(answer(f), "Idempotency-Replayed: true\r\n"));
    assert_non_null(
        strstr(answer(f), "[{\"key\":\"k\",\"value\":77},{\"key\":\"l\",\"value\":77}]"));
    expect(f,
           "POST /increment HTTP/1.1\r\n" JSON
           "Prefer: return=minimal\r\nIdempotency-Key: known\r\n" BODY1,
           202);
    assert_non_null(strstr(answer(f), "Idempotency-Replayed: true\r\n"));
    assert_non_null(strstr(answer(f), "Preference-Applied: return=minimal\r\n"));
    assert_int_equal(fake_engine_seen(f->engine).attempts, 0);
}

static void a_first_answer_has_no_mark(void **state)
{
    struct fixture *f = *state;

    expect(f, POST("new"), 200);
    assert_null(strstr(answer(f), "Idempotency-Replayed"));
    expect(f, POST_BATCH("new"), 200);
    assert_null(strstr(answer(f), "Idempotency-Replayed"));
}

static void what_cannot_be_counted_says_why(void **state)
{
    struct fixture *f = *state;

    expect(f, POST("other"), 422);
    expect(f, POST("runs"), 409);
    expect(f, POST("full"), 503);
    expect(f, POST_BATCH("other"), 422);
    expect(f, POST_BATCH("runs"), 409);
    expect(f, POST_BATCH("full"), 503);
    assert_int_equal(fake_engine_seen(f->engine).attempts, 0);
    assert_int_equal(tokens_left(f), 0);
}

static void without_the_database_no_total_is_told(void **state)
{
    struct fixture *f = *state;

    expect(f, POST("blind"), 202);
    assert_non_null(strstr(answer(f), "\"value\":null"));
    assert_int_equal(fake_engine_total(f->engine, "k"), 2);
}

static void who_asks_the_table_waits_and_is_counted_then(void **state)
{
    static const char *const requests[] = {POST("asks"), POST_BATCH("asks")};
    struct fixture *f = *state;

    for (size_t i = 0; i < 2; i++) {
        struct fixture waiting;
        uint8_t key[SR_KEY_SIZE_MAX];

        assert_int_equal(ask(f, requests[i]), API_WAITS);
        waiting.call = f->call;
        waiting.call.token = api_token_copy(f->call.token);
        memcpy(key, f->call.key.data, f->call.key.size);
        waiting.call.key.data = key;
        assert_true(waiting.call.wait.for_token);
        assert_int_equal(tokens_left(f), 1);
        expect(f, POST("known"), 200); /* others come meanwhile */
        fake_engine_load(f->engine);
        f->out.size = 0;
        assert_int_equal(api_again(&f->api, &waiting.call, &f->out), API_ANSWERED);
        assert_int_equal(waiting.call.status, 200);
        assert_int_equal(tokens_left(f), 0);
        free(waiting.call.token);
        fake_engine_unload(f->engine);
    }
    assert_int_equal(fake_engine_total(f->engine, "k"), 4);
    assert_int_equal(fake_engine_total(f->engine, "l"), 3);
}

static void who_goes_away_is_forgotten(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(ask(f, POST("asks")), API_WAITS);
    api_call_drop(&f->api, &f->call);
    assert_int_equal(tokens_left(f), 0);
    assert_int_equal(ask(f, POST_BATCH("asks")), API_WAITS);
    api_call_drop(&f->api, &f->call);
    assert_int_equal(tokens_left(f), 0);
    assert_int_equal(fake_engine_seen(f->engine).pins, 0);
}

static void other_methods_pass_the_header_over(void **state)
{
    struct fixture *f = *state;

    expect(f,
           "PUT /counters/k HTTP/1.1\r\n" JSON
           "Idempotency-Key: known\r\nContent-Length: 11\r\n\r\n{\"value\":5}",
           200);
    assert_null(strstr(answer(f), "Idempotency-Replayed"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(a_key_is_bare_or_quoted),
        TEST(what_is_no_key_is_refused_before_anything_is_counted),
        TEST(a_key_has_at_most_255_characters),
        TEST(the_first_answer_is_given_again_with_a_mark),
        TEST(a_first_answer_has_no_mark),
        TEST(what_cannot_be_counted_says_why),
        TEST(without_the_database_no_total_is_told),
        TEST(who_asks_the_table_waits_and_is_counted_then),
        TEST(who_goes_away_is_forgotten),
        TEST(other_methods_pass_the_header_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
