/*
 * Answers leave when the engine releases their turn, and not before; requests that wait are
 * given again; the order of answers is the order of requests whatever happens.
 */
#include "service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static void answers_that_depend_on_counts_wait_for_their_turn(void **state)
{
    struct service service;
    int fd;

    (void)state;
    service_run(&service);
    fd = client_open(&service);
    fake_engine_hold(service.engine);
    client_increment(fd, "held", 1);
    service_await_attempts(&service, 1);
    client_expect_silence(fd);
    assert_int_equal(METRIC(&service, replies_held), 1);
    fake_engine_release(service.engine);
    client_expect(fd, 200, "{\"data\":{\"key\":\"held\",\"value\":1}}");
    AWAIT(&service, bytes_sent, 1);
    assert_int_equal(METRIC(&service, replies_held), 0);
    client_close(&fd);
    service_stop(&service);
}

static void reads_absences_and_overflows_wait_as_well(void **state)
{
    static const char *const targets[] = {"/counters/nobody", "/counters/some"};
    struct service service;
    int fds[3];

    (void)state;
    service_run(&service);
    for (int i = 0; i < 3; i++) {
        fds[i] = client_open(&service);
    }
    client_increment(fds[0], "some", 1);
    client_expect(fds[0], 200, NULL);
    fake_engine_hold(service.engine);
    client_get(fds[0], targets[0]);
    client_get(fds[1], targets[1]);
    client_increment(fds[2], "over", 1);
    service_await_attempts(&service, 4);
    for (int i = 0; i < 3; i++) {
        client_expect_silence(fds[i]);
    }
    fake_engine_release(service.engine);
    client_expect(fds[0], 404, NULL);
    client_expect(fds[1], 200, "{\"data\":{\"key\":\"some\",\"value\":1,\"synced\":null}}");
    client_expect(fds[2], 409, NULL);
    for (int i = 0; i < 3; i++) {
        client_close(&fds[i]);
    }
    service_stop(&service);
}

static void what_depends_on_no_count_is_answered_while_the_journal_is_stuck(void **state)
{
    struct service service;
    int held;
    int free;

    (void)state;
    service_run(&service);
    held = client_open(&service);
    free = client_open(&service);
    fake_engine_hold(service.engine);
    client_increment(held, "stuck", 1);
    service_await_attempts(&service, 1);
    client_get(free, "/livez");
    client_expect(free, 200, "{\"data\":{\"status\":\"ok\"}}");
    client_get(free, "/metrics");
    client_expect(free, 200, "page 1\n");
    client_increment(free, "full", 1);
    client_expect(free, 503, "{\"error\":{\"message\":\"The table is full.\"}}");
    client_get(held, "/livez"); /* behind a held answer it must keep its place */
    client_expect_silence(held);
    fake_engine_release(service.engine);
    client_expect(held, 200, "{\"data\":{\"key\":\"stuck\",\"value\":1}}");
    client_expect(held, 200, "{\"data\":{\"status\":\"ok\"}}");
    client_close(&held);
    client_close(&free);
    service_stop(&service);
}

/* More than a connection may have held: the rest is read when the first are released. */
static void a_connection_with_many_held_turns_is_read_on_after_the_release(void **state)
{
    struct service service;
    int fd;

    (void)state;
    service_run(&service);
    fd = client_open(&service);
    fake_engine_hold(service.engine);
    for (int i = 0; i < 3; i++) { /* one turn each */
        client_increment(fd, "many", 1);
        service_await_attempts(&service, (uint64_t)i + 1);
    }
    for (int i = 3; i < 20; i++) {
        client_increment(fd, "many", 1);
    }
    client_expect_silence(fd);
    assert_int_equal(fake_engine_seen(service.engine).attempts, 3);
    fake_engine_release(service.engine);
    for (int total = 1; total <= 20; total++) {
        char body[64];

        (void)snprintf(body, sizeof(body), "{\"data\":{\"key\":\"many\",\"value\":%d}}", total);
        client_expect(fd, 200, body);
    }
    client_close(&fd);
    service_stop(&service);
}

