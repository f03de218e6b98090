/*
 * Routes, order of checks, and the engine's answers as replies; without sockets.
 */
#include "api_fixture.h"

static void checks_come_in_the_promised_order(void **state)
{
    struct fixture *f = *state;

    expect(f, "DELETE /nothing HTTP/1.1\r\nHost: x\r\nAccept: text/html\r\n\r\n", 404);
    expect(f, "GET /increment HTTP/1.1\r\nHost: x\r\nAccept: text/html\r\n\r\n", 405);
    expect(f, "POST /increment HTTP/1.1\r\nHost: x\r\nAccept: text/html\r\n\r\n", 415);
    expect(f, "POST /increment HTTP/1.1\r\n" JSON "Accept: text/html\r\n\r\n", 406);
    expect(f, "POST /increment HTTP/1.1\r\n" JSON "\r\n", 400);
    expect(f, "POST /increment HTTP/1.1\r\n" JSON "Content-Length: 2\r\n\r\n{}", 422);
    assert_int_equal(fake_engine_seen(f->engine).turns_begun, 0);
}

static void only_whole_paths_are_routes(void **state)
{
    static const char *const paths[] = {"/",         "/increment/", "/Increment",
                                        "/incremen", "/counter",    "/counters/",
                                        "/livez/",   "//livez",     "/counters/a/b",
                                        "/%6civez"};
    struct fixture *f = *state;
    char text[128];

    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        (void)snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", paths[i]);
        expect(f, text, 404);
        assert_int_equal(f->call.route, HTTP_ROUTE_UNKNOWN);
    }
    expect(f, "GET /livez?verbose HTTP/1.1\r\nHost: x\r\n\r\n", 200);
}

