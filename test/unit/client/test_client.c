/*
 * When a request is asked again, and when never: against a service that answers as a script
 * says.
 */
#include "client/client.h"

#include "scripted_service.h"
#include "support/unit.h"

#include <string.h>

#define OK_ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#define BUSY(seconds)                                                                          \
    "HTTP/1.1 503 x\r\nRetry-After: " seconds "\r\nContent-Length: 4\r\n\r\nbusy"
#define LOST                                                                                   \
    {                                                                                          \
        .close = true                                                                          \
    }
#define RETRY_MS 60000U /* more than any test takes: what ends one is the script */

struct dialogue {
    struct scripted_service *service;
    struct client *client;
    struct client_answer answer;
    struct sr_err err;
    char asked[SCRIPT_MAX][ASKED_SIZE];
    size_t count;
    unsigned connections;
};

static const struct client_request increment = {.method = "POST",
                                                .target = "/increment",
                                                .content_type = "application/json",
                                                .body = {.data =
                                                             (const uint8_t *)"{\"key\":\"a\"}",
                                                         .size = 11},
                                                .idempotency_key = "t-1"};
static const struct client_request set = {.method = "PUT",
                                          .target = "/counters/a",
                                          .content_type = "application/json",
                                          .body = {.data = (const uint8_t *)"{\"value\":5}",
                                                   .size = 11},
                                          .once = true};

static void begin(struct dialogue *d, const struct exchange *script, uint32_t retry_ms,
                  uint32_t timeout_ms)
{
    struct client_options options = {.token = "secret",
                                     .timeout_ms = timeout_ms,
                                     .retry_ms = retry_ms,
                                     .answer_size_max = 64};

    memset(d, 0, sizeof(*d));
    d->service = scripted_service_start(script);
    options.url = scripted_service_url(d->service);
    assert_int_equal(client_open(&options, &d->client, &d->err), SR_OK);
}

static void end(struct dialogue *d)
{
    client_close(&d->client);
    assert_null(d->client);
    d->count = scripted_service_end(&d->service, d->asked, &d->connections);
}

static enum sr_result ask(struct dialogue *d, const struct client_request *request)
{
    return client_ask(d->client, request, &d->answer, &d->err);
}

/* One request against the script. */
static enum sr_result talk(struct dialogue *d, const struct exchange *script,
                           const struct client_request *request, uint32_t retry_ms)
{
    enum sr_result result;

    begin(d, script, retry_ms, RETRY_MS);
    result = ask(d, request);
    if (result == SR_OK) {
        /* of the client's memory, which goes now */
        assert_int_equal(d->answer.body.data[d->answer.body.size], '\0');
    }
    end(d);
    return result;
}

static void a_request_says_all_that_it_holds(void **state)
{
    static const struct exchange script[] = {{.answer = OK_ANSWER}, {0}};
    struct dialogue d;

    (void)state;
    assert_int_equal(talk(&d, script, &increment, 0), SR_OK);
    assert_int_equal(d.answer.status, 200);
    assert_int_equal(d.answer.body.size, 2);
    assert_string_equal(d.asked[0], "POST /increment HTTP/1.1\r\n"
                                    "Host: localhost\r\n"
                                    "Accept: application/json\r\n"
                                    "Authorization: Bearer secret\r\n"
                                    "Idempotency-Key: t-1\r\n"
                                    "Content-Type: application/json\r\n"
                                    "Content-Length: 11\r\n\r\n"
                                    "{\"key\":\"a\"}");
}

static void a_connection_is_kept_until_the_service_closes_it(void **state)
{
    static const struct exchange script[] = {
        {.answer = OK_ANSWER},
        {.answer = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
         .close = true},
        {.answer = OK_ANSWER},
        {0}};
    struct dialogue d;

    (void)state;
    begin(&d, script, 0, RETRY_MS);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(ask(&d, &increment), SR_OK);
    }
    end(&d);
    assert_int_equal(d.count, 3);
    assert_int_equal(d.connections, 2);
}

