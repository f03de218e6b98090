/*
 * An HTTP client for the service itself: one kept connection, plain, TLS or a unix socket,
 * deadlines, bounded answers, and retries that count once. One thread; blocks it.
 *
 * A request is one that may be repeated (a GET, a POST that carries an idempotency key), or
 * says `once`: a set that is said again removes what was counted since it was done.
 */
#ifndef SR_CLIENT_CLIENT_H
#define SR_CLIENT_CLIENT_H

#include "base/result.h"
#include "base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct client;

struct client_options {
    const char *url;     /* as of endpoint_parse */
    const char *token;   /* bearer token; NULL: none */
    const char *ca_file; /* of https: certificates to trust; NULL: the system's */
    bool unverified;     /* of https: any certificate will do */
    uint32_t timeout_ms; /* of one attempt, from connecting to the whole answer */
    uint32_t retry_ms;   /* how long to try again after the first failure; 0: never */
    bool seen; /* it was there a moment ago: one that takes no connection is tried again too */
    size_t answer_size_max;
};

struct client_request {
    const char *method;          /* "GET" */
    const char *target;          /* "/counters/a", percent-encoded */
    const char *content_type;    /* NULL: no body */
    struct sr_span body;         /* borrowed for the call */
    const char *idempotency_key; /* NULL: none */
    const char *accept;          /* NULL: application/json */
    bool once; /* an answer that was lost is told, SR_UNKNOWN, and not asked for again */
    const char *prefer; /* NULL: none */
};

struct client_answer {
    unsigned status;
    bool replayed;       /* the first answer to the idempotency key, again */
    bool asks_to_wait;   /* 429 or 503 with Retry-After, for longer than there was time */
    struct sr_span body; /* the client's memory until its next call; a NUL follows it */
};

/* Connects with the first request. SR_INVALID: the URL. Texts are borrowed while the client
 * lives. */
enum sr_result client_open(const struct client_options *options, struct client **ret_client,
                           struct sr_err *err) SR_MUST_USE;

/* Accepts NULL. */
void client_close(struct client **client);

/*
 * Asks, and asks again for retry_ms where the connection was lost or the service answered 429
 * or 503 with Retry-After. SR_OK with any status, such a 503 included when the time is over.
 * SR_UNAVAILABLE: nobody answers there, nothing was asked. SR_UNKNOWN: it was sent, and may
 * have been counted: the same idempotency key tells. SR_DAMAGED: it is not HTTP what answers
 * there. SR_FULL: the answer is beyond answer_size_max. SR_INVALID: ca_file.
 */
enum sr_result client_ask(struct client *client, const struct client_request *request,
                          struct client_answer *ret_answer, struct sr_err *err) SR_MUST_USE;

#endif
