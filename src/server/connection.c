/*
 * A connection's beginning and end, its events and deadlines, and what it waits for next.
 */
#include "server/connection.h"

#include "base/check.h"
#include "server/descriptor.h"
#include "server/transport.h"
#include "server/worker.h"

#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

static bool all_answered(const struct connection *c)
{
    return c->output.size == 0 && c->holds == 0 && c->waiting == NULL;
}

/* The deadline that fits the state. */
static enum timer_kind timer_for(const struct connection *c)
{
    if (c->lingering) {
        return TIMER_LINGER;
    }
    if (c->send_blocked) {
        return TIMER_WRITE;
    }
    if (!all_answered(c) || c->stream_next != 0) {
        return TIMER_NONE;
    }
    if (transport_prepares(c)) {
        return TIMER_HANDSHAKE;
    }
    if (http_parser_in_body(&c->parser)) {
        return TIMER_BODY;
    }
    return http_parser_idle(&c->parser) ? TIMER_IDLE : TIMER_HEADER;
}

struct connection *connection_open(struct worker *w, int fd,
                                   const struct sockaddr_storage *address)
{
    const struct server_options *options = &w->shared->options;
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET};
    size_t holds = ((size_t)w->connection_count + 1) * CONNECTION_HOLDS_MAX;
    struct connection *c;

    if (holds_reserve(&w->holds, holds) != SR_OK) {
        return NULL;
    }
    c = worker_connection_new(w);
    if (c == NULL) {
        return NULL;
    }
    c->fd = -1;
    if (options->tls != NULL && address->ss_family != AF_UNIX) {
        c->tls = tls_session_open(options->tls, fd);
        if (c->tls == NULL) {
            list_append(&w->dead, &c->queue_link);
            return NULL;
        }
    }
    c->source.kind = SOURCE_CONNECTION;
    event.data.ptr = &c->source;
    if (epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) {
        tls_session_close(&c->tls);
        list_append(&w->dead, &c->queue_link);
        return NULL;
    }
    c->fd = fd;
    c->address = address_key_of(address);
    c->peer = guard_peer_of(options->guard, address);
    sr_buffer_init(&c->input, http_region_size_max(&options->http) + WORKER_READ_SIZE);
    sr_buffer_init(&c->output, options->answers_queued_max + API_ANSWER_SIZE_MAX);
    http_parser_init(&c->parser, &options->http);
    http_parser_know(&c->parser, w->known_heads);
    list_append(&w->all, &c->all_link);
    timers_set(&w->timers, &c->timer, timer_for(c), w->now_ms);
    return c;
}

static void end_waiting(struct worker *w, struct connection *c)
{
    if (c->waiting != NULL) {
        api_call_drop(&w->api, &c->waiting->call);
        worker_waiting_free(w, c->waiting);
        c->waiting = NULL;
    }
}

void connection_close(struct worker *w, struct connection *c)
{
    SR_CHECK(c->fd >= 0);
    if (c->stream_next != 0) {
        connection_stream_leave(w, c);
    }
    end_waiting(w, c);
    list_remove(&c->all_link);
    list_remove(&c->queue_link);
    list_remove(&c->send_link);
    timers_set(&w->timers, &c->timer, TIMER_NONE, w->now_ms);
    connection_input_drop(w, c);
    connection_output_drop(w, c);
    tls_session_close(&c->tls);
    descriptor_close(&c->fd);
    if (w->shared->addresses != NULL) {
        address_table_leave(w->shared->addresses, &c->address);
    }
    atomic_fetch_sub_explicit(&w->shared->connections, 1, memory_order_relaxed);
    http_metrics_add(&w->metrics->connections_closed, 1);
    if (c->holds == 0) {
        list_append(&w->dead, &c->queue_link);
    }
}

bool connection_idle(const struct connection *c)
{
    return all_answered(c) && !c->closing && !c->unparsed && http_parser_idle(&c->parser);
}

bool connection_may_read(const struct worker *w, const struct connection *c)
{
    return !c->closing && c->waiting == NULL && !c->send_blocked &&
           c->holds < CONNECTION_HOLDS_MAX - 1 &&
           c->output.size - c->output_sent < w->shared->options.answers_queued_max;
}

static bool has_work(const struct worker *w, const struct connection *c)
{
    if (c->lingering) {
        return c->readable;
    }
    return connection_may_read(w, c) && (c->readable || c->unparsed);
}

static void make_ready(struct worker *w, struct connection *c)
{
    if (has_work(w, c) && !list_is_linked(&c->queue_link)) {
        list_append(&w->ready, &c->queue_link);
    }
}