static void a_lost_answer_is_asked_for_again_under_the_same_key(void **state)
{
    static const struct exchange script[] = {LOST, LOST, {.answer = OK_ANSWER}, {0}};
    struct dialogue d;

    (void)state;
    assert_int_equal(talk(&d, script, &increment, RETRY_MS), SR_OK);
    assert_int_equal(d.count, 3);
    assert_string_equal(d.asked[0], d.asked[1]);
    assert_string_equal(d.asked[0], d.asked[2]);
}

static void a_kept_connection_that_was_only_idle_costs_no_retry(void **state)
{
    static const struct exchange script[] = {{.answer = OK_ANSWER, .close = true},
                                             {.answer = OK_ANSWER},
                                             {0}};
    struct dialogue d;

    (void)state;
    begin(&d, script, RETRY_MS, RETRY_MS);
    assert_int_equal(ask(&d, &increment), SR_OK);
    assert_int_equal(ask(&d, &increment), SR_OK); /* the service had closed it */
    end(&d);
    assert_int_equal(d.connections, 2);
}

static void without_retries_a_lost_answer_is_unknown(void **state)
{
    static const struct exchange script[] = {LOST, {0}};
    struct dialogue d;

    (void)state;
    assert_int_equal(talk(&d, script, &increment, 0), SR_UNKNOWN);
    assert_int_equal(d.err.code, SR_UNKNOWN);
    assert_int_equal(d.count, 1);
}

static void an_answer_that_breaks_off_is_a_lost_one(void **state)
{
    static const struct exchange script[] = {
        {.answer = "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhalf", .close = true}, {0}};
    struct dialogue d;

    (void)state;
    assert_int_equal(talk(&d, script, &increment, 0), SR_UNKNOWN);
}

static void what_must_be_said_once_is_not_said_again(void **state)
{
    static const struct exchange script[] = {LOST, {0}};
    struct dialogue d;

    (void)state;
    assert_int_equal(talk(&d, script, &set, RETRY_MS), SR_UNKNOWN);
    assert_int_equal(d.count, 1);
}

/* A 503 has counted nothing: even what must be said once may be said again. */
static void a_busy_service_is_asked_again(void **state)
{
    static const struct exchange script[] = {
        {.answer = BUSY("0")},
        {.answer = "HTTP/1.1 429 x\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n"},
        {.answer = OK_ANSWER},
        {0}};
    const struct client_request *requests[] = {&increment, &set};
    struct dialogue d;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(talk(&d, script, requests[i], RETRY_MS), SR_OK);
        assert_int_equal(d.answer.status, 200);
        assert_int_equal(d.count, 3);
        assert_int_equal(d.connections, 1);
    }
}

static void a_503_that_names_no_pause_is_the_answer(void **state)
{
    static const struct exchange script[] = {
        {.answer = "HTTP/1.1 503 x\r\nContent-Length: 0\r\n\r\n"}, {0}};
    struct dialogue d;

    (void)state;
    assert_int_equal(talk(&d, script, &increment, RETRY_MS), SR_OK);
    assert_int_equal(d.answer.status, 503);
    assert_int_equal(d.count, 1);
}

static void a_pause_beyond_the_time_to_retry_is_not_waited_for(void **state)
{
    static const struct exchange script[] = {{.answer = BUSY("3600")}, {0}};
    static const struct exchange endless[] = {{.answer = BUSY("18446744073709551615")},
                                              {.answer = OK_ANSWER},
                                              {0}};
    struct dialogue d;

    (void)state;
    assert_int_equal(talk(&d, script, &increment, RETRY_MS), SR_OK);
    assert_int_equal(d.answer.status, 503);
    assert_int_equal(d.count, 1);
    /* no number of milliseconds: the usual pause */
    assert_int_equal(talk(&d, endless, &increment, RETRY_MS), SR_OK);
    assert_int_equal(d.answer.status, 200);
}

