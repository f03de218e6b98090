/*
 * simple-request healthcheck: one GET /readyz at the configured address, with a deadline; for
 * container health checks.
 */
#include "base/clock.h"
#include "command/address.h"
#include "command/command.h"
#include "command/tls_client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define DEADLINE_MS 5000U

/* Waits until fd is ready for `events` or the deadline has passed. */
static enum sr_result wait_ready(int fd, short events, uint64_t deadline_ms, struct sr_err *err)
{
    for (;;) {
        struct pollfd wanted = {.fd = fd, .events = events};
        uint64_t now = sr_clock_monotonic_ms();
        int count = poll(&wanted, 1, now < deadline_ms ? (int)(deadline_ms - now) : 0);

        if (count > 0) {
            return SR_OK;
        }
        if (count == 0) {
            return sr_fail(err, SR_TIMEOUT, "no answer within %u ms", DEADLINE_MS);
        }
        if (errno != EINTR) {
            return sr_fail_errno(err, SR_IO, errno, "cannot wait for an answer");
        }
    }
}

static enum sr_result connect_to(int fd, const struct address *address, uint64_t deadline_ms,
                                 struct sr_err *err)
{
    int why = 0;
    socklen_t size = sizeof(why);

    if (connect(fd, (const struct sockaddr *)&address->storage, address->size) == 0) {
        return SR_OK;
    }
    if (errno != EINPROGRESS) {
        return sr_fail_errno(err, SR_UNAVAILABLE, errno, "cannot connect");
    }
    if (wait_ready(fd, POLLOUT, deadline_ms, err) != SR_OK) {
        return SR_TIMEOUT;
    }
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &size) != 0 || why != 0) {
        return sr_fail_errno(err, SR_UNAVAILABLE, why, "cannot connect");
    }
    return SR_OK;
}

static const char request[] = "GET /readyz HTTP/1.1\r\nHost: localhost\r\n"
                              "Connection: close\r\n\r\n";

static enum sr_result ask(int fd, uint64_t deadline_ms, struct sr_err *err)
{
    if (wait_ready(fd, POLLOUT, deadline_ms, err) != SR_OK) {
        return SR_TIMEOUT;
    }
    /* So few bytes always fit the empty buffer of a new socket. */
    if (send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) != (ssize_t)sizeof(request) - 1) {
        return sr_fail_errno(err, SR_IO, errno, "cannot send the request");
    }
    return SR_OK;
}

/* Reads to the end, or as much as there is room for. */
static enum sr_result read_answer(int fd, uint64_t deadline_ms, char *ret_text, size_t size,
                                  struct sr_err *err)
{
    size_t used = 0;
    ssize_t got = 1;

    while (got > 0 && used + 1 < size) {
        enum sr_result result = wait_ready(fd, POLLIN, deadline_ms, err);

        if (result != SR_OK) {
            return result;
        }
        got = recv(fd, ret_text + used, size - used - 1, 0);
        if (got < 0 && errno != EAGAIN && errno != EINTR) {
            return sr_fail_errno(err, SR_IO, errno, "cannot read the answer");
        }
        used += got > 0 ? (size_t)got : 0;
        got = got < 0 ? 1 : got;
    }
    ret_text[used] = '\0';
    return SR_OK;
}

static enum sr_result judge(const char *answer, struct sr_err *err)
{
    const char *body = strstr(answer, "\r\n\r\n");
    long status = strncmp(answer, "HTTP/1.", 7) == 0 && strlen(answer) > 9
                      ? strtol(answer + 9, NULL, 10)
                      : 0;

    if (status == 200) {
        return SR_OK;
    }
    if (status == 0) {
        return sr_fail(err, SR_UNAVAILABLE, "what answers there is not this service");
    }
    return sr_fail(err, SR_UNAVAILABLE, "not ready: status %ld%s%.200s", status,
                   body == NULL ? "" : ", ", body == NULL ? "" : body + 4);
}

static enum sr_result exchange(int fd, bool tls, uint64_t deadline_ms, char *ret_text,
                               size_t size, struct sr_err *err)
{
    enum sr_result result;

    if (tls) {
        return tls_client_ask(fd, DEADLINE_MS, request, ret_text, size, err);
    }
    result = ask(fd, deadline_ms, err);
    return result == SR_OK ? read_answer(fd, deadline_ms, ret_text, size, err) : result;
}

static enum sr_result check(const struct address *address, bool tls, struct sr_err *err)
{
    uint64_t deadline_ms = sr_clock_monotonic_ms() + DEADLINE_MS;
    char answer[4096];
    enum sr_result result;
    int fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0) {
        return sr_fail_errno(err, SR_IO, errno, "cannot make a socket");
    }
    result = connect_to(fd, address, deadline_ms, err);
    if (result == SR_OK) {
        result = exchange(fd, tls, deadline_ms, answer, sizeof(answer), err);
    }
    (void)close(fd); /* nothing was written that could be lost */
    return result == SR_OK ? judge(answer, err) : result;
}

int command_healthcheck(const struct config *config)
{
    const char *listen = config_text(config, CONFIG_LISTEN);
    uint32_t port = config_u32(config, CONFIG_PORT);
    struct address address;
    struct sr_err err;
    char text[512];
    enum sr_result result = address_to_connect(listen, (uint16_t)port, &address, &err);

    if (result == SR_OK && port == 0 && address.storage.ss_family != AF_UNIX) {
        command_complain("healthcheck: --port 0 does not tell where the service listens");
        return COMMAND_USAGE;
    }
    if (result == SR_OK) {
        result = check(&address,
                       config_text(config, CONFIG_TLS_CERTIFICATE) != NULL &&
                           address.storage.ss_family != AF_UNIX,
                       &err);
    }
    if (result != SR_OK) {
        (void)snprintf(text, sizeof(text), "healthcheck at %.80s port %u: %s", listen, port,
                       err.text);
        command_complain(text);
        return COMMAND_FAILED;
    }
    (void)puts("ready");
    return COMMAND_OK;
}
