/*
 * The end: what is in flight is answered, what is idle closes, and a deadline ends the rest.
 */
#include "service.h"

#include "base/clock.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LONG_MS 5000

struct drain {
    struct server *server;
    uint64_t deadline_ms;
    enum sr_result result;
    pthread_t thread;
};

static void *run_drain(void *argument)
{
    struct drain *drain = argument;

    drain->result = server_drain(drain->server, drain->deadline_ms);
    return NULL;
}

static void start_drain(struct drain *drain, const struct service *service, uint64_t within_ms)
{
    *drain = (struct drain){.server = service->server,
                            .deadline_ms = sr_clock_monotonic_ms() + within_ms};
    assert_int_equal(pthread_create(&drain->thread, NULL, run_drain, drain), 0);
}

static enum sr_result end_drain(struct drain *drain)
{
    assert_int_equal(pthread_join(drain->thread, NULL), 0);
    return drain->result;
}

static void expect_last_answer(int fd)
{
    struct reply reply;

    client_read_reply(fd, &reply);
    assert_int_equal(reply.status, 200);
    assert_non_null(strstr(reply.head, "Connection: close\r\n"));
    client_expect_end(fd);
}

static void idle_connections_close_at_once(void **state)
{
    struct service service;
    struct drain drain;
    int fresh;
    int used;

    (void)state;
    service_prepare(&service, 2);
    service_start(&service);
    fresh = client_open(&service);
    used = client_open(&service);
    client_get(used, "/livez");
    client_expect(used, 200, NULL);
    AWAIT(&service, connections_accepted, 2);
    start_drain(&drain, &service, LONG_MS);
    client_expect_end(fresh);
    client_expect_end(used);
    assert_int_equal(end_drain(&drain), SR_OK);
    client_close(&fresh);
    client_close(&used);
    service_stop(&service);
}

static void held_and_waiting_requests_are_answered(void **state)
{
    struct service service;
    struct drain drain;
    int held;
    int waits;

    (void)state;
    service_run(&service);
    held = client_open(&service);
    waits = client_open(&service);
    fake_engine_hold(service.engine);
    client_increment(held, "held", 1);
    client_increment(waits, "wait", 1);
    service_await_attempts(&service, 2);
    start_drain(&drain, &service, LONG_MS);
    client_expect_silence(held);
    fake_engine_load(service.engine);
    service_await_attempts(&service, 3);
    fake_engine_release(service.engine);
    client_expect(held, 200, NULL); /* made before the drain: said keep-alive */
    client_expect_end(held);
    expect_last_answer(waits);
    assert_int_equal(end_drain(&drain), SR_OK);
    client_close(&held);
    client_close(&waits);
    service_stop(&service);
}

static void a_request_that_is_coming_in_is_awaited(void **state)
{
    struct service service;
    struct drain drain;
    char text[256];
    size_t size;
    int fd;

    (void)state;
    service_run(&service);
    fd = client_open(&service);
    size = add_increment(text, sizeof(text), 0, "coming", 1);
    client_send_bytes(fd, text, size - 5);
    AWAIT(&service, bytes_received, size - 5);
    start_drain(&drain, &service, LONG_MS);
    client_expect_silence(fd);
    client_send_bytes(fd, text + size - 5, 5);
    expect_last_answer(fd);
    assert_int_equal(end_drain(&drain), SR_OK);
    client_close(&fd);
    service_stop(&service);
}

/* The request lies in the kernel when the drain begins; the worker has not seen it. */
static void what_was_sent_before_is_answered(void **state)
{
    struct service service;
    struct sr_err err;
    struct drain drain;
    int fds[20];

    (void)state;
    service_prepare(&service, 2);
    assert_int_equal(server_open(&service.options, &service.server, &err), SR_OK);
    for (int i = 0; i < 20; i++) {
        fds[i] = client_open(&service);
        client_increment(fds[i], "backlog", 1);
    }
    /* Nobody accepts yet: all of them are in the backlog, and the first thing workers see is
     * the drain. */
    start_drain(&drain, &service, LONG_MS);
    assert_int_equal(end_drain(&drain), SR_OK);
    assert_int_equal(server_start(service.server, &err), SR_OK);
    for (int i = 0; i < 20; i++) {
        expect_last_answer(fds[i]);
        client_close(&fds[i]);
    }
    service_stop(&service);
}