static void methods_a_path_does_not_take_are_told(void **state)
{
    struct fixture *f = *state;

    expect(f, "PATCH /counters/a HTTP/1.1\r\nHost: x\r\n\r\n", 405);
    assert_non_null(strstr(answer(f), "\r\nAllow: GET, HEAD, PUT, DELETE, OPTIONS\r\n"));
    expect(f, "PUT /increment HTTP/1.1\r\nHost: x\r\n\r\n", 405);
    expect(f, "DELETE /livez HTTP/1.1\r\nHost: x\r\n\r\n", 405);
    assert_non_null(strstr(answer(f), "\r\nAllow: GET, HEAD, OPTIONS\r\n"));
    expect(f, "OPTIONS /increment HTTP/1.1\r\nHost: x\r\n\r\n", 204);
    assert_non_null(strstr(answer(f), "\r\nAllow: POST, OPTIONS\r\n"));
    expect(f, "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 204);
    expect(f, "OPTIONS /nothing HTTP/1.1\r\nHost: x\r\n\r\n", 404);
}

static void a_form_counts_like_json(void **state)
{
    struct fixture *f = *state;

    expect(f,
           "POST /increment HTTP/1.1\r\n" JSON "Content-Length: 22\r\n\r\n"
           "{\"key\":\"a\",\"value\":40}",
           200);
    expect(f, "POST /increment HTTP/1.1\r\n" FORM "Content-Length: 13\r\n\r\nkey=a&value=2",
           200);
    assert_non_null(strstr(answer(f), "\r\n\r\n{\"data\":{\"key\":\"a\",\"value\":42}}"));
    assert_true(f->call.counts);
    assert_int_equal(fake_engine_seen(f->engine).turns_begun, 1); /* one turn for all */
}

static void the_engines_answers_have_their_statuses(void **state)
{
    struct fixture *f = *state;

    expect(f,
           "POST /increment HTTP/1.1\r\n" FORM "Content-Length: 19\r\n\r\nkey=unknown&value=2",
           202);
    assert_non_null(strstr(answer(f), "{\"data\":{\"key\":\"unknown\",\"value\":null}}"));
    assert_true(f->call.counts);
    expect(f, "POST /increment HTTP/1.1\r\n" FORM "Content-Length: 16\r\n\r\nkey=over&value=2",
           409);
    assert_true(f->call.counts);
    assert_non_null(strstr(answer(f), "{\"error\":{\"message\":\""));
    expect(f, "POST /increment HTTP/1.1\r\n" FORM "Content-Length: 16\r\n\r\nkey=full&value=2",
           503);
    assert_false(f->call.counts);
    assert_non_null(strstr(answer(f), "\r\nRetry-After: 1\r\n"));
    expect(f, "GET /counters/full HTTP/1.1\r\nHost: x\r\n\r\n", 503);
    expect(f, "GET /counters/nobody HTTP/1.1\r\nHost: x\r\n\r\n", 404);
    assert_non_null(strstr(answer(f), "{\"errors\":{\"detail\":\""));
    assert_true(f->call.counts);
}

static void a_counter_is_read_with_what_is_synced_of_it(void **state)
{
    struct fixture *f = *state;

    expect(f,
           "POST /increment HTTP/1.1\r\n" FORM "Content-Length: 18\r\n\r\nkey=%2F%20&value=5",
           200);
    expect(f, "GET /counters/%2F%20 HTTP/1.1\r\nHost: x\r\n\r\n", 200);
    assert_non_null(
        strstr(answer(f), "{\"data\":{\"key\":\"/ \",\"value\":5,\"synced\":null}}"));
    expect(f,
           "POST /increment HTTP/1.1\r\n" FORM "Content-Length: 19\r\n\r\nkey=%2F%20&value=15",
           200);
    expect(f, "HEAD /counters/%2F%20 HTTP/1.1\r\nHost: x\r\n\r\n", 200);
    assert_string_equal(strstr(answer(f), "\r\n\r\n"), "\r\n\r\n");
    expect(f, "GET /counters/%2F%20 HTTP/1.1\r\nHost: x\r\n\r\n", 200);
    assert_non_null(strstr(answer(f), "\"value\":20,\"synced\":19}}"));
    expect(f, "GET /counters/%zz HTTP/1.1\r\nHost: x\r\n\r\n", 400);
}

static void a_minimal_answer_is_202_without_a_body(void **state)
{
    struct fixture *f = *state;

    expect(f,
           "POST /increment HTTP/1.1\r\n" FORM "Prefer: return=minimal\r\n"
           "Content-Length: 13\r\n\r\nkey=m&value=1",
           202);
    assert_non_null(strstr(answer(f), "\r\nPreference-Applied: return=minimal\r\n"));
    assert_non_null(strstr(answer(f), "\r\nContent-Length: 0\r\n"));
    assert_int_equal(fake_engine_total(f->engine, "m"), 1);
}

static void a_total_is_set_and_a_key_deleted(void **state)
{
    struct fixture *f = *state;

    expect(f,
           "PUT /counters/a%2Fb HTTP/1.1\r\n" JSON "Content-Length: 12\r\n\r\n"
           "{\"value\":-7}",
           200);
    assert_non_null(strstr(answer(f), "\r\n\r\n{\"data\":{\"key\":\"a/b\",\"value\":-7}}"));
    assert_true(f->call.counts);
    expect(f, "PUT /counters/a%2Fb HTTP/1.1\r\n" FORM "Content-Length: 7\r\n\r\nvalue=9", 200);
    assert_int_equal(fake_engine_total(f->engine, "a/b"), 9);
    expect(f, "DELETE /counters/a%2Fb HTTP/1.1\r\nHost: x\r\n\r\n", 204);
    assert_string_equal(strstr(answer(f), "\r\n\r\n"), "\r\n\r\n");
    assert_null(strstr(answer(f), "Content-Length"));
    assert_true(f->call.counts);
    expect(f, "GET /counters/a%2Fb HTTP/1.1\r\nHost: x\r\n\r\n", 404);
    expect(f, "DELETE /counters/nobody HTTP/1.1\r\nHost: x\r\n\r\n", 204);
}

static void a_set_may_be_answered_minimally_and_a_delete_always_is(void **state)
{
    struct fixture *f = *state;

    expect(f,
           "PUT /counters/m HTTP/1.1\r\n" FORM "Prefer: return=minimal\r\n"
           "Content-Length: 7\r\n\r\nvalue=3",
           202);
    assert_non_null(strstr(answer(f), "\r\nPreference-Applied: return=minimal\r\n"));
    assert_int_equal(fake_engine_total(f->engine, "m"), 3);
    expect(f, "DELETE /counters/m HTTP/1.1\r\nHost: x\r\nPrefer: return=minimal\r\n\r\n", 204);
    assert_int_equal(fake_engine_total(f->engine, "m"), 0);
}

static void what_is_wrong_with_a_set_changes_nothing(void **state)
{
    struct fixture *f = *state;

    expect(f, "PUT /counters/a HTTP/1.1\r\nHost: x\r\n\r\n", 415);
    expect(f, "PUT /counters/a HTTP/1.1\r\n" JSON "Accept: text/html\r\n\r\n", 406);
    expect(f, "PUT /counters/%zz HTTP/1.1\r\n" JSON "Content-Length: 2\r\n\r\n{}", 400);
    expect(f, "PUT /counters/%00 HTTP/1.1\r\n" JSON "Content-Length: 2\r\n\r\n{}", 422);
    expect(f, "PUT /counters/a HTTP/1.1\r\n" JSON "Content-Length: 2\r\n\r\n{}", 422);
    assert_non_null(strstr(answer(f), "value must be an integer"));
    expect(f, "PUT /counters/a HTTP/1.1\r\n" JSON "\r\n", 400);
    expect(f, "DELETE /counters/%zz HTTP/1.1\r\nHost: x\r\n\r\n", 400);
    assert_int_equal(fake_engine_seen(f->engine).turns_begun, 0);
    expect(f, "PUT /counters/full HTTP/1.1\r\n" FORM "Content-Length: 7\r\n\r\nvalue=3", 503);
    expect(f, "DELETE /counters/full HTTP/1.1\r\nHost: x\r\n\r\n", 503);
    assert_non_null(strstr(answer(f), "\r\nRetry-After: 1\r\n"));
}

static void health_says_why_it_is_bad(void **state)
{
    struct fixture *f = *state;

    expect(f, "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n", 200);
    assert_non_null(strstr(answer(f), "{\"data\":{\"status\":\"ok\"}}"));
    fake_engine_unready(f->engine, "claim refused");
    expect(f, "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n", 503);
    assert_non_null(strstr(answer(f), "{\"error\":{\"message\":\"claim refused\"}}"));
    expect(f, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", 503);
    expect(f, "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n", 200);
}

static void the_metrics_page_is_the_renderers(void **state)
{
    struct fixture *f = *state;

    expect(f,
           "GET /metrics HTTP/1.1\r\nHost: x\r\nAccept: application/openmetrics-text\r\n\r\n",
           200);
    assert_non_null(strstr(answer(f), "\r\nContent-Type: application/openmetrics-text\r\n"));
    assert_non_null(strstr(answer(f), "\r\n\r\napplication/openmetrics-text"));
    expect(f, "GET /metrics HTTP/1.1\r\nHost: x\r\nAccept: application/json\r\n\r\n", 406);
    f->render_result = SR_NO_MEMORY;
    expect(f, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", 500);
}

static void a_waiting_call_is_given_again_with_its_key(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(ask(f, "GET /counters/wait HTTP/1.1\r\nHost: x\r\n\r\n"), API_WAITS);
    assert_int_equal(fake_engine_seen(f->engine).pins, 1);
    f->out.size = 0;
    assert_int_equal(api_again(&f->api, &f->call, &f->out), API_WAITS);
    assert_int_equal(fake_engine_seen(f->engine).pins, 1);
    fake_engine_load(f->engine);
    assert_int_equal(api_again(&f->api, &f->call, &f->out), API_ANSWERED);
    assert_int_equal(f->call.status, 404);
    assert_int_equal(fake_engine_seen(f->engine).pins, 0);
}

static void a_set_that_waits_for_the_next_turn_is_given_again(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(ask(f, "PUT /counters/turn HTTP/1.1\r\n" FORM
                            "Content-Length: 7\r\n\r\nvalue=3"),
                     API_WAITS);
    assert_int_equal(fake_engine_total(f->engine, "turn"), 0);
    (void)api_turn_end(&f->api, false);
    f->out.size = 0;
    assert_int_equal(api_again(&f->api, &f->call, &f->out), API_ANSWERED);
    assert_int_equal(f->call.status, 200);
    assert_int_equal(fake_engine_total(f->engine, "turn"), 3);
}

static void an_answer_without_memory_is_none(void **state)
{
    struct fixture *f = *state;

    sr_buffer_done(&f->out);
    sr_buffer_init(&f->out, 64);
    assert_int_equal(ask(f, "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"), API_FAILED);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(checks_come_in_the_promised_order),
        TEST(only_whole_paths_are_routes),
        TEST(methods_a_path_does_not_take_are_told),
        TEST(a_form_counts_like_json),
        TEST(the_engines_answers_have_their_statuses),
        TEST(a_counter_is_read_with_what_is_synced_of_it),
        TEST(a_minimal_answer_is_202_without_a_body),
        TEST(a_total_is_set_and_a_key_deleted),
        TEST(a_set_may_be_answered_minimally_and_a_delete_always_is),
        TEST(what_is_wrong_with_a_set_changes_nothing),
        TEST(health_says_why_it_is_bad),
        TEST(the_metrics_page_is_the_renderers),
        TEST(a_waiting_call_is_given_again_with_its_key),
        TEST(a_set_that_waits_for_the_next_turn_is_given_again),
        TEST(an_answer_without_memory_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
