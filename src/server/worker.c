/*
 * A worker's loop.
 */
#include "server/worker.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/random.h"
#include "http/known_heads.h"
#include "http/reply.h"
#include "server/descriptor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#define EVENTS_MAX 256
#define POOL_KEPT_MAX (8U << 20) /* bytes of buffers kept in stock */
#define WAITING_LOOK_MS 50       /* how often waiting requests are looked at unasked */
#define SLEEP_MAX_MS 60000

void worker_wake(void *worker)
{
    struct worker *w = worker;
    uint64_t one = 1;

    if (!atomic_exchange(&w->wake_called, true)) {
        /* Cannot fail before 2^64 - 2 calls; a signal does not interrupt it. */
        (void)!write(w->wake_fd, &one, sizeof(one));
    }
}

static void take_acceptors(struct worker *w, struct listeners *listeners)
{
    for (uint32_t i = 0; i < listeners->count; i++) {
        struct listener *listener = &listeners->items[i];
        struct acceptor *acceptor = &w->acceptors[w->acceptor_count++];

        acceptor->source.kind = SOURCE_LISTENER;
        acceptor->kind = listener->kind;
        acceptor->owned = listener->kind == LISTENER_TCP;
        if (acceptor->owned) {
            SR_CHECK(w->index < listener->fd_count);
            acceptor->fd = listener->fds[w->index];
            listener->fds[w->index] = -1;
        } else {
            acceptor->fd = listener->fds[0];
        }
    }
}

static enum sr_result prepare_turned_away(struct worker *w)
{
    static const struct http_reply reply = {.status = 503,
                                            .extra_headers = "Retry-After: 1\r\n"};

    sr_buffer_init(&w->turned_away, 4096);
    return http_reply_error(&w->turned_away, &reply, "There are too many connections.");
}

static enum sr_result prepare_known_heads(struct worker *w, struct sr_err *err)
{
    struct sr_siphash_key key;
    enum sr_result result = sr_random_bytes(&key, sizeof(key), err);

    if (result != SR_OK) {
        return result;
    }
    w->known_heads = malloc(sizeof(*w->known_heads));
    if (w->known_heads == NULL) {
        return sr_fail(err, SR_NO_MEMORY, "no memory for a worker");
    }
    http_known_heads_init(w->known_heads, &key);
    return SR_OK;
}

static enum sr_result take_resources(struct worker *w, struct sr_err *err)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.ptr = &w->wake_source};

    w->scratch = malloc(WORKER_REST_MAX + WORKER_READ_SIZE);
    if (w->scratch == NULL || prepare_turned_away(w) != SR_OK ||
        api_init(&w->api, &w->shared->options, w->engine_worker) != SR_OK) {
        return sr_fail(err, SR_NO_MEMORY, "no memory for a worker");
    }
    w->api.budget = &w->shared->input_budget;
    w->api.guard.metrics = w->metrics;
    w->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    w->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (w->epoll_fd < 0 || w->wake_fd < 0 ||
        epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, w->wake_fd, &event) != 0) {
        return sr_fail_errno(err, SR_IO, errno, "cannot make a worker's epoll instance");
    }
    return prepare_known_heads(w, err);
}

static void init_lists(struct worker *w)
{
    list_init(&w->all);
    list_init(&w->ready);
    list_init(&w->waiting);
    list_init(&w->sending);
    list_init(&w->streams);
    list_init(&w->dead);
    list_init(&w->free);
    holds_init(&w->holds);
    buffer_pool_init(&w->pool, POOL_KEPT_MAX);
}

static void init_timers(struct worker *w)
{
    const struct server_options *options = &w->shared->options;
    const uint32_t timeouts_ms[TIMER_KIND_COUNT] = {
        [TIMER_HANDSHAKE] = options->header_timeout_ms,
        [TIMER_IDLE] = options->idle_timeout_ms,
        [TIMER_HEADER] = options->header_timeout_ms,
        [TIMER_BODY] = options->body_timeout_ms,
        [TIMER_WRITE] = options->write_timeout_ms,
        [TIMER_LINGER] = options->linger_timeout_ms};

    timers_init(&w->timers, timeouts_ms);
}

enum sr_result worker_open(struct shared *shared, uint32_t index, struct http_metrics *metrics,
                           struct listeners *listeners, struct worker **ret_worker,
                           struct sr_err *err)
{
    struct worker *w = aligned_alloc(64, sr_round_up(sizeof(*w), 64));
    enum sr_result result;

    if (w == NULL) {
        return sr_fail(err, SR_NO_MEMORY, "no memory for a worker");
    }
    memset(w, 0, sizeof(*w));
    w->shared = shared;
    w->index = index;
    w->metrics = metrics;
    w->engine_worker = engine_worker(shared->options.engine, index);
    w->wake_source.kind = SOURCE_WAKE;
    w->epoll_fd = -1;
    w->wake_fd = -1;
    init_lists(w);
    init_timers(w);
    result = take_resources(w, err);
    if (result == SR_OK) {
        take_acceptors(w, listeners);
        result = worker_accept_start(w, err);
    }
    if (result != SR_OK) {
        worker_close(&w);
        return result;
    }
    engine_worker_on_wake(w->engine_worker, worker_wake, w);
    *ret_worker = w;
    return SR_OK;
}

static void close_all(struct worker *w)
{
    struct list_link *link;

    while ((link = list_first(&w->all)) != NULL) {
        connection_close(w, LIST_OWNER(link, struct connection, all_link));
    }
}

