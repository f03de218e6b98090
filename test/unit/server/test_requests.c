/*
 * Requests over real sockets: however they come, they are answered in order.
 */
#include "service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TOTAL "{\"data\":{\"key\":\"%s\",\"value\":%d}}"

static void expect_total(int fd, const char *key, int total)
{
    char body[128];

    (void)snprintf(body, sizeof(body), TOTAL, key, total);
    client_expect(fd, 200, body);
}

static void an_increment_is_answered_with_its_total(void **state)
{
    struct service service;
    int fd;

    (void)state;
    service_run(&service);
    fd = client_open(&service);
    for (int total = 2; total <= 10; total += 2) {
        client_increment(fd, "test1", 2);
        expect_total(fd, "test1", total);
    }
    client_close(&fd);
    service_stop(&service);
}

static void a_thousand_pipelined_requests_are_answered_in_order(void **state)
{
    size_t size = 1 << 20;
    char *text = malloc(size);
    struct service service;
    size_t at = 0;
    int fd;

    (void)state;
    service_run(&service);
    fd = client_open(&service);
    for (int i = 0; i < 1000; i++) {
        at = add_increment(text, size, at, "pipe", 1);
    }
    client_send_bytes(fd, text, at);
    for (int total = 1; total <= 1000; total++) {
        expect_total(fd, "pipe", total);
    }
    free(text);
    client_close(&fd);
    service_stop(&service);
}

static void a_request_may_come_byte_by_byte(void **state)
{
    struct service service;
    char text[512];
    size_t size;
    int fd;

    (void)state;
    service_run(&service);
    fd = client_open(&service);
    size = add_increment(text, sizeof(text), 0, "bytes", 1);
    size = add_increment(text, sizeof(text), size, "bytes", 1);
    for (size_t i = 0; i < size; i++) {
        client_send_bytes(fd, text + i, 1);
        AWAIT(&service, bytes_received, i + 1);
    }
    expect_total(fd, "bytes", 1);
    expect_total(fd, "bytes", 2);
    client_close(&fd);
    service_stop(&service);
}

static void every_cut_of_two_requests_works(void **state)
{
    struct service service;
    char text[512];
    size_t size;
    uint64_t received = 0;
    int fd;

    (void)state;
    service_run(&service);
    fd = client_open(&service);
    size = add_increment(text, sizeof(text), 0, "cut", 1);
    size = add_increment(text, sizeof(text), size, "cut", 1);
    for (size_t cut = 1; cut < size; cut++) {
        client_send_bytes(fd, text, cut);
        AWAIT(&service, bytes_received, received + cut);
        client_send_bytes(fd, text + cut, size - cut);
        expect_total(fd, "cut", (int)cut * 2 - 1);
        expect_total(fd, "cut", (int)cut * 2);
        received += size;
    }
    client_close(&fd);
    service_stop(&service);
}

/* Bodies beyond the scratch's rest are read into memory of the connection's own. */
static void a_large_body_in_many_pieces_is_taken(void **state)
{
    const size_t body_size = 300000;
    char *body = malloc(body_size);
    struct service service;
    char head[256];
    int fd;

    (void)state;
    service_run(&service);
    fd = client_open(&service);
    memset(body, ' ', body_size);
    memcpy(body, "{\"key\":\"large\",\"value\":7", 24);
    body[body_size - 1] = '}';
    (void)snprintf(head, sizeof(head),
                   "POST /increment HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                   "Content-Length: %zu\r\n\r\n",
                   body_size);
    for (int total = 7; total <= 14; total += 7) {
        client_send(fd, head);
        for (size_t at = 0; at < body_size; at += 10000) {
            client_send_bytes(fd, body + at, 10000);
        }
        client_increment(fd, "large", 0);
        expect_total(fd, "large", total);
        expect_total(fd, "large", total);
    }
    free(body);
    client_close(&fd);
    service_stop(&service);
}