static void a_replayed_answer_is_told(void **state)
{
    static const struct exchange script[] = {
        {.answer =
             "HTTP/1.1 200 OK\r\nIdempotency-Replayed: true\r\nContent-Length: 0\r\n\r\n"},
        {0}};
    struct dialogue d;

    (void)state;
    assert_int_equal(talk(&d, script, &increment, 0), SR_OK);
    assert_true(d.answer.replayed);
}

static void nobody_there_is_told_at_once(void **state)
{
    const struct client_options options = {.url = "unix:/nonexistent/socket",
                                           .timeout_ms = RETRY_MS,
                                           .retry_ms = RETRY_MS,
                                           .answer_size_max = 64};
    struct client_answer answer;
    struct client *client = NULL;
    struct sr_err err;

    (void)state;
    assert_int_equal(client_open(&options, &client, &err), SR_OK);
    assert_int_equal(client_ask(client, &increment, &answer, &err), SR_UNAVAILABLE);
    client_close(&client);
}

static void a_service_that_went_after_a_lost_answer_leaves_it_unknown(void **state)
{
    static const struct exchange script[] = {LOST, {0}};
    struct dialogue d;

    (void)state;
    assert_int_equal(talk(&d, script, &increment, 200), SR_UNKNOWN);
    assert_non_null(strstr(d.err.text, "nobody answers now"));
    assert_int_equal(d.count, 1);
}

static void a_silent_service_is_given_up_after_the_timeout(void **state)
{
    static const struct exchange script[] = {{.silent = true}, {0}};
    struct dialogue d;

    (void)state;
    begin(&d, script, 0, 20);
    assert_int_equal(ask(&d, &increment), SR_UNKNOWN);
    end(&d);
    assert_non_null(strstr(d.err.text, "in time"));
}

static void what_cannot_be_an_answer_is_told(void **state)
{
    static const struct exchange no_http[] = {{.answer = "SSH-2.0-x\r\n", .close = true}, {0}};
    static const struct exchange large[] = {
        {.answer = "HTTP/1.1 200 OK\r\nContent-Length: 65\r\n\r\n"
                   "0123456789012345678901234567890123456789012345678901234567890123X",
         .close = true},
        {0}};
    static const struct exchange full[] = {
        {.answer = "HTTP/1.1 200 OK\r\nContent-Length: 64\r\n\r\n"
                   "0123456789012345678901234567890123456789012345678901234567890123"},
        {0}};
    struct dialogue d;

    (void)state;
    assert_int_equal(talk(&d, no_http, &increment, RETRY_MS), SR_DAMAGED);
    assert_int_equal(talk(&d, large, &increment, RETRY_MS), SR_FULL);
    assert_int_equal(talk(&d, full, &increment, RETRY_MS), SR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_says_all_that_it_holds),
        cmocka_unit_test(a_connection_is_kept_until_the_service_closes_it),
        cmocka_unit_test(a_lost_answer_is_asked_for_again_under_the_same_key),
        cmocka_unit_test(a_kept_connection_that_was_only_idle_costs_no_retry),
        cmocka_unit_test(without_retries_a_lost_answer_is_unknown),
        cmocka_unit_test(an_answer_that_breaks_off_is_a_lost_one),
        cmocka_unit_test(what_must_be_said_once_is_not_said_again),
        cmocka_unit_test(a_busy_service_is_asked_again),
        cmocka_unit_test(a_503_that_names_no_pause_is_the_answer),
        cmocka_unit_test(a_pause_beyond_the_time_to_retry_is_not_waited_for),
        cmocka_unit_test(a_replayed_answer_is_told),
        cmocka_unit_test(nobody_there_is_told_at_once),
        cmocka_unit_test(a_service_that_went_after_a_lost_answer_leaves_it_unknown),
        cmocka_unit_test(a_silent_service_is_given_up_after_the_timeout),
        cmocka_unit_test(what_cannot_be_an_answer_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
