/*
 * The guard in front of the routes: whose request it is, the rate, the order of checks.
 */
#include "support/unit.h"

#include "fake_engine.h"
#include "server/api_internal.h"
#include "server/server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fixture {
    struct guard_options guard_options;
    struct server_options options;
    struct guard *guard;
    struct guard_peer peer;
    struct engine *engine;
    struct api api;
    struct sr_buffer out;
    struct http_parser parser;
    struct api_call call;
};

/* Comes from 192.0.2.1 until told otherwise. */
static void come_from(struct fixture *f, const char *text)
{
    struct sockaddr_storage storage = {.ss_family = AF_UNIX};
    struct sockaddr_in v4 = {.sin_family = AF_INET};

    if (text != NULL) {
        assert_int_equal(inet_pton(AF_INET, text, &v4.sin_addr), 1);
        memcpy(&storage, &v4, sizeof(v4));
    }
    f->peer = guard_peer_of(f->guard, &storage);
}

/* Starts with the guard_options that the test has set. */
static void start(struct fixture *f)
{
    struct sr_err err;

    assert_true(guard_options_in_force(&f->guard_options));
    assert_int_equal(guard_open(&f->guard_options, &f->guard, &err), SR_OK);
    server_options_default(&f->options);
    f->engine = fake_engine_new(1);
    f->options.engine = f->engine;
    f->options.guard = f->guard;
    assert_int_equal(api_init(&f->api, &f->options, engine_worker(f->engine, 0)), SR_OK);
    f->api.now_ms = 1000;
    f->api.peer = &f->peer;
    come_from(f, "192.0.2.1");
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    f->guard_options.rate_interval_ns = 100000000; /* 10/s */
    f->guard_options.rate_burst = 3;
    sr_buffer_init(&f->out, 1 << 20);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    (void)api_turn_end(&f->api, true);
    api_done(&f->api);
    sr_buffer_done(&f->out);
    fake_engine_free(f->engine);
    guard_close(&f->guard);
    free(f);
    return 0;
}

static enum http_parse_status parse(struct fixture *f, const char *text, uint8_t **ret_region,
                                    struct http_request *ret_request)
{
    struct http_refusal refusal;
    size_t size = strlen(text);
    size_t consumed;

    *ret_region = malloc(size);
    memcpy(*ret_region, text, size);
    f->out.size = 0;
    http_parser_init(&f->parser, &f->options.http);
    return http_parser_feed(&f->parser, *ret_region, size, ret_request, &consumed, &refusal);
}

static const char *answer(struct fixture *f)
{
    return (const char *)f->out.data;
}

static void expect(struct fixture *f, const char *text, int status)
{
    struct http_request request;
    uint8_t *region;

    assert_int_equal(parse(f, text, &region, &request), HTTP_PARSE_REQUEST);
    assert_int_equal(api_begin(&f->api, &request, &f->out, &f->call), API_ANSWERED);
    assert_int_equal(sr_buffer_append(&f->out, "", 1), SR_OK);
    free(region);
    if (f->call.status != status) {
        fail_msg("expected %d: %s-> %s", status, text, answer(f));
    }
}

static void expect_header(struct fixture *f, const char *line)
{
    char wanted[128];

    (void)snprintf(wanted, sizeof(wanted), "\r\n%s\r\n", line);
    if (strstr(answer(f), wanted) == NULL) {
        fail_msg("no '%s' in %s", line, answer(f));
    }
}

#define READ "GET /counters/a HTTP/1.1\r\nHost: x\r\n"

static void the_rate_is_told_and_kept(void **state)
{
    struct fixture *f = *state;

    start(f);
    expect(f, READ "\r\n", 404);
    expect_header(f, "RateLimit-Policy: \"address\";q=3;w=1");
    expect_header(f, "RateLimit: \"address\";r=2;t=1");
    expect(f, READ "\r\n", 404);
    expect(f, READ "\r\n", 404);
    expect_header(f, "RateLimit: \"address\";r=0;t=1");
    expect(f, READ "\r\n", 429);
    expect_header(f, "Retry-After: 1");
    expect_header(f, "RateLimit: \"address\";r=0;t=1");
    assert_non_null(strstr(answer(f), "{\"error\":{\"message\":\"this address"));
    assert_null(strstr(answer(f), "r=0;t=1\r\nRateLimit"));
    f->api.now_ms += 100;
    expect(f, READ "\r\n", 404);
    expect(f, READ "\r\n", 429);
}

