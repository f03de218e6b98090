/*
 * The HTTP server: listeners, one worker thread per core, and their beginning and end. The
 * requests' meaning is in api.c, counting in the engine.
 *
 *   server_open     binds and listens; nothing is accepted yet
 *   server_start    the workers run
 *   server_drain    stops accepting, answers what is in flight, ends the workers
 *   server_close
 */
#ifndef SR_SERVER_SERVER_H
#define SR_SERVER_SERVER_H

#include "base/buffer.h"
#include "base/result.h"
#include "base/span.h"
#include "http/parser.h"
#include "metrics/http_metrics.h"
#include "server/engine.h"
#include "server/feed.h"
#include "server/guard.h"
#include "server/hot.h"
#include "server/tls.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct server;

/* Which of the dashboard's pages. */
enum server_page { SERVER_PAGE_STATE, SERVER_PAGE_CONFIGURATION };

struct server_options {
    /* Comma list of IPv4 addresses, IPv6 addresses (with or without brackets) and unix:PATH. */
    const char *addresses;
    uint16_t port; /* of the TCP addresses; 0: the kernel chooses one, the same for all */
    uint32_t worker_count;    /* as many as the engine has */
    uint32_t connections_max; /* in all; 0: what RLIMIT_NOFILE allows, less a reserve */
    uint32_t connections_per_address_max; /* 0: off; an IPv6 address counts as its /64 */
    struct http_limits http;
    uint32_t header_timeout_ms;  /* from a request's first byte to the end of its fields */
    uint32_t body_timeout_ms;    /* of the whole body */
    uint32_t idle_timeout_ms;    /* between requests */
    uint32_t write_timeout_ms;   /* without the client taking a byte; six times that in all */
    uint32_t hold_timeout_ms;    /* for the journal: then connections close unanswered */
    uint32_t linger_timeout_ms;  /* for the client to close after our last answer */
    uint32_t drain_grace_ms;     /* with inherited sockets: see server_drain */
    size_t answers_queued_max;   /* bytes per connection: beyond it no request of it is read */
    size_t bodies_in_flight_max; /* bytes of incomplete requests in all: 503 beyond it */
    struct engine *engine;       /* borrowed */
    struct tls *tls;             /* borrowed; NULL: plain. Unix sockets are plain always */
    struct guard *guard;         /* borrowed; NULL: nothing is asked of clients */
    /* Appends the page for /metrics and names its media type, which lives on. accept is the
     * request's Accept value. Called on workers' threads, several at a time. */
    enum sr_result (*render_metrics)(void *context, struct sr_span accept,
                                     struct sr_buffer *out, const char **ret_content_type);
    void *render_context;
    /* Appends a page of the dashboard, as JSON. Called like render_metrics. */
    enum sr_result (*render_page)(void *context, enum server_page page, struct sr_buffer *out);
    struct feed *feed;     /* borrowed; NULL: dashboards get no figures */
    struct hot_board *hot; /* borrowed; NULL: nothing is known of the hottest keys */
};

/* The documented defaults; engine and render_metrics are left NULL. */
void server_options_default(struct server_options *options);

/*
 * Binds and listens. With sockets inherited by the protocol of sd_listen_fds(3) (LISTEN_PID and
 * LISTEN_FDS, which are taken out of the environment) addresses and port are not looked at.
 * SR_INVALID: a bad address. SR_EXISTS: somebody listens there already (a port that could be
 * shared by SO_REUSEPORT included). SR_IO, SR_NO_MEMORY. Strings of options are copied.
 */
enum sr_result server_open(const struct server_options *options, struct server **ret_server,
                           struct sr_err *err) SR_MUST_USE;

/* Whether server_open will find inherited sockets: asked before it. */
bool server_sockets_inherited(void);

/* Accepts NULL. Workers must have ended: server_drain, or never started. */
void server_close(struct server **server);

/* Starts the workers' threads, all signals blocked in them. */
enum sr_result server_start(struct server *server, struct sr_err *err) SR_MUST_USE;

/* Stops accepting, closes what is idle, answers what is in flight with Connection: close, and
 * ends the workers; at deadline_ms (monotonic) what is left is cut. SR_TIMEOUT where something
 * was cut. With inherited sockets somebody serves on after us, and nothing needs to fail: idle
 * connections are closed only when drain_grace_ms have passed without a request of theirs,
 * which gets its answer with Connection: close like all others. */
enum sr_result server_drain(struct server *server, uint64_t deadline_ms) SR_MUST_USE;

/* The addresses listened on: "http://127.0.0.1:3333", "unix:/path"; NULL beyond the last. */
const char *server_url(const struct server *server, size_t index);

/* What worker `index` counts; NULL beyond the last worker. Lives as long as the server. */
const struct http_metrics *server_http_metrics(const struct server *server, uint32_t index);

/* Connections allowed in all, now that it is known. */
uint32_t server_connections_max(const struct server *server);

/* There is a new row: streams are fed. Any thread. */
void server_feed(struct server *server);

/* Bytes of incomplete requests kept now. Any thread. */
size_t server_bodies_in_flight(const struct server *server);

#endif
