/*
 * POST /increment with many increments: answers, refusals, and batches that wait.
 */
#include "api_fixture.h"

/* A POST of a body. */
static const char *post(const char *head, const char *body)
{
    static char text[4096];

    (void)snprintf(text, sizeof(text),
                   "POST /increment HTTP/1.1\r\nHost: x\r\n%sContent-Length: %zu\r\n\r\n%s",
                   head, strlen(body), body);
    return text;
}

#define JSON_TYPE "Content-Type: application/json\r\n"
#define LINES_TYPE "Content-Type: application/x-ndjson\r\n"

static void a_batch_is_answered_in_its_order(void **state)
{
    struct fixture *f = *state;

    expect(f,
           post(JSON_TYPE, " [{\"key\":\"b\",\"value\":1}, {\"value\":5,\"key\":\"a\"},"
                           "{\"key\":\"b\",\"value\":2}] "),
           200);
    assert_non_null(strstr(answer(f),
                           "\r\n\r\n{\"data\":[{\"key\":\"b\",\"value\":1},"
                           "{\"key\":\"a\",\"value\":5},{\"key\":\"b\",\"value\":3}]}"));
    assert_true(f->call.counts);
    expect(f,
           post(LINES_TYPE,
                "{\"key\":\"b\",\"value\":1}\r\n\n{\"key\":\"unknown\",\"value\":5}"),
           202);
    assert_non_null(strstr(answer(f), "\r\n\r\n{\"data\":[{\"key\":\"b\",\"value\":4},"
                                      "{\"key\":\"unknown\",\"value\":null}]}"));
    expect(f, post(JSON_TYPE "Prefer: return=minimal\r\n", "[{\"key\":\"b\",\"value\":1}]"),
           202);
    assert_string_equal(strstr(answer(f), "\r\n\r\n"), "\r\n\r\n");
    assert_int_equal(fake_engine_total(f->engine, "b"), 5);
}

static void a_bad_item_is_named_and_nothing_is_counted(void **state)
{
    struct fixture *f = *state;

    expect(f, post(JSON_TYPE, "[{\"key\":\"a\",\"value\":1},{\"key\":\"a\"}]"), 422);
    assert_non_null(strstr(answer(f), "{\"error\":{\"message\":\"item 1: value must be"));
    expect(f, post(LINES_TYPE, "{\"key\":\"a\",\"value\":1}\n{"), 400);
    assert_non_null(strstr(answer(f), "{\"errors\":{\"detail\":\"item 1: malformed JSON"));
    assert_int_equal(fake_engine_seen(f->engine).turns_begun, 0);
    expect(f, post(JSON_TYPE, "[{\"key\":\"a\",\"value\":1},{\"key\":\"over\",\"value\":1}]"),
           409);
    assert_non_null(strstr(answer(f), "{\"error\":{\"message\":\"item 1: the total would"));
    expect(f, post(JSON_TYPE, "[{\"key\":\"a\",\"value\":1},{\"key\":\"full\",\"value\":1}]"),
           503);
    assert_int_equal(fake_engine_total(f->engine, "a"), 0);
    expect(f, "PUT /counters/a HTTP/1.1\r\nHost: x\r\n" LINES_TYPE "\r\n", 415);
}

static void a_batch_that_waits_keeps_its_items(void **state)
{
    struct buffer_budget budget = {.max = 1 << 20};
    struct fixture *f = *state;

    f->api.budget = &budget;
    assert_int_equal(ask(f, post(JSON_TYPE, "[{\"key\":\"a\",\"value\":1},"
                                            "{\"key\":\"wait\",\"value\":2}]")),
                     API_WAITS);
    assert_true(budget.used > 0);
    assert_int_equal(fake_engine_total(f->engine, "a"), 0);
    f->out.size = 0;
    assert_int_equal(api_again(&f->api, &f->call, &f->out), API_WAITS);
    assert_int_equal(fake_engine_seen(f->engine).pins, 1);
    fake_engine_load(f->engine);
    assert_int_equal(api_again(&f->api, &f->call, &f->out), API_ANSWERED);
    assert_int_equal(f->call.status, 200);
    assert_int_equal(fake_engine_total(f->engine, "wait"), 2);
    assert_int_equal(fake_engine_seen(f->engine).pins, 0);
    assert_int_equal(budget.used, 0);
}

static void a_waiting_batch_is_dropped_with_its_connection(void **state)
{
    struct buffer_budget budget = {.max = 1 << 20};
    struct fixture *f = *state;

    f->api.budget = &budget;
    assert_int_equal(ask(f, post(JSON_TYPE, "[{\"key\":\"wait\",\"value\":2}]")), API_WAITS);
    api_call_drop(&f->api, &f->call);
    assert_null(f->call.batch);
    assert_int_equal(fake_engine_seen(f->engine).pins, 0);
    assert_int_equal(budget.used, 0);
    budget.max = 1;
    expect(f, post(JSON_TYPE, "[{\"key\":\"wait2\",\"value\":2}]"), 503);
    assert_int_equal(fake_engine_seen(f->engine).pins, 0);
    assert_int_equal(budget.used, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_batch_is_answered_in_its_order),
        TEST(a_bad_item_is_named_and_nothing_is_counted),
        TEST(a_batch_that_waits_keeps_its_items),
        TEST(a_waiting_batch_is_dropped_with_its_connection),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
