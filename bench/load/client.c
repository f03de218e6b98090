/*
 * A connection is busy (a burst is out), waiting (for its time) or idle for good. The loop ends
 * when all are idle.
 */
#include "load/client.h"

#include "base/clock.h"
#include "load/connection.h"
#include "load/request.h"
#include "load/source.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define EVENTS_MAX 512
#define NS_PER_S 1000000000U
#define NS_PER_MS 1000000U
#define RETRY_PAUSE_NS (20U * NS_PER_MS)
#define STATUS_RETRY 503U

struct client {
    const struct load_options *options;
    struct load_ledger *ledger;
    struct load_counts *counts;
    struct load_request request;
    struct load_source source;
    struct load_connection *connections; /* owned, options->connections of them */
    int epoll_fd;

    uint64_t opened;            /* connections that hold something to be closed */
    uint64_t busy;              /* connections whose burst is out */
    uint64_t waiting;           /* connections with wait_ns */
    uint64_t end_ns;            /* no burst begins after it; UINT64_MAX: no such time */
    uint64_t burst_interval_ns; /* between bursts of one connection at a fixed rate; 0: none */
};

static volatile sig_atomic_t stop_requested;

static void request_stop(int signal_number)
{
    (void)signal_number;
    stop_requested = 1;
}

/* --- one connection --- */

static void break_connection(struct client *client, struct load_connection *c)
{
    for (uint32_t i = c->answered; i < c->burst; i++) {
        client->counts->unanswered++;
        load_ledger_lose(client->ledger, load_connection_indexes(c, &client->request, i),
                         client->request.items);
    }
    client->busy -= c->busy;
    client->waiting -= c->wait_ns != 0;
    client->counts->broken++;
    c->busy = false;
    c->wait_ns = 0;
    c->answered = c->burst;
    load_connection_close(c);
}

static bool is_over(const struct client *client, uint64_t now)
{
    return stop_requested || now >= client->end_ns;
}

/* Sends the next burst, if there is anything left to send. */
static void begin_burst(struct client *client, struct load_connection *c, uint64_t now)
{
    uint32_t burst = is_over(client, now) ? 0 : load_source_fill(&client->source, c);

    if (burst == 0) {
        return;
    }
    c->due_ns = client->burst_interval_ns == 0 ? now : c->due_ns;
    load_connection_begin(c, &client->request, burst);
    c->busy = true;
    client->busy++;
    if (load_connection_send(c) != SR_OK) {
        break_connection(client, c);
    }
}

static void end_wait(struct client *client, struct load_connection *c, uint64_t now)
{
    client->waiting--;
    c->wait_ns = 0;
    begin_burst(client, c, now);
}

/* After the last reply of a burst: the next one now, or at its time. */
static void end_burst(struct client *client, struct load_connection *c, uint64_t now)
{
    uint64_t from = c->kept > 0 ? now + RETRY_PAUSE_NS : now;

    c->busy = false;
    client->busy--;
    client->counts->elapsed_ns = now; /* the start is taken off at the end */
    c->due_ns += client->burst_interval_ns;
    from = client->burst_interval_ns != 0 && c->due_ns > from ? c->due_ns : from;
    if (from == now) {
        begin_burst(client, c, now);
    } else {
        c->wait_ns = from;
        client->waiting++;
    }
}

static void count_reply(struct client *client, struct load_connection *c, unsigned status,
                        uint64_t now)
{
    const struct load_request *request = &client->request;
    uint32_t *indexes = load_connection_indexes(c, request, c->answered);

    client->counts->answered++;
    client->counts->statuses[status]++;
    latency_add(&client->counts->latency, now > c->due_ns ? now - c->due_ns : 0);
    if (status / 100 == 2) {
        client->counts->successful++;
        load_ledger_acknowledge(client->ledger, indexes, request->items);
    } else if (status == STATUS_RETRY && client->options->retry) {
        memmove(load_connection_indexes(c, request, c->kept), indexes,
                request->items * sizeof(*indexes));
        c->kept++;
    }
    c->answered++;
}

/* Takes all complete replies. SR_INVALID: something came that is no reply to what was sent. */
static enum sr_result take_replies(struct client *client, struct load_connection *c)
{
    uint64_t now = sr_clock_monotonic_ns();
    unsigned status;
    enum sr_result result;

    while ((result = load_connection_next(c, &status)) == SR_OK) {
        if (!c->busy || c->answered == c->burst) {
            return SR_INVALID;
        }
        count_reply(client, c, status, now);
    }
    if (result == SR_AGAIN && c->busy && c->answered == c->burst) {
        end_burst(client, c, now);
    }
    return result;
}

