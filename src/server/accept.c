/*
 * New connections: accepted in bounded batches, turned away with a short 503 beyond the limits,
 * left in the kernel's backlog for a moment when descriptors have run out.
 */
#include "server/worker.h"

#include "base/check.h"
#include "base/log.h"
#include "server/descriptor.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define ACCEPT_BATCH 64
#define ACCEPT_PAUSE_MS 100
#define ACCEPT_LOG_MS 10000
#define DRAIN_ACCEPT_MAX 65536 /* more than any backlog */

static bool add_to_epoll(struct worker *w, struct acceptor *acceptor)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &acceptor->source};

    if (!acceptor->owned) {
        event.events |= EPOLLEXCLUSIVE; /* wake one of the workers, not all */
    }
    acceptor->registered = epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, acceptor->fd, &event) == 0;
    return acceptor->registered;
}

static void remove_from_epoll(struct worker *w, struct acceptor *acceptor)
{
    if (acceptor->registered) {
        SR_CHECK(epoll_ctl(w->epoll_fd, EPOLL_CTL_DEL, acceptor->fd, NULL) == 0);
        acceptor->registered = false;
    }
}

enum sr_result worker_accept_start(struct worker *w, struct sr_err *err)
{
    for (uint32_t i = 0; i < w->acceptor_count; i++) {
        if (!add_to_epoll(w, &w->acceptors[i])) {
            return sr_fail_errno(err, SR_IO, errno, "cannot watch a listening socket");
        }
    }
    return SR_OK;
}

/* Out of descriptors or memory: trying again at once would only burn time. */
static void pause_accepting(struct worker *w, int why)
{
    http_metrics_refused(w->metrics, why == EMFILE || why == ENFILE ? HTTP_REFUSED_DESCRIPTORS
                                                                    : HTTP_REFUSED_MEMORY);
    for (uint32_t i = 0; i < w->acceptor_count; i++) {
        remove_from_epoll(w, &w->acceptors[i]);
    }
    w->accept_paused_until_ms = w->now_ms + ACCEPT_PAUSE_MS;
    if (w->accept_logged_ms == 0 || w->now_ms - w->accept_logged_ms >= ACCEPT_LOG_MS) {
        w->accept_logged_ms = w->now_ms;
        sr_log(SR_LOG_WARN, "server.accept_paused",
               "connections cannot be accepted; they wait in the backlog",
               sr_log_text("reason", strerrorname_np(why)));
    }
}

void worker_accept_resume(struct worker *w)
{
    if (w->accept_paused_until_ms == 0 || w->now_ms < w->accept_paused_until_ms) {
        return;
    }
    w->accept_paused_until_ms = 0;
    for (uint32_t i = 0; i < w->acceptor_count; i++) {
        struct acceptor *acceptor = &w->acceptors[i];

        if (acceptor->fd >= 0 && !acceptor->registered && !add_to_epoll(w, acceptor)) {
            w->accept_paused_until_ms = w->now_ms + ACCEPT_PAUSE_MS;
        }
    }
}

/* What has come of the request is read, so that the close does not reset our answer away. */
static void turn_away(struct worker *w, int fd, enum http_metrics_refusal why)
{
    http_metrics_refused(w->metrics, why);
    if (w->shared->options.tls != NULL) {
        descriptor_close(&fd); /* a handshake first would cost what there is too little of */
        return;
    }
    (void)send(fd, w->turned_away.data, w->turned_away.size, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)shutdown(fd, SHUT_WR);
    (void)recv(fd, w->scratch, WORKER_READ_SIZE, MSG_DONTWAIT);
    descriptor_close(&fd);
}

static void admit(struct worker *w, int fd, const struct sockaddr_storage *address)
{
    struct shared *shared = w->shared;
    struct address_key key = address_key_of(address);
    uint32_t before = atomic_fetch_add_explicit(&shared->connections, 1, memory_order_relaxed);

    if (before >= shared->options.connections_max) {
        atomic_fetch_sub_explicit(&shared->connections, 1, memory_order_relaxed);
        turn_away(w, fd, HTTP_REFUSED_CONNECTIONS_MAX);
        return;
    }
    if (shared->addresses != NULL && !address_table_enter(shared->addresses, &key)) {
        atomic_fetch_sub_explicit(&shared->connections, 1, memory_order_relaxed);
        turn_away(w, fd, HTTP_REFUSED_PER_ADDRESS);
        return;
    }
    if (connection_open(w, fd, address) == NULL) {
        if (shared->addresses != NULL) {
            address_table_leave(shared->addresses, &key);
        }
        atomic_fetch_sub_explicit(&shared->connections, 1, memory_order_relaxed);
        turn_away(w, fd, HTTP_REFUSED_MEMORY);
        return;
    }
    http_metrics_add(&w->metrics->connections_accepted, 1);
}

/* One connection, or an errno value. */
static int accept_one(struct worker *w, const struct acceptor *acceptor)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof(address);
    int fd;

    address.ss_family = AF_UNSPEC;
    fd =
        accept4(acceptor->fd, (struct sockaddr *)&address, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        return errno;
    }
    admit(w, fd, &address);
    return 0;
}

/* Errors of a connection that died in the backlog (accept(2)): the next one is no worse. */
static bool is_of_one_connection(int why)
{
    return why == EINTR || why == ECONNABORTED || why == EPROTO || why == ENETDOWN ||
           why == EHOSTDOWN || why == ENONET || why == EHOSTUNREACH || why == ENETUNREACH ||
           why == ENOPROTOOPT || why == EOPNOTSUPP || why == EPERM;
}

static void accept_many(struct worker *w, const struct acceptor *acceptor, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        int why = accept_one(w, acceptor);

        if (why == EAGAIN) {
            return;
        }
        if (why != 0 && !is_of_one_connection(why)) {
            pause_accepting(w, why);
            return;
        }
    }
}

void worker_accept(struct worker *w, struct acceptor *acceptor)
{
    if (acceptor->fd >= 0 && acceptor->registered) {
        accept_many(w, acceptor, ACCEPT_BATCH);
    }
}

/* Closing a socket resets what its backlog holds: that is taken in first. The backlog of an
 * inherited socket is left to whoever listens on it after us. */
void worker_accept_end(struct worker *w)
{
    for (uint32_t i = 0; i < w->acceptor_count; i++) {
        struct acceptor *acceptor = &w->acceptors[i];

        if (acceptor->kind != LISTENER_INHERITED) {
            accept_many(w, acceptor, DRAIN_ACCEPT_MAX);
        }
        remove_from_epoll(w, acceptor);
        if (acceptor->owned) {
            descriptor_close(&acceptor->fd);
        }
        acceptor->fd = -1;
    }
    w->accept_paused_until_ms = 0;
}
