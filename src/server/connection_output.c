/*
 * Answers on their way out: held until their turn is released, then sent with one send, and the
 * deadlines for a client that does not take them.
 */
#include "base/check.h"
#include "server/connection.h"
#include "server/transport.h"
#include "server/worker.h"

#include <errno.h>
#include <sys/epoll.h>

/* A client that takes a little each time is given that many write timeouts in all. */
#define WRITE_TIMEOUTS_MAX 6

bool connection_output_open(struct worker *w, struct connection *c, size_t size)
{
    if (c->output.capacity > 0) {
        return true;
    }
    return buffer_pool_take(&w->pool, &c->output,
                            size < WORKER_READ_SIZE ? size : WORKER_READ_SIZE) == SR_OK;
}

void connection_output_drop(struct worker *w, struct connection *c)
{
    buffer_pool_give(&w->pool, &c->output);
    buffer_budget_give(&w->shared->input_budget, c->output_charged);
    c->output_charged = 0;
}

void connection_output_trim(struct worker *w, struct connection *c)
{
    size_t sent = c->output_sent;

    SR_CHECK(sent <= c->output_released && c->output_released <= c->output_accounted &&
             c->output_accounted <= c->output.size);
    if (sent == c->output.size) {
        connection_output_drop(w, c);
    } else if (sent > c->output.size - sent) {
        sr_buffer_consume(&c->output, sent); /* moves less than was sent */
    } else {
        return;
    }
    c->output_sent = 0;
    c->output_released -= sent;
    c->output_accounted -= sent;
}

void connection_output_release(struct worker *w, struct connection *c, size_t bytes)
{
    c->output_released += bytes;
    SR_CHECK(c->output_released <= c->output_accounted);
    if (!list_is_linked(&c->send_link)) {
        list_append(&w->sending, &c->send_link);
    }
}

/* Answers that do not depend on counts, and follow none that do, need not wait for the journal:
 * so /livez and /metrics work while it is stuck. */
void connection_output_account(struct worker *w, struct connection *c, uint64_t since_ns)
{
    size_t bytes = c->output.size - c->output_accounted;
    uint64_t waited_us;
    struct hold *hold;

    if (bytes == 0) {
        return;
    }
    c->output_accounted = c->output.size;
    if (!w->answered.counts && c->holds == 0) {
        (void)hold_series_record(w->answered.series, w->metrics, worker_sent_ns(w) - since_ns);
        connection_output_release(w, c, bytes);
        return;
    }
    SR_CHECK(bytes <= UINT32_MAX && c->holds < CONNECTION_HOLDS_MAX);
    hold = holds_push(&w->holds, &w->answered);
    hold->connection = c;
    hold->since_ns = since_ns;
    hold->bytes = (uint32_t)bytes;
    waited_us = (w->now_ns - since_ns) / 1000;
    hold->waited_us = waited_us < UINT32_MAX ? (uint32_t)waited_us : UINT32_MAX;
    c->holds++;
    if (w->api.turn_open) {
        w->holds.open_count++;
    } else {
        hold->turn = w->turn; /* goes with those before it */
    }
}

bool connection_watch_writable(struct worker *w, struct connection *c)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLOUT | EPOLLET,
                                .data.ptr = &c->source};

    if (c->wants_writable) {
        return true;
    }
    c->wants_writable = true;
    if (epoll_ctl(w->epoll_fd, EPOLL_CTL_MOD, c->fd, &event) != 0) {
        connection_close(w, c);
        return false;
    }
    return true;
}

/* The kernel takes no more; progressed: but it took some. */
static void block(struct worker *w, struct connection *c, bool progressed)
{
    uint64_t cap_ms = (uint64_t)w->shared->options.write_timeout_ms * WRITE_TIMEOUTS_MAX;

    if (!c->send_blocked) {
        c->send_blocked = true;
        c->blocked_since_ms = w->now_ms;
        progressed = true;
    }
    if (!connection_watch_writable(w, c)) {
        return;
    }
    if (w->now_ms - c->blocked_since_ms > cap_ms) {
        http_metrics_refused(w->metrics, HTTP_REFUSED_TIMEOUT_WRITE);
        connection_close(w, c);
        return;
    }
    if (progressed) {
        timers_set(&w->timers, &c->timer, TIMER_WRITE, w->now_ms);
    }
}

void connection_send(struct worker *w, struct connection *c)
{
    bool progressed = false;

    while (c->output_sent < c->output_released) {
        ssize_t sent = transport_send(c, c->output.data + c->output_sent,
                                      c->output_released - c->output_sent);

        if (sent >= 0) {
            c->output_sent += (size_t)sent;
            progressed = true;
            http_metrics_add(&w->metrics->bytes_sent, (uint64_t)sent);
        } else if (errno == EAGAIN) {
            block(w, c, progressed);
            return;
        } else if (errno != EINTR) {
            connection_close(w, c); /* the client is gone */
            return;
        }
    }
    c->send_blocked = false;
    connection_output_trim(w, c);
    if (c->stream_next != 0 && !connection_stream_pump(w, c)) {
        return;
    }
    connection_update(w, c);
}
