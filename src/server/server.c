/*
 * The server's life: sockets, workers, threads.
 */
#include "server/server.h"

#include "base/check.h"
#include "base/condition.h"
#include "base/thread.h"
#include "server/worker.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define CONNECTIONS_MAX_MOST 1000000U
#define DESCRIPTORS_RESERVED 128U /* for files, databases and the workers themselves */

struct worker_thread {
    struct server *server;
    struct worker *worker;        /* owned */
    struct http_metrics *metrics; /* owned */
    pthread_t thread;
    bool started;
};

struct server {
    struct shared shared;
    struct listeners listeners;
    struct worker_thread *workers;
    uint32_t worker_count;

    pthread_mutex_t lock; /* over running_count; no other lock is taken under it */
    pthread_cond_t ended;
    uint32_t running_count;
};

void server_options_default(struct server_options *options)
{
    *options = (struct server_options){
        .addresses = "127.0.0.1",
        .port = 3333,
        .worker_count = 1,
        .http = {.request_line_max = 8192,
                 .headers_max = 16384,
                 .fields_max = 100,
                 .body_max = 1U << 20},
        .header_timeout_ms = 10000,
        .body_timeout_ms = 10000,
        .idle_timeout_ms = 60000,
        .write_timeout_ms = 10000,
        .hold_timeout_ms = 10000,
        .linger_timeout_ms = 2000,
        .drain_grace_ms = 1000,
        .answers_queued_max = 256U << 10,
        .bodies_in_flight_max = 64U << 20,
    };
}

/* As many as there are descriptors for; the soft limit is raised to the hard one. */
static uint32_t connections_max_of_system(void)
{
    struct rlimit limit = {0};
    uint64_t free_count;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return 1024 - DESCRIPTORS_RESERVED;
    }
    if (limit.rlim_cur < limit.rlim_max) {
        struct rlimit raised = {.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};

        if (setrlimit(RLIMIT_NOFILE, &raised) == 0) {
            limit = raised;
        }
    }
    free_count = limit.rlim_cur > 2 * DESCRIPTORS_RESERVED
                     ? limit.rlim_cur - DESCRIPTORS_RESERVED
                     : limit.rlim_cur / 2;
    return free_count < CONNECTIONS_MAX_MOST ? (uint32_t)free_count : CONNECTIONS_MAX_MOST;
}

static enum sr_result open_shared(struct server *server, const struct server_options *options,
                                  struct sr_err *err)
{
    struct shared *shared = &server->shared;

    shared->options = *options;
    shared->options.addresses = NULL; /* borrowed from the caller for this call only */
    if (shared->options.connections_max == 0) {
        shared->options.connections_max = connections_max_of_system();
    }
    shared->input_budget.max = options->bodies_in_flight_max;
    if (options->connections_per_address_max == 0) {
        return SR_OK;
    }
    return address_table_open(shared->options.connections_max,
                              options->connections_per_address_max, &shared->addresses, err);
}

static enum sr_result open_workers(struct server *server, struct sr_err *err)
{
    for (uint32_t i = 0; i < server->worker_count; i++) {
        struct worker_thread *thread = &server->workers[i];
        enum sr_result result = http_metrics_open(&thread->metrics, err);

        thread->server = server;
        if (result == SR_OK) {
            result = worker_open(&server->shared, i, thread->metrics, &server->listeners,
                                 &thread->worker, err);
        }
        if (result != SR_OK) {
            return result;
        }
    }
    return SR_OK;
}

static void say_https(struct listeners *listeners)
{
    for (uint32_t i = 0; i < listeners->count; i++) {
        char *url = listeners->items[i].url;
        size_t size = strlen(url) + 1;

        if (strncmp(url, "http:", 5) == 0) {
            SR_CHECK(size < sizeof(listeners->items[i].url));
            memmove(url + 5, url + 4, size - 4);
            url[4] = 's';
        }
    }
}

static enum sr_result open_parts(struct server *server, const struct server_options *options,
                                 struct sr_err *err)
{
    struct listen_options listen = {.addresses = options->addresses,
                                    .port = options->port,
                                    .worker_count = options->worker_count};
    enum sr_result result;

    server->workers = calloc(options->worker_count, sizeof(*server->workers));
    if (server->workers == NULL) {
        return sr_fail(err, SR_NO_MEMORY, "no memory for %u workers", options->worker_count);
    }
    server->worker_count = options->worker_count;
    result = open_shared(server, options, err);
    if (result == SR_OK) {
        result = listeners_open(&listen, &server->listeners, err);
    }
    if (result == SR_OK && options->tls != NULL) {
        say_https(&server->listeners);
    }
    return result == SR_OK ? open_workers(server, err) : result;
}

static void init_sync(struct server *server)
{
    SR_CHECK(pthread_mutex_init(&server->lock, NULL) == 0);
    sr_condition_init(&server->ended);
}

enum sr_result server_open(const struct server_options *options, struct server **ret_server,
                           struct sr_err *err)
{
    struct server *server;
    enum sr_result result;