static void a_turn_held_too_long_ends_its_connections_without_an_answer(void **state)
{
    struct service service;
    int held;
    int other;

    (void)state;
    service_prepare(&service, 1);
    service.options.hold_timeout_ms = 40;
    service_start(&service);
    held = client_open(&service);
    other = client_open(&service);
    fake_engine_hold(service.engine);
    client_increment(held, "late", 1);
    client_expect_end(held);
    assert_int_equal(METRIC(&service, refused[HTTP_REFUSED_TIMEOUT_HOLD]), 1);
    fake_engine_release(service.engine);
    client_increment(other, "late", 1);
    client_expect(other, 200, "{\"data\":{\"key\":\"late\",\"value\":2}}");
    client_close(&held);
    client_close(&other);
    service_stop(&service);
}

static void a_client_gone_while_its_answer_is_held_is_counted_and_forgotten(void **state)
{
    struct service service;
    int fd;

    (void)state;
    service_run(&service);
    fake_engine_hold(service.engine);
    for (int i = 0; i < 20; i++) {
        fd = client_open(&service);
        client_increment(fd, "left", 1);
        service_await_attempts(&service, (uint64_t)i + 1);
        client_close(&fd);
    }
    fake_engine_release(service.engine);
    service_await_no_connections(&service);
    assert_int_equal(fake_engine_total(service.engine, "left"), 20);
    service_stop(&service);
}

static void a_waiting_request_is_answered_in_its_place(void **state)
{
    struct service service;
    char text[2048];
    size_t at = 0;
    int fd;

    (void)state;
    service_run(&service);
    fd = client_open(&service);
    at = add_increment(text, sizeof(text), at, "first", 1);
    at = add_increment(text, sizeof(text), at, "wait", 2);
    at = add_increment(text, sizeof(text), at, "last", 3);
    client_send_bytes(fd, text, at);
    client_expect(fd, 200, "{\"data\":{\"key\":\"first\",\"value\":1}}");
    client_expect_silence(fd);
    assert_int_equal(fake_engine_total(service.engine, "last"), 0);
    fake_engine_load(service.engine);
    client_expect(fd, 200, "{\"data\":{\"key\":\"wait\",\"value\":2}}");
    client_expect(fd, 200, "{\"data\":{\"key\":\"last\",\"value\":3}}");
    client_close(&fd);
    service_stop(&service);
}

static void waiting_requests_hold_nobody_else_up(void **state)
{
    struct service service;
    int waits[100];
    int other;

    (void)state;
    service_run(&service);
    other = client_open(&service);
    for (int i = 0; i < 100; i++) {
        waits[i] = client_open(&service);
        client_get(waits[i], "/counters/wait");
    }
    service_await_attempts(&service, 100);
    client_increment(other, "other", 1);
    client_expect(other, 200, NULL);
    fake_engine_load(service.engine);
    for (int i = 0; i < 100; i++) {
        client_expect(waits[i], 404, NULL);
        client_close(&waits[i]);
    }
    client_close(&other);
    service_stop(&service);
}

static void a_request_that_waits_for_a_turn_is_given_in_the_next_one(void **state)
{
    struct service service;
    int fd;

    (void)state;
    service_run(&service);
    fd = client_open(&service);
    client_increment(fd, "turn", 1);
    client_expect(fd, 200, "{\"data\":{\"key\":\"turn\",\"value\":1}}");
    assert_int_equal(fake_engine_seen(service.engine).attempts, 2);
    assert_int_equal(fake_engine_seen(service.engine).turns_ended, 2);
    client_close(&fd);
    service_stop(&service);
}

