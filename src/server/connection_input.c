/*
 * Bytes from a connection. They are read into the worker's scratch and parsed there; only the
 * rest, an incomplete request or requests that must wait their turn, is kept in memory of the
 * connection's own, charged to the budget of all.
 */
#include "base/check.h"
#include "server/connection.h"
#include "server/transport.h"
#include "server/worker.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#define LINGER_BYTES_MAX (16U << 20)

/* Number of bytes read, 0 for none now, -1 where the connection failed and is closed. */
static ssize_t receive(struct worker *w, struct connection *c, uint8_t *at, size_t size)
{
    ssize_t got;

    do {
        got = transport_receive(c, at, size);
    } while (got < 0 && errno == EINTR);
    if (got < 0 && errno != EAGAIN) {
        if (errno == EPROTO) {
            http_metrics_refused(w->metrics, HTTP_REFUSED_TLS);
        }
        connection_close(w, c);
        return -1;
    }
    if (got < 0 && transport_receive_wants_writable(c) && !connection_watch_writable(w, c)) {
        return -1;
    }
    if (got == (ssize_t)size) {
        http_metrics_add(&w->metrics->bytes_received, size);
        return got;
    }
    /* Less than asked for: all is read, and the next byte is a new event. An end that was
     * announced before lies behind what was read. */
    c->readable = false;
    if (got == 0 || c->peer_half_closed) {
        c->peer_ended = true;
    }
    if (got <= 0) {
        return 0;
    }
    http_metrics_add(&w->metrics->bytes_received, (uint64_t)got);
    return got;
}

void connection_input_drop(struct worker *w, struct connection *c)
{
    buffer_pool_give(&w->pool, &c->input);
    buffer_budget_give(&w->shared->input_budget, c->input_charged);
    c->input_charged = 0;
    c->unparsed = false;
}

/* What sr_buffer_reserve makes of it. */
static size_t capacity_for(const struct connection *c, size_t size)
{
    size_t capacity = BUFFER_SIZE_MIN;

    while (capacity < size) {
        capacity *= 2;
    }
    return capacity < c->input.size_max ? capacity : c->input.size_max;
}

/* Makes room for `size` bytes in all. */
static bool grow(struct worker *w, struct connection *c, size_t size)
{
    struct buffer_budget *budget = &w->shared->input_budget;
    size_t capacity = capacity_for(c, size);
    enum sr_result result;

    if (size <= c->input.capacity) {
        return true;
    }
    if (!buffer_budget_take(budget, capacity - c->input_charged)) {
        return false;
    }
    c->input_charged = capacity;
    if (c->input.capacity == 0) {
        result = buffer_pool_take(&w->pool, &c->input, size);
    } else {
        result = sr_buffer_reserve(&c->input, size - c->input.size);
    }
    return result == SR_OK;
}

/* Behind a request that waits there is no place for an answer yet: the rest goes without one.
 */
static void refuse_for_memory(struct worker *w, struct connection *c)
{
    http_metrics_refused(w->metrics, HTTP_REFUSED_BODIES);
    if (c->waiting != NULL) {
        c->waiting->call.keep_alive = false;
        c->closing = true;
        c->linger = true;
        connection_input_drop(w, c);
        return;
    }
    connection_refuse(w, c, 503,
                      "Too many bytes of incomplete requests are held: nothing was counted. "
                      "Please retry.");
    if (c->fd >= 0) {
        connection_input_drop(w, c);
    }
}

/* Keeps what is left of a region that is not the connection's own. */
static void keep(struct worker *w, struct connection *c, const uint8_t *rest, size_t size)
{
    c->input.size = 0;
    if (size == 0 || c->closing) {
        connection_input_drop(w, c);
        return;
    }
    if (!grow(w, c, size)) {
        refuse_for_memory(w, c);
        return;
    }
    memcpy(c->input.data, rest, size);
    c->input.size = size;
}

bool connection_input_parse(struct worker *w, struct connection *c, uint8_t *region,
                            size_t size)
{
    size_t done = connection_take_requests(w, c, region, size);

    if (c->fd < 0) {
        return false;
    }
    keep(w, c, region + done, size - done);
    return c->fd >= 0;
}

bool connection_input_is_fresh(const struct worker *w, const struct connection *c)
{
    return c->tls == NULL && !c->lingering && c->input.size == 0 && connection_may_read(w, c);
}

ssize_t connection_input_receive(struct worker *w, struct connection *c, uint8_t *at)
{
    return receive(w, c, at, WORKER_READ_SIZE);
}

/* A small rest is put in front of what comes, in the scratch. */
static bool read_scratch(struct worker *w, struct connection *c)
{
    size_t rest = c->input.size;
    ssize_t got;

    if (rest > 0) {
        memcpy(w->scratch, c->input.data, rest);
    }
    got = receive(w, c, w->scratch + rest, WORKER_READ_SIZE);
    if (got <= 0) {
        return got == 0;
    }
    return connection_input_parse(w, c, w->scratch, rest + (size_t)got);
}

static bool parse_input(struct worker *w, struct connection *c)
{
    size_t done = connection_take_requests(w, c, c->input.data, c->input.size);

    if (c->fd < 0) {
        return false;
    }
    sr_buffer_consume(&c->input, done);
    if (c->input.size == 0 || c->closing) {
        connection_input_drop(w, c);
    }
    return true;
}

/* A large rest is read into where it is. */
static bool read_input(struct worker *w, struct connection *c)
{
    size_t room;
    ssize_t got;

    if (!grow(w, c, c->input.size + BUFFER_SIZE_MIN)) {
        refuse_for_memory(w, c);
        return c->fd >= 0;
    }
    room = c->input.capacity - c->input.size;
    got = receive(w, c, c->input.data + c->input.size,
                  room < WORKER_READ_SIZE ? room : WORKER_READ_SIZE);
    if (got <= 0) {
        return got == 0;
    }
    c->input.size += (size_t)got;
    return parse_input(w, c);
}

bool connection_input_step(struct worker *w, struct connection *c)
{
    if (c->unparsed) {
        return parse_input(w, c);
    }
    if (c->input.size <= WORKER_REST_MAX) {
        return read_scratch(w, c);
    }
    return read_input(w, c);
}

void connection_linger(struct worker *w, struct connection *c)
{
    ssize_t got = receive(w, c, w->scratch, WORKER_READ_SIZE);

    if (got < 0) {
        return;
    }
    c->lingered_bytes += (uint32_t)got;
    if (c->peer_ended || c->lingered_bytes > LINGER_BYTES_MAX) {
        connection_close(w, c);
        return;
    }
    connection_update(w, c);
}
