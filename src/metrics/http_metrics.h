/*
 * What one worker counts about HTTP: requests by method, route and status with their durations,
 * bytes, connections. Each worker owns one of these and is its only writer; a scrape on any
 * thread reads all of them, a moment behind (relaxed atomics, no locked instruction on the
 * request path). Labels come from these lists, never from a request.
 */
#ifndef SR_METRICS_HTTP_METRICS_H
#define SR_METRICS_HTTP_METRICS_H

#include "base/histogram.h"
#include "base/result.h"
#include "http/parser.h"

#include <stdatomic.h>
#include <stdint.h>

/* X(NAME, "route template, the metric label") */
#define HTTP_ROUTES(X)                                                                         \
    X(HTTP_ROUTE_INCREMENT, "/increment")                                                      \
    X(HTTP_ROUTE_COUNTER, "/counters/{key}")                                                   \
    X(HTTP_ROUTE_COUNTERS, "/counters")                                                        \
    X(HTTP_ROUTE_TOP, "/top")                                                                  \
    X(HTTP_ROUTE_FLUSH, "/flush")                                                              \
    X(HTTP_ROUTE_LIVEZ, "/livez")                                                              \
    X(HTTP_ROUTE_READYZ, "/readyz")                                                            \
    X(HTTP_ROUTE_HEALTHZ, "/healthz")                                                          \
    X(HTTP_ROUTE_METRICS, "/metrics")                                                          \
    X(HTTP_ROUTE_DASHBOARD, "/dashboard") /* and its files */                                  \
    X(HTTP_ROUTE_EVENTS, "/dashboard/events")                                                  \
    X(HTTP_ROUTE_STATE, "/dashboard/state") /* and the configuration */                        \
    X(HTTP_ROUTE_OPENAPI, "/openapi.yaml")                                                     \
    X(HTTP_ROUTE_UNKNOWN, "unknown") /* any other path, "*", and bytes that are no request */

enum http_route {
#define HTTP_ROUTE_ENUM(name, label) name,
    HTTP_ROUTES(HTTP_ROUTE_ENUM)
#undef HTTP_ROUTE_ENUM
        HTTP_ROUTE_COUNT
};

/* The statuses that have a series of their own; X(status). Any other is counted as "_OTHER". */
/* clang-format off */
#define HTTP_METRICS_STATUSES(X)                                                               \
    X(200) X(202) X(204) X(304)                                                                \
    X(400) X(401) X(403) X(404) X(405) X(406) X(408) X(409) X(413) X(414) X(415) X(417) X(422) \
    X(429) X(431)                                                                              \
    X(500) X(501) X(503) X(505)
/* clang-format on */

enum http_metrics_status {
#define HTTP_METRICS_STATUS_ENUM(status) HTTP_METRICS_STATUS_##status,
    HTTP_METRICS_STATUSES(HTTP_METRICS_STATUS_ENUM)
#undef HTTP_METRICS_STATUS_ENUM
        HTTP_METRICS_STATUS_OTHER,
    HTTP_METRICS_STATUS_COUNT
};

/* Why a connection was turned away or cut; X(NAME, "metric label"). */
#define HTTP_METRICS_REFUSALS(X)                                                               \
    X(HTTP_REFUSED_CONNECTIONS_MAX, "connections_max")                                         \
    X(HTTP_REFUSED_PER_ADDRESS, "connections_per_address")                                     \
    X(HTTP_REFUSED_DESCRIPTORS, "descriptors") /* EMFILE, ENFILE */                            \
    X(HTTP_REFUSED_MEMORY, "memory")                                                           \
    X(HTTP_REFUSED_BODIES, "bodies_in_flight")                                                 \
    X(HTTP_REFUSED_DRAINING, "draining")                                                       \
    X(HTTP_REFUSED_TLS, "tls") /* a handshake or record that failed */                         \
    X(HTTP_REFUSED_TIMEOUT_HANDSHAKE, "tls_handshake_timeout")                                 \
    X(HTTP_REFUSED_TIMEOUT_HEADER, "header_timeout") /* from here on: cut while open */        \
    X(HTTP_REFUSED_TIMEOUT_BODY, "body_timeout")                                               \
    X(HTTP_REFUSED_TIMEOUT_IDLE, "idle_timeout")                                               \
    X(HTTP_REFUSED_TIMEOUT_WRITE, "write_timeout")                                             \
    X(HTTP_REFUSED_TIMEOUT_HOLD, "hold_timeout")

enum http_metrics_refusal {
#define HTTP_METRICS_REFUSAL_ENUM(name, label) name,
    HTTP_METRICS_REFUSALS(HTTP_METRICS_REFUSAL_ENUM)
#undef HTTP_METRICS_REFUSAL_ENUM
        HTTP_METRICS_REFUSAL_COUNT
};

/* Why the guard answered a request 401, 403 or 429; X(NAME, "metric label"). */
#define HTTP_METRICS_DECLINES(X)                                                               \
    X(HTTP_DECLINED_NO_TOKEN, "no_token")                                                      \
    X(HTTP_DECLINED_BAD_TOKEN, "unknown_token")                                                \
    X(HTTP_DECLINED_SCOPE, "missing_scope")                                                    \
    X(HTTP_DECLINED_RATE, "rate_limit")                                                        \
    X(HTTP_DECLINED_RATE_CROWDED, "rate_limit_table_full")

enum http_metrics_decline {
#define HTTP_METRICS_DECLINE_ENUM(name, label) name,
    HTTP_METRICS_DECLINES(HTTP_METRICS_DECLINE_ENUM)
#undef HTTP_METRICS_DECLINE_ENUM
        HTTP_METRICS_DECLINE_COUNT
};