/* A deadline that is for something in all is not put off by a part of it. */
static void set_timer(struct worker *w, struct connection *c)
{
    enum timer_kind kind = timer_for(c);

    if (kind != c->timer.kind || kind == TIMER_IDLE) {
        timers_set(&w->timers, &c->timer, kind, w->now_ms);
    }
}

static bool is_over(const struct worker *w, const struct connection *c)
{
    if (c->lingering || !all_answered(c)) {
        return false;
    }
    if (c->stream_next != 0) {
        return w->draining;
    }
    return c->closing || (c->peer_ended && !c->unparsed) ||
           (w->draining && w->grace_until_ms == 0 && connection_idle(c) && !c->readable);
}

/* Bytes that the client sent and nobody read would make the kernel reset the connection, and
 * the client may lose our last answer: so our end is shut first and theirs is awaited. */
static void end(struct worker *w, struct connection *c)
{
    if ((c->linger || c->readable) && !c->peer_ended && transport_shut(c)) {
        connection_input_drop(w, c);
        c->closing = true;
        c->lingering = true;
        set_timer(w, c);
        make_ready(w, c);
        return;
    }
    connection_close(w, c);
}

void connection_update(struct worker *w, struct connection *c)
{
    SR_CHECK(c->fd >= 0);
    if (is_over(w, c)) {
        end(w, c);
        return;
    }
    make_ready(w, c);
    set_timer(w, c);
}

void connection_event(struct worker *w, struct connection *c, uint32_t events)
{
    bool gone = (events & (EPOLLHUP | EPOLLERR)) != 0;

    if (c->fd < 0) {
        return;
    }
    /* Nobody is there for the answers. What was counted stays counted. */
    if (gone && (!all_answered(c) || c->lingering)) {
        connection_close(w, c);
        return;
    }
    /* Who asked for a stream and shuts its end wants no more of it. */
    if (c->stream_next != 0 && (gone || (events & EPOLLRDHUP) != 0)) {
        connection_close(w, c);
        return;
    }
    if ((events & EPOLLRDHUP) != 0) {
        c->peer_half_closed = true;
    }
    if (gone || (events & (EPOLLIN | EPOLLRDHUP)) != 0) {
        c->readable = true;
        make_ready(w, c);
    }
    if ((events & EPOLLOUT) != 0 && transport_receive_wants_writable(c)) {
        c->readable = true;
        make_ready(w, c);
    }
    if ((events & EPOLLOUT) != 0 && c->send_blocked && !list_is_linked(&c->send_link)) {
        list_append(&w->sending, &c->send_link);
    }
}

/* After a piece of work on a connection that is still open. */
static void settle(struct worker *w, struct connection *c)
{
    connection_output_account(w, c, w->now_ns);
    connection_update(w, c);
}

void connection_work(struct worker *w, struct connection *c)
{
    if (c->lingering) {
        connection_linger(w, c);
        return;
    }
    memset(&w->answered, 0, sizeof(w->answered));
    if (connection_may_read(w, c) && !connection_input_step(w, c)) {
        return;
    }
    settle(w, c);
}

void connection_work_received(struct worker *w, struct connection *c, uint8_t *region,
                              size_t size)
{
    memset(&w->answered, 0, sizeof(w->answered));
    if (size == 0 || connection_input_parse(w, c, region, size)) {
        settle(w, c);
    }
}

static void refuse_slow(struct worker *w, struct connection *c, const char *detail)
{
    memset(&w->answered, 0, sizeof(w->answered));
    connection_refuse(w, c, 408, detail);
    if (c->fd >= 0) {
        settle(w, c);
    }
}

void connection_expired(struct worker *w, struct connection *c)
{
    enum timer_kind kind = c->timer.kind;

    c->timer.kind = TIMER_NONE;
    switch (kind) {
    case TIMER_HEADER:
        http_metrics_refused(w->metrics, HTTP_REFUSED_TIMEOUT_HEADER);
        refuse_slow(w, c, "the request line and fields took too long to arrive");
        return;
    case TIMER_BODY:
        http_metrics_refused(w->metrics, HTTP_REFUSED_TIMEOUT_BODY);
        refuse_slow(w, c, "the body took too long to arrive");
        return;
    case TIMER_HANDSHAKE:
        http_metrics_refused(w->metrics, HTTP_REFUSED_TIMEOUT_HANDSHAKE);
        break;
    case TIMER_IDLE:
        http_metrics_refused(w->metrics, HTTP_REFUSED_TIMEOUT_IDLE);
        break;
    case TIMER_WRITE:
        http_metrics_refused(w->metrics, HTTP_REFUSED_TIMEOUT_WRITE);
        break;
    default:
        break;
    }
    connection_close(w, c);
}
