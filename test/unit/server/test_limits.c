/*
 * Bounds: connections, incomplete requests, answers that nobody reads; and what they answer.
 */
#include "service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static void connections_beyond_the_limit_get_503(void **state)
{
    struct service service;
    struct reply reply;
    int within[3];
    int beyond;

    (void)state;
    service_prepare(&service, 1);
    service.options.connections_max = 3;
    service_start(&service);
    for (int i = 0; i < 3; i++) {
        within[i] = client_open(&service);
        client_get(within[i], "/livez");
        client_expect(within[i], 200, NULL);
    }
    beyond = client_open(&service);
    client_read_reply(beyond, &reply);
    assert_int_equal(reply.status, 503);
    assert_non_null(strstr(reply.head, "Retry-After: 1\r\n"));
    assert_non_null(strstr(reply.head, "Connection: close\r\n"));
    client_expect_end(beyond);
    client_close(&beyond);
    assert_int_equal(METRIC(&service, refused[HTTP_REFUSED_CONNECTIONS_MAX]), 1);
    client_close(&within[0]);
    AWAIT(&service, connections_closed, 1);
    within[0] = client_open(&service);
    for (int i = 0; i < 3; i++) {
        client_get(within[i], "/livez");
        client_expect(within[i], 200, NULL);
        client_close(&within[i]);
    }
    service_stop(&service);
}

static void connections_of_one_address_have_a_limit_of_their_own(void **state)
{
    struct service service;
    int within[2];
    int beyond;

    (void)state;
    service_prepare(&service, 2);
    service.options.connections_per_address_max = 2;
    service_start(&service);
    for (int i = 0; i < 2; i++) {
        within[i] = client_open(&service);
        client_get(within[i], "/livez");
        client_expect(within[i], 200, NULL);
    }
    beyond = client_open(&service);
    client_expect(beyond, 503, NULL);
    client_close(&beyond);
    assert_int_equal(METRIC(&service, refused[HTTP_REFUSED_PER_ADDRESS]), 1);
    for (int i = 0; i < 2; i++) {
        client_close(&within[i]);
    }
    service_stop(&service);
}

static void incomplete_requests_beyond_the_budget_get_503_and_it_is_given_back(void **state)
{
    static const char head[] =
        "POST /increment HTTP/1.1\r\nHost: x\r\n"
        "Content-Type: application/json\r\nContent-Length: 60000\r\n\r\n";
    char *spaces = malloc(20000);
    struct service service;
    struct reply reply;
    int first;
    int second;

    (void)state;
    memset(spaces, ' ', 20000);
    service_prepare(&service, 2);
    service.options.bodies_in_flight_max = 40000; /* one buffer of 32 KiB */
    service_start(&service);
    first = client_open(&service);
    client_send(first, head);
    client_send_bytes(first, spaces, 20000);
    service_await_bodies_in_flight(&service, 32768); /* two workers: received is not yet kept */
    second = client_open(&service);
    client_send(second, head);
    client_send_bytes(second, spaces, 20000);
    client_read_reply(second, &reply);
    assert_int_equal(reply.status, 503);
    assert_non_null(strstr(reply.head, "Retry-After: 1\r\n"));
    client_expect_end(second);
    client_close(&second);
    client_close(&first);
    service_await_no_connections(&service);
    assert_int_equal(server_bodies_in_flight(service.server), 0);
    free(spaces);
    service_stop(&service);
}

/* The rest has no place for an answer of its own before the first one's. */
static void behind_a_waiting_request_what_exceeds_the_budget_is_dropped(void **state)
{
    struct service service;
    struct reply reply;
    char text[512];
    size_t size;
    int fd;

    (void)state;
    service_prepare(&service, 1);
    service.options.bodies_in_flight_max = 0;
    service_start(&service);
    fd = client_open(&service);
    size = add_increment(text, sizeof(text), 0, "wait", 1);
    size = add_increment(text, sizeof(text), size, "dropped", 1);
    client_send_bytes(fd, text, size);
    service_await_attempts(&service, 1);
    client_expect_silence(fd);
    fake_engine_load(service.engine);
    client_read_reply(fd, &reply);
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.body, "{\"data\":{\"key\":\"wait\",\"value\":1}}");
    assert_non_null(strstr(reply.head, "Connection: close\r\n"));
    client_expect_end(fd);
    assert_int_equal(fake_engine_total(service.engine, "dropped"), 0);
    client_close(&fd);
    service_stop(&service);
}