void worker_close(struct worker **worker)
{
    struct worker *w = *worker;

    if (w == NULL) {
        return;
    }
    close_all(w);
    for (uint32_t i = 0; i < w->acceptor_count; i++) {
        if (w->acceptors[i].owned) {
            descriptor_close(&w->acceptors[i].fd);
        }
    }
    descriptor_close(&w->epoll_fd);
    descriptor_close(&w->wake_fd);
    api_done(&w->api);
    sr_buffer_done(&w->turned_away);
    buffer_pool_done(&w->pool);
    holds_done(&w->holds);
    worker_memory_done(w);
    free(w->known_heads);
    free(w->scratch);
    free(w);
    *worker = NULL;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Milliseconds to sleep at most. */
static int sleep_ms(struct worker *w)
{
    uint64_t next_ms = earlier(w->now_ms + SLEEP_MAX_MS, timers_next_ms(&w->timers));
    const struct hold *hold = holds_first(&w->holds);

    if (list_first(&w->ready) != NULL || w->waits_for_turn) {
        return 0;
    }
    if (hold != NULL) {
        uint64_t held_ms = w->now_ms - hold_made_ns(hold) / 1000000U;
        uint64_t timeout_ms = w->shared->options.hold_timeout_ms;

        next_ms =
            earlier(next_ms, w->now_ms + (held_ms < timeout_ms ? timeout_ms - held_ms : 0));
    }
    if (list_first(&w->waiting) != NULL) {
        next_ms = earlier(next_ms, w->now_ms + WAITING_LOOK_MS);
    }
    if (w->accept_paused_until_ms != 0) {
        next_ms = earlier(next_ms, w->accept_paused_until_ms);
    }
    if (w->grace_until_ms != 0) {
        next_ms = earlier(next_ms, w->grace_until_ms);
    }
    return next_ms > w->now_ms ? (int)(next_ms - w->now_ms) : 0;
}

static void dispatch(struct worker *w, const struct epoll_event *event)
{
    struct event_source *source = event->data.ptr;

    switch (source->kind) {
    case SOURCE_WAKE:
        return; /* what woke us is looked at in every loop turn */
    case SOURCE_LISTENER:
        worker_accept(w, (struct acceptor *)(void *)source);
        return;
    case SOURCE_CONNECTION:
        connection_event(w, (struct connection *)(void *)source, event->events);
        return;
    }
}

/* Sleeps until something is to be done; then the loop turn's time stands still. */
static void wait_for_events(struct worker *w)
{
    struct epoll_event events[EVENTS_MAX];
    int count = epoll_wait(w->epoll_fd, events, EVENTS_MAX, sleep_ms(w));

    SR_CHECK(count >= 0 || errno == EINTR);
    w->now_ns = sr_clock_monotonic_ns();
    w->now_ms = w->now_ns / 1000000U;
    w->api.now_ms = w->now_ms;
    w->sent_ns = 0;
    http_metrics_set(&w->metrics->connections_ready, count > 0 ? (uint64_t)count : 0);
    /* Cleared before anything is looked at: who calls from now on wakes us again. */
    w->woken = atomic_exchange(&w->wake_called, false);
    for (int i = 0; i < count; i++) {
        dispatch(w, &events[i]);
    }
    worker_accept_resume(w);
}

static bool has_inherited(const struct worker *w)
{
    for (uint32_t i = 0; i < w->acceptor_count; i++) {
        if (w->acceptors[i].kind == LISTENER_INHERITED) {
            return true;
        }
    }
    return false;
}

/* A request may be on its way on any idle connection: closing all of them now would fail it. */
static void begin_drain(struct worker *w)
{
    w->draining = true;
    w->grace_until_ms = w->now_ms + (has_inherited(w) ? w->shared->options.drain_grace_ms : 0);
    worker_accept_end(w);
    worker_end_streams(w);
}

/* Every connection is read once more; those that have nothing to say close then. */
static void end_grace(struct worker *w)
{
    w->grace_until_ms = 0;
    for (struct list_link *link = w->all.next; link != &w->all;) {
        struct connection *c = LIST_OWNER(link, struct connection, all_link);

        link = link->next; /* the update may close c */
        c->readable = true;
        connection_update(w, c);
    }
}

static void look_at_flags(struct worker *w)
{
    if (!w->draining && atomic_load(&w->shared->draining)) {
        begin_drain(w);
    }
    if (w->grace_until_ms != 0 && w->now_ms >= w->grace_until_ms) {
        end_grace(w);
    }
    if (w->draining && atomic_load(&w->shared->stopping)) {
        close_all(w);
    }
}

/* Reading the clock for every turn would be felt. */
static void count_turn(struct worker *w)
{
    http_metrics_add(&w->metrics->loop_turns, 1);
    if (w->metrics->loop_turns % LOOP_SAMPLE == 0) {
        uint64_t took_ns = sr_clock_monotonic_ns() - w->now_ns;

        http_metrics_put(&w->metrics->loop_ns, &sr_bounds_time_ns,
                         sr_histogram_bucket(&sr_bounds_time_ns, took_ns), took_ns, 1);
    }
}

void worker_run(struct worker *w)
{
    while (!w->draining || list_first(&w->all) != NULL) {
        wait_for_events(w);
        look_at_flags(w);
        worker_retry_waiting(w);
        worker_read_ready(w);
        worker_end_turn(w);
        worker_release(w);
        worker_feed_streams(w);
        worker_expire(w);
        worker_send_all(w);
        worker_bury(w);
        count_turn(w);
    }
}
