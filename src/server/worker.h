/*
 * A worker: one thread, one epoll instance, its listeners and its connections. A loop turn
 * reads what is ready, has it counted in one turn of the engine, and sends what is released,
 * with one send per connection. Never blocks but in epoll_wait. For server/ only.
 */
#ifndef SR_SERVER_WORKER_H
#define SR_SERVER_WORKER_H

#include "base/result.h"
#include "server/api.h"
#include "server/buffer_pool.h"
#include "server/connection.h"
#include "server/holds.h"
#include "server/list.h"
#include "server/listener.h"
#include "server/shared.h"
#include "server/source.h"
#include "server/timers.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define WORKER_READ_SIZE 65536 /* bytes read from a connection per loop turn */
#define WORKER_REST_MAX 4096   /* an incomplete request's bytes that are put in front of them */
#define WORKER_TURN_REQUESTS                                                                   \
    4096 /* answered in a loop turn, about: then others get their due */

/* A listening socket as one worker sees it. */
struct acceptor {
    struct event_source source; /* first */
    int fd;                     /* -1: no longer accepting */
    bool owned;                 /* this worker's own socket, which it closes */
    bool registered;
    enum listener_kind kind;
};

struct worker {
    struct shared *shared; /* borrowed, all workers' */
    uint32_t index;
    struct http_metrics *metrics; /* borrowed; this worker is the only writer */
    struct engine_worker *engine_worker;

    /* Any thread. */
    struct event_source wake_source;
    int wake_fd;                   /* eventfd, edge-triggered, never read */
    _Atomic bool wake_called;      /* since the worker last looked */
    _Atomic uint32_t stream_count; /* written by this worker */

    /* This worker's thread alone. */
    int epoll_fd;
    struct acceptor acceptors[LISTENERS_MAX];
    uint32_t acceptor_count;
    uint64_t accept_paused_until_ms; /* 0: not paused */
    uint64_t accept_logged_ms;       /* when the last pause was logged */
    struct sr_buffer turned_away;    /* the 503 for connections over a limit */

    struct list_link all;         /* connections that are open */
    struct list_link ready;       /* something may be read or parsed */
    struct list_link waiting;     /* a request of theirs waits, oldest first */
    struct list_link sending;     /* something is released */
    struct list_link streams;     /* that are fed with what the dashboard shows */
    struct list_link dead;        /* freed when the loop turn ends */
    struct list_link free;        /* structs to be used again */
    struct waiting *waiting_free; /* structs to be used again */
    uint32_t waiting_free_count;
    void *slabs;               /* memory of connections, owned; linked in their first bytes */
    uint32_t connection_count; /* structs in use: open, or closed with holds */

    struct timers timers;
    struct holds holds;
    struct buffer_pool pool;
    struct api api;
    struct answered answered;             /* of the piece of work under way */
    uint32_t turn_requests;               /* answered in this loop turn */
    uint8_t *scratch;                     /* WORKER_REST_MAX + WORKER_READ_SIZE bytes */
    struct http_known_heads *known_heads; /* owned; what this worker's connections send */

    uint64_t now_ns, now_ms; /* read once per loop turn */
    uint64_t sent_ns;        /* read once per loop turn that sends; 0: not yet */
    uint64_t turn;           /* the engine's id of the last turn */
    uint64_t retried_ms;     /* when all waiting requests were looked at */
    uint64_t fed;            /* the row that streams were last fed with */
    bool woken;              /* the engine called since the last loop turn */
    bool waits_for_turn;     /* a request waits for nothing but the next turn */
    bool draining;
    uint64_t grace_until_ms; /* draining: idle connections stay until then; 0: no longer */
};

/* Everything but the thread; takes over the worker's own sockets out of listeners. */
enum sr_result worker_open(struct shared *shared, uint32_t index, struct http_metrics *metrics,
                           struct listeners *listeners, struct worker **ret_worker,
                           struct sr_err *err) SR_MUST_USE;

/* Accepts NULL. The loop must have ended. */
void worker_close(struct worker **worker);

/* The loop: returns when draining has come to its end. */
void worker_run(struct worker *w);

/* Makes the loop turn soon. Any thread, does not block; context is the worker. */
void worker_wake(void *worker);

/* ---- accept.c ---- */

/* Accepts a bounded number of connections. */
void worker_accept(struct worker *w, struct acceptor *acceptor);

/* Goes on accepting if the pause after running out of descriptors is over. */
void worker_accept_resume(struct worker *w);

/* Registers the acceptors. SR_IO. */
enum sr_result worker_accept_start(struct worker *w, struct sr_err *err) SR_MUST_USE;

/* Takes in what clients have connected already and stops accepting. */
void worker_accept_end(struct worker *w);

/* ---- worker_memory.c ---- */

/* NULL where there is no memory; zeroed. */
struct connection *worker_connection_new(struct worker *w);
struct waiting *worker_waiting_new(struct worker *w);
void worker_waiting_free(struct worker *w, struct waiting *waiting);

/* Frees the structs of the dead list. */
void worker_bury(struct worker *w);
void worker_memory_done(struct worker *w);

/* ---- connection_stream.c ---- */

/* Feeds the streams, where there is something new. */
void worker_feed_streams(struct worker *w);

/* Tells all streams that the service stops, and ends them. */
void worker_end_streams(struct worker *w);

/* ---- worker_ahead.c ---- */

/* Works on the first of the ready connections, on several together as far as that is possible.
 * False where none is ready. */
bool worker_work_ahead(struct worker *w, struct list_link *ready);

/* ---- worker_turn.c ---- */

/* Nanoseconds of the monotonic clock when this loop turn began to send. */
uint64_t worker_sent_ns(struct worker *w);

/* The parts of a loop turn, in this order. */
void worker_retry_waiting(struct worker *w);
void worker_read_ready(struct worker *w);
void worker_end_turn(struct worker *w);
void worker_release(struct worker *w);
void worker_send_all(struct worker *w);
void worker_expire(struct worker *w);

#endif
