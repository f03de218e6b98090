/*
 * Sends bursts and takes replies apart. The socket is edge-triggered in epoll, so reading goes
 * on until it is empty.
 */
#include "load/connection.h"

#include "base/check.h"
#include "load/reply.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static enum sr_result allocate(struct load_connection *c, const struct load_options *options,
                               const struct load_request *request, struct sr_err *err)
{
    c->out = malloc(request->size * options->depth);
    c->indexes = calloc(options->depth * options->batch, sizeof(*c->indexes));
    if (c->out == NULL || c->indexes == NULL) {
        return sr_fail(err, SR_NO_MEMORY, "buffers of a connection");
    }
    for (uint64_t i = 0; i < options->depth; i++) {
        memcpy(c->out + i * request->size, request->bytes, request->size);
    }
    return SR_OK;
}

/* The connect waits, as nothing else is to be done yet; what follows must not. */
static enum sr_result connect_to(struct load_connection *c, const struct load_options *options,
                                 struct sr_err *err)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)options->port)};
    int on = 1;

    SR_CHECK(inet_pton(AF_INET, options->address, &address.sin_addr) == 1);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
        fcntl(c->fd, F_SETFL, O_NONBLOCK) != 0 ||
        setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0) {
        return sr_fail_errno(err, SR_UNAVAILABLE, errno, "connecting to %s:%u",
                             options->address, (unsigned)options->port);
    }
    return SR_OK;
}

enum sr_result load_connection_open(struct load_connection *c,
                                    const struct load_options *options,
                                    const struct load_request *request, struct sr_err *err)
{
    enum sr_result result;

    memset(c, 0, offsetof(struct load_connection, in));
    c->fd = -1;
    result = allocate(c, options, request, err);
    return result == SR_OK ? connect_to(c, options, err) : result;
}

void load_connection_close(struct load_connection *c)
{
    if (c->fd >= 0) {
        (void)close(c->fd); /* nothing of value is in flight any more */
    }
    c->fd = -1;
    free(c->out);
    free(c->indexes);
    c->out = NULL;
    c->indexes = NULL;
}

void load_connection_begin(struct load_connection *c, const struct load_request *request,
                           uint32_t burst)
{
    SR_CHECK(c->answered == c->burst);
    c->burst = burst;
    c->answered = 0;
    c->kept = 0;
    c->out_size = burst * request->size;
    c->out_sent = 0;
}

enum sr_result load_connection_send(struct load_connection *c)
{
    while (c->out_sent < c->out_size) {
        ssize_t sent =
            send(c->fd, c->out + c->out_sent, c->out_size - c->out_sent, MSG_NOSIGNAL);

        if (sent < 0) {
            return errno == EAGAIN ? SR_OK : SR_CLOSED;
        }
        c->out_sent += (size_t)sent;
    }
    return SR_OK;
}

static void move_to_front(struct load_connection *c)
{
    c->in_size -= c->in_at;
    memmove(c->in, c->in + c->in_at, c->in_size);
    c->in_at = 0;
}

enum sr_result load_connection_fill(struct load_connection *c)
{
    size_t room;
    ssize_t got;

    move_to_front(c);
    room = LOAD_IN_SIZE - c->in_size;
    got = recv(c->fd, c->in + c->in_size, room, 0);
    if (got < 0) {
        return errno == EAGAIN ? SR_AGAIN : SR_CLOSED;
    }
    if (got == 0) {
        return SR_CLOSED;
    }
    c->in_size += (size_t)got;
    return (size_t)got == room ? SR_OK : SR_AGAIN;
}

static enum sr_result next_head(struct load_connection *c)
{
    struct load_reply_head head;
    enum sr_result result = load_reply_read(c->in + c->in_at, c->in_size - c->in_at, &head);

    if (result == SR_AGAIN && c->in_size - c->in_at == LOAD_IN_SIZE) {
        return SR_INVALID; /* could never become complete */
    }
    if (result == SR_OK) {
        c->status = head.status;
        c->body_left = head.body_size;
        c->in_at += head.size;
    }
    return result;
}

enum sr_result load_connection_next(struct load_connection *c, unsigned *ret_status)
{
    size_t skip;

    if (c->status == 0) {
        enum sr_result result = next_head(c);

        if (result != SR_OK) {
            return result;
        }
    }
    skip = c->in_size - c->in_at;
    skip = skip < c->body_left ? skip : c->body_left;
    c->in_at += skip;
    c->body_left -= skip;
    if (c->body_left > 0) {
        return SR_AGAIN;
    }
    *ret_status = c->status;
    c->status = 0;
    return SR_OK;
}