static void serve(struct client *client, struct load_connection *c, uint32_t events)
{
    bool peer_gone = (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    enum sr_result filled = SR_OK;

    if (c->fd >= 0 && load_connection_send(c) != SR_OK) {
        break_connection(client, c);
    }
    while (c->fd >= 0 && (filled == SR_OK || peer_gone)) {
        filled = load_connection_fill(c);
        if (filled == SR_CLOSED || take_replies(client, c) == SR_INVALID) {
            break_connection(client, c);
        }
    }
}

/* --- the loop --- */

static void end_due_waits(struct client *client, uint64_t now)
{
    for (uint64_t i = 0; client->waiting > 0 && i < client->opened; i++) {
        struct load_connection *c = &client->connections[i];

        if (c->wait_ns != 0 && (c->wait_ns <= now || is_over(client, now))) {
            end_wait(client, c, now);
        }
    }
}

/* When the loop has something to do though nothing came. */
static uint64_t next_wake_ns(const struct client *client, uint64_t grace_end_ns)
{
    uint64_t wake = grace_end_ns != 0 ? grace_end_ns : client->end_ns;

    for (uint64_t i = 0; client->waiting > 0 && i < client->opened; i++) {
        uint64_t wait = client->connections[i].wait_ns;

        wake = wait != 0 && wait < wake ? wait : wake;
    }
    return wake;
}

/* Waits for events until `wake_ns`; signals come through only here. */
static int wait_for_events(const struct client *client, struct epoll_event *events,
                           uint64_t wake_ns, uint64_t now)
{
    uint64_t left = wake_ns > now ? wake_ns - now : 0;
    struct timespec timeout = {.tv_sec = (time_t)(left / NS_PER_S),
                               .tv_nsec = (long)(left % NS_PER_S)};
    sigset_t none;

    (void)sigemptyset(&none);
    return epoll_pwait2(client->epoll_fd, events, EVENTS_MAX,
                        wake_ns == UINT64_MAX ? NULL : &timeout, &none);
}

static void run_loop(struct client *client)
{
    struct epoll_event events[EVENTS_MAX];
    uint64_t now = sr_clock_monotonic_ns();
    uint64_t grace_end_ns = 0;

    while (client->busy + client->waiting > 0) {
        int count = wait_for_events(client, events, next_wake_ns(client, grace_end_ns), now);

        for (int i = 0; i < count; i++) {
            serve(client, events[i].data.ptr, events[i].events);
        }
        now = sr_clock_monotonic_ns();
        end_due_waits(client, now);
        if (grace_end_ns == 0 && is_over(client, now)) {
            grace_end_ns = now + (uint64_t)LOAD_GRACE_MS * NS_PER_MS;
        }
        if (grace_end_ns != 0 && now >= grace_end_ns) {
            return; /* close_all counts what is still out as unanswered */
        }
    }
}

/* --- begin and end --- */

static enum sr_result open_one(struct client *client, struct load_connection *c,
                               struct sr_err *err)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                .data.ptr = c};
    enum sr_result result;

    client->opened++;
    result = load_connection_open(c, client->options, &client->request, err);
    if (result != SR_OK) {
        return result;
    }
    if (epoll_ctl(client->epoll_fd, EPOLL_CTL_ADD, c->fd, &event) != 0) {
        return sr_fail_errno(err, SR_IO, errno, "epoll_ctl");
    }
    return SR_OK;
}

static enum sr_result open_all(struct client *client, struct sr_err *err)
{
    const struct load_options *options = client->options;
    enum sr_result result = load_request_init(&client->request, options, err);

    if (result != SR_OK) {
        return result;
    }
    load_source_init(&client->source, options, &client->request);
    client->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    client->connections = calloc(options->connections, sizeof(*client->connections));
    if (client->epoll_fd < 0 || client->connections == NULL) {
        return sr_fail_errno(err, SR_IO, errno, "epoll and memory for connections");
    }
    for (uint64_t i = 0; i < options->connections && result == SR_OK; i++) {
        result = open_one(client, &client->connections[i], err);
    }
    return result;
}

static void begin_all(struct client *client, uint64_t now)
{
    const struct load_options *options = client->options;

    if (options->duration_ms != 0) {
        client->end_ns = now + options->duration_ms * NS_PER_MS;
    }
    if (options->rate != 0) {
        client->burst_interval_ns =
            options->depth * options->connections * NS_PER_S / options->rate;
    }
    for (uint64_t i = 0; i < options->connections; i++) {
        struct load_connection *c = &client->connections[i];

        c->due_ns = now + client->burst_interval_ns * i / options->connections;
        if (c->due_ns > now) {
            c->wait_ns = c->due_ns;
            client->waiting++;
        } else {
            begin_burst(client, c, now);
        }
    }
}

static void close_all(struct client *client)
{
    for (uint64_t i = 0; i < client->opened; i++) {
        struct load_connection *c = &client->connections[i];

        if (c->busy) {
            break_connection(client, c);
        }
        load_connection_close(c);
    }
    if (client->epoll_fd >= 0) {
        (void)close(client->epoll_fd);
    }
    free(client->connections);
    load_request_done(&client->request);
}

static enum sr_result catch_signals(struct sr_err *err)
{
    struct sigaction action = {.sa_handler = request_stop};

    if (sigaction(SIGINT, &action, NULL) != 0 || sigaction(SIGTERM, &action, NULL) != 0) {
        return sr_fail_errno(err, SR_IO, errno, "sigaction");
    }
    return SR_OK;
}

enum sr_result load_client_run(const struct load_options *options, struct load_ledger *ledger,
                               struct load_counts *ret_counts, struct sr_err *err)
{
    struct client client = {.options = options,
                            .ledger = ledger,
                            .counts = ret_counts,
                            .epoll_fd = -1,
                            .end_ns = UINT64_MAX};
    enum sr_result result = catch_signals(err);
    uint64_t start_ns;

    memset(ret_counts, 0, sizeof(*ret_counts));
    if (result == SR_OK) {
        result = open_all(&client, err);
    }
    if (result == SR_OK) {
        start_ns = sr_clock_monotonic_ns();
        ret_counts->elapsed_ns = start_ns;
        begin_all(&client, start_ns);
        run_loop(&client);
        ret_counts->elapsed_ns -= start_ns;
    }
    close_all(&client);
    return result;
}
