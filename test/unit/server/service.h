/*
 * A server on the fake engine and an ephemeral port of loopback, and clients that read answers
 * strictly. Every wait is for something that must come and fails the test after some seconds.
 */
#ifndef SR_TEST_SERVER_SERVICE_H
#define SR_TEST_SERVER_SERVICE_H

#include "support/unit.h"

#include "fake_engine.h"
#include "server/server.h"

#include <stdbool.h>
#include <stddef.h>

struct service {
    struct server_options options; /* to be changed between service_prepare and service_start */
    struct engine *engine;
    struct server *server;
    char socket_path[64]; /* of the unix socket, where one was asked for */
};

/* Options as by default, on port 0 of 127.0.0.1; `workers` of them. */
void service_prepare(struct service *service, uint32_t workers);
void service_start(struct service *service);

/* Drains (if that was not done), closes everything and checks that no wait is left. */
void service_stop(struct service *service);

/* prepare and start with one worker. */
void service_run(struct service *service);

/* The sum of a counter or gauge at an offset of struct http_metrics over all workers. */
uint64_t service_metric(const struct service *service, size_t offset);
#define METRIC(service, member) service_metric(service, offsetof(struct http_metrics, member))

/* Waits until the metric is at least `least`. */
void service_await(const struct service *service, size_t offset, uint64_t least);
#define AWAIT(service, member, least)                                                          \
    service_await(service, offsetof(struct http_metrics, member), least)

/* Waits until the engine was given that many requests. */
void service_await_attempts(const struct service *service, uint64_t least);

/* Waits until at least `least` bytes are charged for incomplete requests. */
void service_await_bodies_in_flight(const struct service *service, size_t least);

/* Waits until no connection is open. */
void service_await_no_connections(const struct service *service);

/* Bytes that the server keeps for a connection while it is idle, its share of the ring of holds
 * included. */
size_t service_connection_size(void);

/* A connected socket. */
int client_open(const struct service *service);
void client_close(int *fd);
void client_send(int fd, const char *text);
void client_send_bytes(int fd, const void *data, size_t size);

struct reply {
    int status;
    char head[1024];
    char body[2048];
};

/* The next answer, read byte by byte so that nothing behind it is taken. Status 0: the
 * connection closed instead. */
void client_read_reply(int fd, struct reply *ret_reply);

/* Reads an answer and checks status and body (NULL: not looked at). */
void client_expect(int fd, int status, const char *body);

/* Nothing but the end of the connection comes. */
void client_expect_end(int fd);

/* Nothing comes within a few milliseconds. */
void client_expect_silence(int fd);

/* POST /increment with a JSON body; appended to text (of size bytes), returns the new end. */
size_t add_increment(char *text, size_t size, size_t at, const char *key, int value);
void client_increment(int fd, const char *key, int value);
void client_get(int fd, const char *target);

#endif