static void the_deadline_cuts_what_is_left(void **state)
{
    struct service service;
    struct drain drain;
    int held;
    int half;

    (void)state;
    service_run(&service);
    held = client_open(&service);
    half = client_open(&service);
    fake_engine_hold(service.engine);
    client_increment(held, "held", 1);
    client_send(half, "GET /li");
    service_await_attempts(&service, 1);
    AWAIT(&service, connections_accepted, 2);
    start_drain(&drain, &service, 30);
    assert_int_equal(end_drain(&drain), SR_TIMEOUT);
    client_expect_end(held);
    client_expect_end(half);
    client_close(&held);
    client_close(&half);
    service_stop(&service);
}

/* A server on an inherited socket, as sd_listen_fds(3) passes it: descriptor 3. */
static void run_inherited(struct service *service, uint32_t grace_ms)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char pid[16];

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 16), 0);
    if (fd != 3) {
        assert_int_equal(fcntl(3, F_GETFD), -1); /* nobody else's */
        assert_int_equal(dup2(fd, 3), 3);
        assert_int_equal(close(fd), 0);
    }
    (void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
    assert_int_equal(setenv("LISTEN_PID", pid, 1), 0);
    assert_int_equal(setenv("LISTEN_FDS", "1", 1), 0);
    assert_true(server_sockets_inherited());
    service_prepare(service, 1);
    service->options.drain_grace_ms = grace_ms;
    service_start(service);
    assert_false(server_sockets_inherited());
}

/* Whoever serves on after us need not see a request fail that was under way to us. */
static void a_request_of_an_idle_connection_is_answered_in_the_grace(void **state)
{
    struct service service;
    struct drain drain;
    int fd;

    (void)state;
    run_inherited(&service, 60000);
    fd = client_open(&service);
    AWAIT(&service, connections_accepted, 1);
    start_drain(&drain, &service, LONG_MS);
    client_expect_silence(fd);
    client_get(fd, "/livez");
    expect_last_answer(fd);
    client_close(&fd);
    assert_int_equal(end_drain(&drain), SR_OK);
    service_stop(&service);
}

static void after_the_grace_idle_connections_close(void **state)
{
    struct service service;
    struct drain drain;
    int fd;

    (void)state;
    run_inherited(&service, 30);
    fd = client_open(&service);
    AWAIT(&service, connections_accepted, 1);
    start_drain(&drain, &service, LONG_MS);
    client_expect_end(fd);
    client_close(&fd);
    assert_int_equal(end_drain(&drain), SR_OK);
    service_stop(&service);
}

/* Its next request may be under way when the last answer says close: a reset, which closing at
 * once would cause, may take that answer from it. */
static void a_client_that_sends_on_is_not_reset(void **state)
{
    struct service service;
    struct drain drain;
    int error = -1;
    socklen_t size = sizeof(error);
    int fd;

    (void)state;
    run_inherited(&service, 60000);
    fd = client_open(&service);
    AWAIT(&service, connections_accepted, 1);
    start_drain(&drain, &service, LONG_MS);
    client_expect_silence(fd);
    client_get(fd, "/livez");
    expect_last_answer(fd);
    client_get(fd, "/livez");
    AWAIT(&service, bytes_received, 2 * strlen("GET /livez HTTP/1.1"));
    assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size), 0);
    assert_int_equal(error, 0);
    client_close(&fd);
    assert_int_equal(end_drain(&drain), SR_OK);
    service_stop(&service);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(idle_connections_close_at_once),
        cmocka_unit_test(held_and_waiting_requests_are_answered),
        cmocka_unit_test(a_request_that_is_coming_in_is_awaited),
        cmocka_unit_test(what_was_sent_before_is_answered),
        cmocka_unit_test(the_deadline_cuts_what_is_left),
        cmocka_unit_test(a_request_of_an_idle_connection_is_answered_in_the_grace),
        cmocka_unit_test(after_the_grace_idle_connections_close),
        cmocka_unit_test(a_client_that_sends_on_is_not_reset),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