static void other_addresses_do_not_feel_it(void **state)
{
    struct fixture *f = *state;

    start(f);
    for (int i = 0; i < 3; i++) {
        expect(f, READ "\r\n", 404);
    }
    expect(f, READ "\r\n", 429);
    come_from(f, "192.0.2.2");
    expect(f, READ "\r\n", 404);
}

static void health_and_metrics_are_exempt(void **state)
{
    static const char *const paths[] = {"/livez", "/readyz", "/healthz", "/metrics"};
    struct fixture *f = *state;
    char text[80];

    start(f);
    for (int i = 0; i < 20; i++) {
        (void)snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", paths[i % 4]);
        expect(f, text, i % 4 == 3 ? 500 : 200);
        assert_null(strstr(answer(f), "RateLimit"));
    }
    expect(f, READ "\r\n", 404);
    expect_header(f, "RateLimit: \"address\";r=2;t=1");
}

static void a_unix_socket_has_no_address_to_be_limited_by(void **state)
{
    struct fixture *f = *state;

    start(f);
    come_from(f, NULL);
    for (int i = 0; i < 20; i++) {
        expect(f, READ "\r\n", 404);
    }
}

static void the_limit_comes_after_the_path_and_before_the_media_types(void **state)
{
    struct fixture *f = *state;

    start(f);
    for (int i = 0; i < 3; i++) {
        expect(f, "POST /increment HTTP/1.1\r\nHost: x\r\n\r\n", 415);
    }
    expect(f, "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n", 404);
    assert_null(strstr(answer(f), "RateLimit"));
    expect(f, "PATCH /increment HTTP/1.1\r\nHost: x\r\n\r\n", 405);
    expect(f, "POST /increment HTTP/1.1\r\nHost: x\r\n\r\n", 429);
}

static void a_trusted_proxy_tells_whose_request_it_is(void **state)
{
    struct fixture *f = *state;
    struct sr_err err;

    assert_int_equal(networks_parse("10.0.0.0/8,unix", &f->guard_options.trusted_proxies, &err),
                     SR_OK);
    start(f);
    come_from(f, "10.0.0.1");
    for (int i = 0; i < 3; i++) {
        expect(f, READ "X-Forwarded-For: 6.6.6.6, 192.0.2.9\r\n\r\n", 404);
    }
    expect(f, READ "X-Forwarded-For: 6.6.6.7, 192.0.2.9\r\n\r\n", 429);
    expect(f, READ "X-Forwarded-For: 192.0.2.10\r\n\r\n", 404);
    /* A proxy that adds a line of its own behind the client's. */
    expect(f, READ "X-Forwarded-For: 192.0.2.10\r\nX-Forwarded-For: 192.0.2.9\r\n\r\n", 429);
    come_from(f, NULL);
    expect(f, READ "X-Forwarded-For: 192.0.2.9\r\n\r\n", 429);
    /* The other field may be the client's own. */
    expect(f, READ "X-Forwarded-For: 192.0.2.9\r\nForwarded: for=192.0.2.77\r\n\r\n", 429);
}

static void a_forged_field_from_an_untrusted_peer_is_ignored(void **state)
{
    struct fixture *f = *state;
    struct sr_err err;
    char text[128];

    assert_int_equal(networks_parse("10.0.0.0/8", &f->guard_options.trusted_proxies, &err),
                     SR_OK);
    start(f);
    for (int i = 0; i < 3; i++) {
        (void)snprintf(text, sizeof(text), READ "X-Forwarded-For: 203.0.113.%d\r\n\r\n", i);
        expect(f, text, 404);
    }
    expect(f, READ "X-Forwarded-For: 203.0.113.99\r\n\r\n", 429);
}