/* More than one loop turn's worth of requests, all ready at the same time. */
static void many_busy_connections_all_get_their_turn(void **state)
{
    enum { CLIENTS = 40, EACH = 200 };
    struct service service;
    char *text = malloc(EACH * 160);
    char body[64];
    size_t size = 0;
    int fds[CLIENTS];

    (void)state;
    service_run(&service);
    for (int i = 0; i < EACH; i++) {
        size = add_increment(text, EACH * 160, size, "busy", 1);
    }
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = client_open(&service);
    }
    fake_engine_hold(service.engine); /* until all have sent */
    for (int i = 0; i < CLIENTS; i++) {
        client_send_bytes(fds[i], text, size);
    }
    service_await_attempts(&service, CLIENTS * EACH);
    fake_engine_release(service.engine);
    for (int i = 0; i < CLIENTS; i++) {
        for (int k = 0; k < EACH; k++) {
            client_expect(fds[i], 200, NULL);
        }
    }
    client_increment(fds[0], "busy", 0);
    (void)snprintf(body, sizeof(body), "{\"data\":{\"key\":\"busy\",\"value\":%d}}",
                   CLIENTS * EACH);
    client_expect(fds[0], 200, body);
    for (int i = 0; i < CLIENTS; i++) {
        client_close(&fds[i]);
    }
    free(text);
    service_stop(&service);
}

/* The values in a stream of answers, checked to be 1, 2, 3 and so on; returns how many. */
static int count_answers(int fd)
{
    char *stream = malloc(1 << 20);
    size_t size = 0;
    int count = 0;
    ssize_t got;

    while ((got = recv(fd, stream + size, (1 << 20) - size - 1, 0)) > 0) {
        char *at = stream;
        char *end;

        size += (size_t)got;
        stream[size] = '\0';
        while ((end = strstr(at, "}}")) != NULL) {
            char *value = strstr(at, "\"value\":");

            assert_true(value != NULL && value < end);
            assert_int_equal(atoi(value + 8), ++count);
            at = end + 2;
        }
        size -= (size_t)(at - stream);
        memmove(stream, at, size);
    }
    assert_int_equal(size, 0);
    free(stream);
    return count;
}

/* Nothing more is read of a connection whose answers nobody takes; all come once somebody does.
 */
static void a_slow_reader_is_not_read_from_and_loses_nothing(void **state)
{
    enum { ROUND = 64, ROUNDS_MAX = 10000 };
    struct service service;
    char requests[ROUND * 160];
    size_t size = 0;
    int sent = 0;
    int fd;

    (void)state;
    service_prepare(&service, 1);
    service.options.answers_queued_max = 8192;
    service_start(&service);
    fd = client_open(&service);
    for (int i = 0; i < ROUND; i++) {
        size = add_increment(requests, sizeof(requests), size, "slow", 1);
    }
    while (sent < ROUNDS_MAX &&
           send(fd, requests, size, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)size) {
        sent++;
    }
    assert_in_range(sent, 1, ROUNDS_MAX - 1); /* the server has stopped reading */
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    assert_in_range(count_answers(fd), sent * ROUND, (sent + 1) * ROUND);
    client_close(&fd);
    service_stop(&service);
}

static void without_descriptors_connections_wait_in_the_backlog(void **state)
{
    struct rlimit before;
    struct rlimit now;
    struct service service;
    uint64_t turns;
    int fds[8];
    int probe;

    (void)state;
    service_run(&service);
    fds[0] = client_open(&service);
    client_get(fds[0], "/livez");
    client_expect(fds[0], 200, NULL);
    for (int i = 1; i < 8; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM, 0); /* not connected: for their numbers only */
    }
    probe = dup(0);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    now = before;
    now.rlim_cur = (rlim_t)probe + 1;
    client_close(&probe);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &now), 0);
    probe = client_open(&service); /* takes the last number: the server has none */
    client_get(probe, "/livez");
    AWAIT(&service, refused[HTTP_REFUSED_DESCRIPTORS], 1);
    turns = METRIC(&service, loop_turns);
    client_expect_silence(probe);
    assert_in_range(METRIC(&service, loop_turns) - turns, 0, 3);
    client_get(fds[0], "/livez"); /* others are served meanwhile */
    client_expect(fds[0], 200, NULL);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    client_expect(probe, 200, NULL);
    for (int i = 0; i < 8; i++) {
        client_close(&fds[i]);
    }
    client_close(&probe);
    service_stop(&service);
}

/* The figure behind "10,000 idle connections cost little". */
static void an_idle_connection_costs_less_than_a_kibibyte(void **state)
{
    (void)state;
    assert_in_range(service_connection_size(), 1, 1024);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connections_beyond_the_limit_get_503),
        cmocka_unit_test(connections_of_one_address_have_a_limit_of_their_own),
        cmocka_unit_test(incomplete_requests_beyond_the_budget_get_503_and_it_is_given_back),
        cmocka_unit_test(behind_a_waiting_request_what_exceeds_the_budget_is_dropped),
        cmocka_unit_test(many_busy_connections_all_get_their_turn),
        cmocka_unit_test(a_slow_reader_is_not_read_from_and_loses_nothing),
        cmocka_unit_test(without_descriptors_connections_wait_in_the_backlog),
        cmocka_unit_test(an_idle_connection_costs_less_than_a_kibibyte),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