static void chunks_are_put_together(void **state)
{
    struct service service;
    int fd;

    (void)state;
    service_run(&service);
    fd = client_open(&service);
    for (int total = 1; total <= 2; total++) {
        client_send(fd,
                    "POST /increment HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                    "Transfer-Encoding: chunked\r\n\r\n");
        client_send(fd, "e\r\n{\"key\":\"chunk\"\r\n");
        client_send(fd, "b\r\n,\"value\":1}\r\n0\r\n\r\n");
        expect_total(fd, "chunk", total);
    }
    client_close(&fd);
    service_stop(&service);
}

#define EXPECT_HEAD                                                                            \
    " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 26\r\n"         \
    "Expect: 100-continue\r\n\r\n"

static void a_body_is_asked_for_only_where_it_will_be_looked_at(void **state)
{
    struct service service;
    int fd;

    (void)state;
    service_run(&service);
    fd = client_open(&service);
    client_send(fd, "POST /increment" EXPECT_HEAD);
    client_expect(fd, 100, "");
    client_send(fd, "{\"key\":\"expect\",\"value\":1}"
                    "POST /nothing" EXPECT_HEAD);
    expect_total(fd, "expect", 1);
    client_expect(fd, 404, NULL);
    client_expect_end(fd);
    client_close(&fd);
    service_stop(&service);
}

static void a_path_that_is_not_there_comes_before_a_body_that_is_too_large(void **state)
{
    static const char *const lines[] = {"POST /nothing", "GET /increment", "POST /increment"};
    static const int statuses[] = {404, 405, 413};
    struct service service;

    (void)state;
    service_run(&service);
    for (int i = 0; i < 3; i++) {
        int fd = client_open(&service);

        client_send(fd, lines[i]);
        client_send(fd, " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                        "Content-Length: 100000000\r\n\r\n");
        client_expect(fd, statuses[i], NULL);
        client_expect_end(fd);
        client_close(&fd);
    }
    service_stop(&service);
}

static void after_a_malformed_request_the_client_sees_the_answer_although_it_goes_on_sending(
    void **state)
{
    char *noise = calloc(1, 1 << 20);
    struct service service;
    struct reply reply;
    int fd;

    (void)state;
    service_run(&service);
    fd = client_open(&service);
    client_increment(fd, "before", 1);
    client_send(fd, "nonsense\r\n\r\n");
    client_send_bytes(fd, noise, 1 << 20);
    expect_total(fd, "before", 1);
    client_read_reply(fd, &reply);
    assert_int_equal(reply.status, 400);
    assert_non_null(strstr(reply.head, "Connection: close\r\n"));
    client_expect_end(fd);
    free(noise);
    client_close(&fd);
    service_await_no_connections(&service);
    service_stop(&service);
}

static void a_half_closed_client_gets_all_its_answers(void **state)
{
    struct service service;
    char text[2048];
    size_t at = 0;
    int fd;

    (void)state;
    service_run(&service);
    fd = client_open(&service);
    for (int i = 0; i < 10; i++) {
        at = add_increment(text, sizeof(text), at, "half", 1);
    }
    client_send_bytes(fd, text, at);
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    for (int total = 1; total <= 10; total++) {
        expect_total(fd, "half", total);
    }
    client_expect_end(fd);
    client_close(&fd);
    service_stop(&service);
}

static void nothing_is_answered_after_connection_close(void **state)
{
    struct service service;
    int fd;

    (void)state;
    service_run(&service);
    fd = client_open(&service);
    client_send(fd, "GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
                    "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n");
    client_expect(fd, 200, NULL);
    client_expect_end(fd);
    client_close(&fd);
    service_await_no_connections(&service);
    service_stop(&service);
}

static void clients_that_vanish_leave_nothing_behind(void **state)
{
    struct service service;

    (void)state;
    service_run(&service);
    for (int i = 0; i < 50; i++) {
        struct linger reset = {.l_onoff = i % 2, .l_linger = 0};
        int fd = client_open(&service);

        client_increment(fd, i % 2 == 0 ? "gone" : "reset", 1);
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
        client_close(&fd);
    }
    AWAIT(&service, connections_accepted, 50);
    service_await_no_connections(&service);
    assert_int_equal(fake_engine_total(service.engine, "gone"), 25);
    assert_true(fake_engine_total(service.engine, "reset") <= 25);
    service_stop(&service);
}

static void a_unix_socket_serves_as_well_and_its_file_goes(void **state)
{
    char path[64];
    char address[80];
    struct service service;
    int fd;

    (void)state;
    (void)snprintf(path, sizeof(path), "/tmp/sr-test-%d.sock", (int)getpid());
    (void)snprintf(address, sizeof(address), "unix:%s", path);
    service_prepare(&service, 2);
    service.options.addresses = address;
    service_start(&service);
    for (int total = 1; total <= 20; total++) {
        fd = client_open(&service);
        client_increment(fd, "unix", 1);
        expect_total(fd, "unix", total);
        client_close(&fd);
    }
    assert_int_equal(access(path, F_OK), 0);
    service_stop(&service);
    assert_int_not_equal(access(path, F_OK), 0);
}

static void several_workers_share_a_port(void **state)
{
    int fds[32];
    struct service service;

    (void)state;
    service_prepare(&service, 4);
    service_start(&service);
    for (int i = 0; i < 32; i++) {
        fds[i] = client_open(&service);
        client_increment(fds[i], "shared", 1);
        expect_total(fds[i], "shared", i + 1);
    }
    for (int i = 0; i < 32; i++) {
        client_close(&fds[i]);
    }
    service_stop(&service);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_increment_is_answered_with_its_total),
        cmocka_unit_test(a_thousand_pipelined_requests_are_answered_in_order),
        cmocka_unit_test(a_request_may_come_byte_by_byte),
        cmocka_unit_test(every_cut_of_two_requests_works),
        cmocka_unit_test(a_large_body_in_many_pieces_is_taken),
        cmocka_unit_test(chunks_are_put_together),
        cmocka_unit_test(a_body_is_asked_for_only_where_it_will_be_looked_at),
        cmocka_unit_test(a_path_that_is_not_there_comes_before_a_body_that_is_too_large),
        cmocka_unit_test(
            after_a_malformed_request_the_client_sees_the_answer_although_it_goes_on_sending),
        cmocka_unit_test(a_half_closed_client_gets_all_its_answers),
        cmocka_unit_test(nothing_is_answered_after_connection_close),
        cmocka_unit_test(clients_that_vanish_leave_nothing_behind),
        cmocka_unit_test(a_unix_socket_serves_as_well_and_its_file_goes),
        cmocka_unit_test(several_workers_share_a_port),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