static void a_client_gone_while_its_request_waits_gives_the_wait_back(void **state)
{
    struct service service;
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    int fd;

    (void)state;
    service_run(&service);
    for (int i = 0; i < 10; i++) {
        fd = client_open(&service);
        client_increment(fd, "wait", 1);
        service_await_attempts(&service, (uint64_t)i + 1);
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
        client_close(&fd);
    }
    service_await_no_connections(&service);
    assert_int_equal(fake_engine_seen(service.engine).pins, 0);
    assert_int_equal(fake_engine_total(service.engine, "wait"), 0);
    service_stop(&service);
}

/* Held turns in front of a waiting request, and its own turn held as well. */
static void a_request_may_wait_behind_held_answers(void **state)
{
    struct service service;
    char text[512];
    size_t size;
    int fd;

    (void)state;
    service_run(&service);
    fd = client_open(&service);
    fake_engine_hold(service.engine);
    client_increment(fd, "a", 1);
    service_await_attempts(&service, 1);
    client_increment(fd, "a", 1);
    service_await_attempts(&service, 2);
    size = add_increment(text, sizeof(text), 0, "a", 1);
    size = add_increment(text, sizeof(text), size, "wait", 1);
    client_send_bytes(fd, text, size);
    service_await_attempts(&service, 4);
    fake_engine_load(service.engine);
    service_await_attempts(&service, 5);
    client_expect_silence(fd);
    fake_engine_release(service.engine);
    client_expect(fd, 200, "{\"data\":{\"key\":\"a\",\"value\":1}}");
    client_expect(fd, 200, "{\"data\":{\"key\":\"a\",\"value\":2}}");
    client_expect(fd, 200, "{\"data\":{\"key\":\"a\",\"value\":3}}");
    client_expect(fd, 200, "{\"data\":{\"key\":\"wait\",\"value\":1}}");
    client_close(&fd);
    service_stop(&service);
}

static void the_durations_of_all_answers_are_counted_by_series(void **state)
{
    struct service service;
    const struct http_metrics *m;
    char text[4096];
    size_t at = 0;
    int fd;

    (void)state;
    service_run(&service);
    fd = client_open(&service);
    for (int i = 0; i < 20; i++) {
        at = add_increment(text, sizeof(text), at, "series", 1);
    }
    client_send_bytes(fd, text, at);
    client_get(fd, "/nothing");
    for (int i = 0; i < 20; i++) {
        client_expect(fd, 200, NULL);
    }
    client_expect(fd, 404, NULL);
    m = server_http_metrics(service.server, 0);
    at = 0;
    for (int i = 0; i <= SR_HISTOGRAM_BOUNDS_MAX; i++) {
        at += m->series[HTTP_ROUTE_INCREMENT][HTTP_METHOD_POST][HTTP_METRICS_STATUS_200]
                  .duration_ns.buckets[i];
        at += 100 * m->series[HTTP_ROUTE_UNKNOWN][HTTP_METHOD_GET][HTTP_METRICS_STATUS_404]
                        .duration_ns.buckets[i];
    }
    assert_int_equal(at, 120);
    client_close(&fd);
    service_stop(&service);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_that_depend_on_counts_wait_for_their_turn),
        cmocka_unit_test(reads_absences_and_overflows_wait_as_well),
        cmocka_unit_test(what_depends_on_no_count_is_answered_while_the_journal_is_stuck),
        cmocka_unit_test(a_connection_with_many_held_turns_is_read_on_after_the_release),
        cmocka_unit_test(a_turn_held_too_long_ends_its_connections_without_an_answer),
        cmocka_unit_test(a_client_gone_while_its_answer_is_held_is_counted_and_forgotten),
        cmocka_unit_test(a_waiting_request_is_answered_in_its_place),
        cmocka_unit_test(waiting_requests_hold_nobody_else_up),
        cmocka_unit_test(a_request_that_waits_for_a_turn_is_given_in_the_next_one),
        cmocka_unit_test(a_client_gone_while_its_request_waits_gives_the_wait_back),
        cmocka_unit_test(a_request_may_wait_behind_held_answers),
        cmocka_unit_test(the_durations_of_all_answers_are_counted_by_series),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