static void forwarded_is_read_where_it_is_the_proxies_field(void **state)
{
    struct fixture *f = *state;
    struct sr_err err;

    f->guard_options.proxy_header = FORWARDED_FORWARDED;
    assert_int_equal(networks_parse("10.0.0.0/8", &f->guard_options.trusted_proxies, &err),
                     SR_OK);
    start(f);
    come_from(f, "10.0.0.1");
    for (int i = 0; i < 3; i++) {
        expect(f, READ "Forwarded: for=192.0.2.9\r\nX-Forwarded-For: 1.1.1.1\r\n\r\n", 404);
    }
    expect(f, READ "Forwarded: for=192.0.2.9\r\nX-Forwarded-For: 1.1.1.2\r\n\r\n", 429);
}

static void a_batch_is_charged_its_items(void **state)
{
    struct fixture *f = *state;
    enum api_step step = API_FAILED;

    start(f);
    expect(f, READ "\r\n", 404);
    f->out.size = 0;
    assert_false(api_charge_refused(&f->api, &f->call, 0, &f->out, &step));
    assert_false(api_charge_refused(&f->api, &f->call, 1, &f->out, &step));
    assert_int_equal(f->out.size, 0);
    expect(f, READ "\r\n", 404);
    expect(f, READ "\r\n", 429);
}

/* The 1 that it was charged before its items were known comes back. */
static void a_batch_that_is_refused_costs_nothing(void **state)
{
    struct fixture *f = *state;
    enum api_step step = API_FAILED;

    start(f);
    expect(f, READ "\r\n", 404);
    for (int i = 0; i < 5; i++) {
        expect(f, READ "\r\n", 404);
        f->out.size = 0;
        assert_true(api_charge_refused(&f->api, &f->call, 2, &f->out, &step));
        assert_int_equal(sr_buffer_append(&f->out, "", 1), SR_OK);
        assert_int_equal(step, API_ANSWERED);
        assert_int_equal(f->call.status, 429);
        expect_header(f, "Retry-After: 1");
        expect_header(f, "RateLimit: \"address\";r=2;t=1");
    }
    expect(f, READ "\r\n", 404);
    f->out.size = 0;
    assert_true(api_charge_refused(&f->api, &f->call, 3, &f->out, &step));
    assert_int_equal(sr_buffer_append(&f->out, "", 1), SR_OK);
    assert_non_null(strstr(answer(f), "more items"));
    expect(f, READ "\r\n", 404);
    expect(f, READ "\r\n", 404);
    expect(f, READ "\r\n", 429);
}

static void looking_at_a_head_costs_nothing(void **state)
{
    struct fixture *f = *state;
    struct http_request request;
    enum api_step step;
    uint8_t *region;

    start(f);
    assert_int_equal(parse(f, READ "\r\n", &region, &request), HTTP_PARSE_REQUEST);
    for (int i = 0; i < 10; i++) {
        assert_false(api_head_refused(&f->api, &request, &f->out, &f->call, &step));
    }
    for (int i = 0; i < 3; i++) {
        assert_int_equal(api_begin(&f->api, &request, &f->out, &f->call), API_ANSWERED);
    }
    assert_true(api_head_refused(&f->api, &request, &f->out, &f->call, &step));
    assert_int_equal(f->call.status, 429);
    assert_false(f->call.keep_alive);
    free(region);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_rate_is_told_and_kept),
        TEST(other_addresses_do_not_feel_it),
        TEST(health_and_metrics_are_exempt),
        TEST(a_unix_socket_has_no_address_to_be_limited_by),
        TEST(the_limit_comes_after_the_path_and_before_the_media_types),
        TEST(a_trusted_proxy_tells_whose_request_it_is),
        TEST(a_forged_field_from_an_untrusted_peer_is_ignored),
        TEST(forwarded_is_read_where_it_is_the_proxies_field),
        TEST(a_batch_is_charged_its_items),
        TEST(a_batch_that_is_refused_costs_nothing),
        TEST(looking_at_a_head_costs_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