#define LOOP_SAMPLE 16 /* one loop turn of so many is measured */

#define HTTP_METRICS_METHOD_COUNT (HTTP_METHOD_OTHER + 1)

/* Requests of one route, method and status. */
struct http_series {
    struct sr_histogram duration_ns;
    struct sr_histogram body_bytes; /* of the replies */
};

/*
 * One worker's counters, about 1 MiB of address space of which only the pages of series that
 * were used are resident. All zero at first: a histogram's bounds are set by its first value.
 */
struct http_metrics {
    _Alignas(64) _Atomic uint64_t bytes_received; /* read from sockets */
    _Atomic uint64_t bytes_sent;                  /* written to sockets */
    _Atomic uint64_t connections_accepted;
    _Atomic uint64_t connections_closed; /* open ones: accepted minus closed */
    _Atomic uint64_t refused[HTTP_METRICS_REFUSAL_COUNT];
    _Atomic uint64_t declined[HTTP_METRICS_DECLINE_COUNT];
    _Atomic uint64_t answers_full;      /* times a connection's queue of answers was full */
    _Atomic uint64_t access_lines_lost; /* standard error would have blocked */
    _Atomic uint64_t loop_turns;
    _Atomic uint64_t replies_held; /* now: requests answered but not released by the journal */
    _Atomic uint64_t stock_bytes;  /* now: of buffers that stand by for connections */
    _Atomic uint64_t connections_ready; /* now: of the loop turn under way */
    /* How long answers waited for the journal; loop turns from the events to their end, one of
     * LOOP_SAMPLE of them. */
    struct sr_histogram hold_ns, loop_ns;
    _Alignas(64) struct http_series
        series[HTTP_ROUTE_COUNT][HTTP_METRICS_METHOD_COUNT][HTTP_METRICS_STATUS_COUNT];
};

/* A worker's counters, all zero. SR_NO_MEMORY. */
enum sr_result http_metrics_open(struct http_metrics **ret_metrics,
                                 struct sr_err *err) SR_MUST_USE;

/* Accepts NULL and leaves NULL; no scrape may be reading it. */
void http_metrics_close(struct http_metrics **metrics);

const char *http_route_label(enum http_route route);
const char *http_metrics_refusal_label(enum http_metrics_refusal refusal);
const char *http_metrics_decline_label(enum http_metrics_decline decline);
const char *http_metrics_method_label(
    enum http_method method); /* "_OTHER" as OpenTelemetry has it */
const char *http_metrics_status_label(enum http_metrics_status status);

/* ---- the owning worker only ---- */

static inline void http_metrics_add(_Atomic uint64_t *counter, uint64_t by)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + by,
                          memory_order_relaxed);
}

/* For what is told as it is now. */
static inline void http_metrics_set(_Atomic uint64_t *gauge, uint64_t value)
{
    atomic_store_explicit(gauge, value, memory_order_relaxed);
}

static inline void http_metrics_refused(struct http_metrics *m, enum http_metrics_refusal why)
{
    http_metrics_add(&m->refused[why], 1);
}

static inline void http_metrics_declined(struct http_metrics *m, enum http_metrics_decline why)
{
    http_metrics_add(&m->declined[why], 1);
}

static inline enum http_metrics_status http_metrics_status_index(uint16_t status)
{
    switch (status) {
#define HTTP_METRICS_STATUS_CASE(number)                                                       \
    case number:                                                                               \
        return HTTP_METRICS_STATUS_##number;
        HTTP_METRICS_STATUSES(HTTP_METRICS_STATUS_CASE)
#undef HTTP_METRICS_STATUS_CASE
    default:
        return HTTP_METRICS_STATUS_OTHER;
    }
}

static inline struct http_series *http_metrics_series(struct http_metrics *m,
                                                      enum http_method method,
                                                      enum http_route route, uint16_t status)
{
    return &m->series[route][method][http_metrics_status_index(status)];
}

/* A histogram of the worker; its bounds are set by its first value, since pages that nobody
 * wrote take no memory. Readers know the bounds and do not look here. */
static inline void http_metrics_put(struct sr_histogram *histogram,
                                    const struct sr_histogram_bounds *bounds, uint32_t bucket,
                                    uint64_t value, uint64_t times)
{
    histogram->bounds = bounds;
    sr_histogram_put(histogram, bucket, value, times);
}

/* So many requests answered in the same time: from the first byte (as seen by the worker) to
 * the reply's release, in nanoseconds. For bytes that were refused before there was a request:
 * HTTP_METHOD_OTHER, HTTP_ROUTE_UNKNOWN and the refusal's status. bucket: of the duration. */
static inline void http_metrics_requests(struct http_metrics *m, enum http_method method,
                                         enum http_route route, uint16_t status,
                                         uint32_t bucket, uint64_t duration_ns, uint64_t times)
{
    http_metrics_put(&http_metrics_series(m, method, route, status)->duration_ns,
                     &sr_bounds_time_ns, bucket, duration_ns, times);
}

/* The body of a reply. */
static inline void http_metrics_body(struct http_metrics *m, enum http_method method,
                                     enum http_route route, uint16_t status, uint64_t bytes)
{
    http_metrics_put(&http_metrics_series(m, method, route, status)->body_bytes,
                     &sr_bounds_bytes, sr_histogram_bucket(&sr_bounds_bytes, bytes), bytes, 1);
}

#endif
