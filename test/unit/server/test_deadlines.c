/*
 * Deadlines that a slow or silent client cannot extend. Timeouts are small; every wait is for
 * something that comes.
 */
#include "service.h"

#include "base/clock.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define TIMEOUT_MS 60

/* Sends a byte now and then until an answer or the end comes; returns the milliseconds. */
static uint64_t drip(int fd, const char *bytes)
{
    uint64_t begin_ms = sr_clock_monotonic_ms();
    struct pollfd readable = {.fd = fd, .events = POLLIN};

    for (size_t i = 0; bytes[i] != '\0' && poll(&readable, 1, 5) == 0; i++) {
        (void)!send(fd, bytes + i, 1, MSG_NOSIGNAL);
    }
    return sr_clock_monotonic_ms() - begin_ms;
}

static void expect_408(int fd)
{
    struct reply reply;

    client_read_reply(fd, &reply);
    assert_int_equal(reply.status, 408);
    assert_non_null(strstr(reply.head, "Connection: close\r\n"));
    client_expect_end(fd);
}

static void a_dripping_head_is_answered_408(void **state)
{
    struct service service;
    uint64_t took_ms;
    int fd;

    (void)state;
    service_prepare(&service, 1);
    service.options.header_timeout_ms = TIMEOUT_MS;
    service_start(&service);
    fd = client_open(&service);
    client_send(fd, "GET /livez HTTP/1.1\r\nHost: x\r\n");
    took_ms =
        drip(fd, "X-A: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    expect_408(fd);
    assert_in_range(took_ms, TIMEOUT_MS - 10, 100 * TIMEOUT_MS);
    assert_int_equal(METRIC(&service, refused[HTTP_REFUSED_TIMEOUT_HEADER]), 1);
    client_close(&fd);
    service_stop(&service);
}

static void a_dripping_body_is_answered_408(void **state)
{
    struct service service;
    int fd;

    (void)state;
    service_prepare(&service, 1);
    service.options.body_timeout_ms = TIMEOUT_MS;
    service_start(&service);
    fd = client_open(&service);
    client_send(fd, "POST /increment HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                    "Content-Length: 1000\r\n\r\n");
    (void)drip(fd,
               "                                                                            "
               "                                                                            ");
    expect_408(fd);
    assert_int_equal(METRIC(&service, refused[HTTP_REFUSED_TIMEOUT_BODY]), 1);
    client_close(&fd);
    service_stop(&service);
}

static void idle_connections_are_closed_without_an_answer(void **state)
{
    struct service service;
    int fresh;
    int used;

    (void)state;
    service_prepare(&service, 1);
    service.options.idle_timeout_ms = TIMEOUT_MS;
    service_start(&service);
    fresh = client_open(&service);
    used = client_open(&service);
    client_get(used, "/livez");
    client_expect(used, 200, NULL);
    client_expect_end(used);
    client_expect_end(fresh);
    assert_int_equal(METRIC(&service, refused[HTTP_REFUSED_TIMEOUT_IDLE]), 2);
    client_close(&fresh);
    client_close(&used);
    service_stop(&service);
}

/* An answer we owe is not the client's idleness. */
static void no_deadline_runs_while_an_answer_is_ours_to_give(void **state)
{
    struct service service;
    int held;
    int waits;

    (void)state;
    service_prepare(&service, 1);
    service.options.idle_timeout_ms = 10;
    service.options.header_timeout_ms = 10;
    service.options.body_timeout_ms = 10;
    service_start(&service);
    held = client_open(&service);
    waits = client_open(&service);
    fake_engine_hold(service.engine);
    client_increment(held, "held", 1);
    client_increment(waits, "wait", 1);
    service_await_attempts(&service, 2);
    client_expect_silence(held);
    client_expect_silence(waits);
    fake_engine_load(service.engine);
    service_await_attempts(&service, 3);
    fake_engine_release(service.engine);
    client_expect(held, 200, NULL);
    client_expect(waits, 200, NULL);
    client_close(&held);
    client_close(&waits);
    service_stop(&service);
}

static void a_client_that_reads_nothing_is_cut(void **state)
{
    char request[] = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";
    char many[100 * sizeof(request)] = "";
    struct service service;
    int fd;

    (void)state;
    service_prepare(&service, 1);
    service.options.write_timeout_ms = TIMEOUT_MS;
    service_start(&service);
    fd = client_open(&service);
    for (int i = 0; i < 100; i++) {
        memcpy(many + strlen(many), request, sizeof(request));
    }
    /* Until both directions are full, and then until the connection is reset. */
    while (send(fd, many, strlen(many), MSG_NOSIGNAL) > 0) {
    }
    AWAIT(&service, refused[HTTP_REFUSED_TIMEOUT_WRITE], 1);
    client_close(&fd);
    service_stop(&service);
}

static void a_client_that_does_not_close_after_the_last_answer_is_waited_for_briefly(
    void **state)
{
    struct service service;
    int fd;

    (void)state;
    service_prepare(&service, 1);
    service.options.linger_timeout_ms = TIMEOUT_MS;
    service_start(&service);
    fd = client_open(&service);
    client_send(fd, "nonsense\r\n\r\n");
    client_expect(fd, 400, NULL);
    client_expect_end(fd);
    service_await_no_connections(&service); /* although this client's socket is open */
    client_close(&fd);
    service_stop(&service);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dripping_head_is_answered_408),
        cmocka_unit_test(a_dripping_body_is_answered_408),
        cmocka_unit_test(idle_connections_are_closed_without_an_answer),
        cmocka_unit_test(no_deadline_runs_while_an_answer_is_ours_to_give),
        cmocka_unit_test(a_client_that_reads_nothing_is_cut),
        cmocka_unit_test(
            a_client_that_does_not_close_after_the_last_answer_is_waited_for_briefly),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
