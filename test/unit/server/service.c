/*
 * A server on the fake engine, and clients.
 */
#include "service.h"

#include "base/check.h"
#include "base/clock.h"
#include "server/worker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 10000
#define SILENCE_MS 30

static enum sr_result render(void *context, struct sr_span accept, struct sr_buffer *out,
                             const char **ret_content_type)
{
    (void)context;
    (void)accept;
    *ret_content_type = "text/plain; version=0.0.4";
    return sr_buffer_append(out, "page 1\n", 7);
}

void service_prepare(struct service *service, uint32_t workers)
{
    memset(service, 0, sizeof(*service));
    server_options_default(&service->options);
    service->options.port = 0;
    service->options.worker_count = workers;
    service->options.connections_max = 1000;
    service->options.render_metrics = render;
    service->engine = fake_engine_new(workers);
    service->options.engine = service->engine;
}

void service_start(struct service *service)
{
    struct sr_err err = {0};

    if (server_open(&service->options, &service->server, &err) != SR_OK ||
        server_start(service->server, &err) != SR_OK) {
        fail_msg("%s", err.text);
    }
}

void service_run(struct service *service)
{
    service_prepare(service, 1);
    service_start(service);
}

void service_stop(struct service *service)
{
    (void)!server_drain(service->server, sr_clock_monotonic_ms());
    assert_int_equal(METRIC(service, connections_accepted),
                     METRIC(service, connections_closed));
    assert_int_equal(server_bodies_in_flight(service->server), 0);
    server_close(&service->server);
    assert_null(service->server);
    assert_int_equal(fake_engine_seen(service->engine).pins, 0);
    fake_engine_free(service->engine);
}

uint64_t service_metric(const struct service *service, size_t offset)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < service->options.worker_count; i++) {
        const struct http_metrics *m = server_http_metrics(service->server, i);
        const char *at = (const char *)m + offset;

        sum += atomic_load((const _Atomic uint64_t *)(const void *)at);
    }
    return sum;
}

/* Between looks at something that another thread changes soon. */
static void look_again(uint64_t since_ms, const char *what)
{
    struct timespec moment = {.tv_nsec = 200000};

    (void)nanosleep(&moment, NULL);
    if (sr_clock_monotonic_ms() - since_ms > PATIENCE_MS) {
        fail_msg("waited in vain for %s", what);
    }
}

void service_await(const struct service *service, size_t offset, uint64_t least)
{
    uint64_t since_ms = sr_clock_monotonic_ms();

    while (service_metric(service, offset) < least) {
        look_again(since_ms, "a metric");
    }
}

void service_await_attempts(const struct service *service, uint64_t least)
{
    uint64_t since_ms = sr_clock_monotonic_ms();

    while (fake_engine_seen(service->engine).attempts < least) {
        look_again(since_ms, "the engine to be given a request");
    }
}

void service_await_bodies_in_flight(const struct service *service, size_t least)
{
    uint64_t since_ms = sr_clock_monotonic_ms();

    while (server_bodies_in_flight(service->server) < least) {
        look_again(since_ms, "bytes of incomplete requests");
    }
}

void service_await_no_connections(const struct service *service)
{
    uint64_t since_ms = sr_clock_monotonic_ms();

    while (METRIC(service, connections_accepted) != METRIC(service, connections_closed)) {
        look_again(since_ms, "connections to close");
    }
}

size_t service_connection_size(void)
{
    return sizeof(struct connection) + CONNECTION_HOLDS_MAX * sizeof(struct hold);
}

static int connect_unix(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

int client_open(const struct service *service)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    const char *url = server_url(service->server, 0);
    int fd;

    if (strncmp(url, "unix:", 5) == 0) {
        return connect_unix(url + 5);
    }
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons((uint16_t)atoi(strrchr(url, ':') + 1));
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

void client_close(int *fd)
{
    assert_int_equal(close(*fd), 0);
    *fd = -1;
}

void client_send_bytes(int fd, const void *data, size_t size)
{
    const char *at = data;

    while (size > 0) {
        ssize_t sent = send(fd, at, size, MSG_NOSIGNAL);

        if (sent < 0) {
            fail_msg("send: %s", strerror(errno));
        }
        at += sent;
        size -= (size_t)sent;
    }
}

void client_send(int fd, const char *text)
{
    client_send_bytes(fd, text, strlen(text));
}

/* 1, or 0 at the end (a reset counts as one). */
static int read_byte(int fd, char *ret_byte)
{
    struct pollfd readable = {.fd = fd, .events = POLLIN};

    if (poll(&readable, 1, PATIENCE_MS) != 1) {
        fail_msg("no answer came");
    }
    return recv(fd, ret_byte, 1, 0) == 1;
}

static bool read_head(int fd, struct reply *reply)
{
    size_t size = 0;

    while (size < 4 || memcmp(reply->head + size - 4, "\r\n\r\n", 4) != 0) {
        assert_true(size + 1 < sizeof(reply->head));
        if (read_byte(fd, &reply->head[size]) == 0) {
            assert_int_equal(size, 0);
            return false;
        }
        size++;
    }
    reply->head[size] = '\0';
    return true;
}

void client_read_reply(int fd, struct reply *ret_reply)
{
    const char *length;
    size_t size = 0;

    memset(ret_reply, 0, sizeof(*ret_reply));
    if (!read_head(fd, ret_reply)) {
        return;
    }
    assert_memory_equal(ret_reply->head, "HTTP/1.1 ", 9);
    ret_reply->status = atoi(ret_reply->head + 9);
    length = strstr(ret_reply->head, "Content-Length: ");
    size = length == NULL ? 0 : (size_t)atoi(length + 16);
    assert_true(size < sizeof(ret_reply->body));
    for (size_t i = 0; i < size; i++) {
        assert_int_equal(read_byte(fd, &ret_reply->body[i]), 1);
    }
}

void client_expect(int fd, int status, const char *body)
{
    struct reply reply;

    client_read_reply(fd, &reply);
    if (reply.status != status) {
        fail_msg("expected %d, got %d: %s%s", status, reply.status, reply.head, reply.body);
    }
    if (body != NULL) {
        assert_string_equal(reply.body, body);
    }
}

void client_expect_end(int fd)
{
    char byte;

    if (read_byte(fd, &byte) != 0) {
        fail_msg("expected the end, got '%c'", byte);
    }
}

void client_expect_silence(int fd)
{
    struct pollfd readable = {.fd = fd, .events = POLLIN};

    assert_int_equal(poll(&readable, 1, SILENCE_MS), 0);
}

size_t add_increment(char *text, size_t size, size_t at, const char *key, int value)
{
    char body[128];
    int body_size = snprintf(body, sizeof(body), "{\"key\":\"%s\",\"value\":%d}", key, value);
    int added = snprintf(text + at, size - at,
                         "POST /increment HTTP/1.1\r\nHost: x\r\nContent-Type: application/json"
                         "\r\nContent-Length: %d\r\n\r\n%s",
                         body_size, body);

    SR_CHECK(added > 0 && (size_t)added < size - at);
    return at + (size_t)added;
}

void client_increment(int fd, const char *key, int value)
{
    char text[512];

    (void)add_increment(text, sizeof(text), 0, key, value);
    client_send(fd, text);
}

void client_get(int fd, const char *target)
{
    char text[512];

    (void)snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", target);
    client_send(fd, text);
}