    SR_CHECK(options->engine != NULL && options->worker_count > 0);
    server = aligned_alloc(64, sr_round_up(sizeof(*server), 64));
    if (server == NULL) {
        return sr_fail(err, SR_NO_MEMORY, "no memory for the server");
    }
    memset(server, 0, sizeof(*server));
    init_sync(server);
    result = open_parts(server, options, err);
    if (result != SR_OK) {
        server_close(&server);
        return result;
    }
    *ret_server = server;
    return SR_OK;
}

void server_close(struct server **server)
{
    struct server *s = *server;

    if (s == NULL) {
        return;
    }
    SR_CHECK(s->running_count == 0);
    for (uint32_t i = 0; i < s->worker_count; i++) {
        worker_close(&s->workers[i].worker);
        http_metrics_close(&s->workers[i].metrics);
    }
    listeners_close(&s->listeners);
    address_table_close(&s->shared.addresses);
    SR_CHECK(pthread_cond_destroy(&s->ended) == 0);
    SR_CHECK(pthread_mutex_destroy(&s->lock) == 0);
    free(s->workers);
    free(s);
    *server = NULL;
}

static void *run_worker(void *argument)
{
    struct worker_thread *thread = argument;
    struct server *server = thread->server;

    worker_run(thread->worker);
    SR_CHECK(pthread_mutex_lock(&server->lock) == 0);
    server->running_count--;
    SR_CHECK(pthread_cond_signal(&server->ended) == 0);
    SR_CHECK(pthread_mutex_unlock(&server->lock) == 0);
    return NULL;
}

static enum sr_result start_worker(struct server *server, uint32_t i, struct sr_err *err)
{
    struct worker_thread *thread = &server->workers[i];
    char name[24];
    int why;

    SR_CHECK(pthread_mutex_lock(&server->lock) == 0);
    server->running_count++;
    SR_CHECK(pthread_mutex_unlock(&server->lock) == 0);
    (void)snprintf(name, sizeof(name), "worker-%u", i % 1000);
    why = sr_thread_start(&thread->thread, name, run_worker, thread);
    if (why != 0) {
        SR_CHECK(pthread_mutex_lock(&server->lock) == 0);
        server->running_count--;
        SR_CHECK(pthread_mutex_unlock(&server->lock) == 0);
        return sr_fail_errno(err, SR_IO, why, "cannot start worker thread %u", i);
    }
    thread->started = true;
    return SR_OK;
}

enum sr_result server_start(struct server *server, struct sr_err *err)
{
    enum sr_result result = SR_OK;
    sigset_t all;
    sigset_t before;

    SR_CHECK(sigfillset(&all) == 0);
    SR_CHECK(pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
    for (uint32_t i = 0; i < server->worker_count && result == SR_OK; i++) {
        result = start_worker(server, i, err);
    }
    SR_CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    if (result != SR_OK && server_drain(server, 0) != SR_OK) {
        return result; /* what ran is cut: nothing was promised to anybody yet */
    }
    return result;
}

static void wake_all(struct server *server)
{
    for (uint32_t i = 0; i < server->worker_count; i++) {
        worker_wake(server->workers[i].worker);
    }
}

/* True where all workers have ended before the deadline. */
static bool wait_for_workers(struct server *server, uint64_t deadline_ms)
{
    bool in_time = true;
    bool ended;

    SR_CHECK(pthread_mutex_lock(&server->lock) == 0);
    while (server->running_count > 0 && in_time) {
        in_time = sr_condition_wait_until(&server->ended, &server->lock, deadline_ms);
    }
    ended = server->running_count == 0;
    SR_CHECK(pthread_mutex_unlock(&server->lock) == 0);
    return ended;
}

enum sr_result server_drain(struct server *server, uint64_t deadline_ms)
{
    bool in_time;

    atomic_store(&server->shared.draining, true);
    wake_all(server);
    in_time = wait_for_workers(server, deadline_ms);
    if (!in_time) {
        atomic_store(&server->shared.stopping, true);
        wake_all(server);
    }
    for (uint32_t i = 0; i < server->worker_count; i++) {
        if (server->workers[i].started) {
            SR_CHECK(pthread_join(server->workers[i].thread, NULL) == 0);
            server->workers[i].started = false;
        }
    }
    listeners_close(&server->listeners); /* the shared ones; workers closed their own */
    return in_time ? SR_OK : SR_TIMEOUT;
}

bool server_sockets_inherited(void)
{
    return listen_inherited_count() > 0;
}

const char *server_url(const struct server *server, size_t index)
{
    return index < server->listeners.count ? server->listeners.items[index].url : NULL;
}

const struct http_metrics *server_http_metrics(const struct server *server, uint32_t index)
{
    return index < server->worker_count ? server->workers[index].metrics : NULL;
}

uint32_t server_connections_max(const struct server *server)
{
    return server->shared.options.connections_max;
}

void server_feed(struct server *server)
{
    for (uint32_t i = 0; i < server->worker_count; i++) {
        struct worker *w = server->workers[i].worker;

        if (atomic_load_explicit(&w->stream_count, memory_order_relaxed) > 0) {
            worker_wake(w);
        }
    }
}

size_t server_bodies_in_flight(const struct server *server)
{
    return atomic_load_explicit(&server->shared.input_budget.used, memory_order_relaxed);
}
