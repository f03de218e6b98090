/*
 * Who a client is and what it may: the checks between "the path takes this method" and "the
 * body is one we read". One guard for all workers, and a guard_worker each. With none of its
 * options in force there is no guard at all, and requests pass by a single test.
 *
 * Order of use for each request: guard_meet, then guard_admit, then for a request that turns
 * out to cost more (a batch) guard_charge.
 */
#ifndef SR_SERVER_GUARD_H
#define SR_SERVER_GUARD_H

#include "base/result.h"
#include "http/parser.h"
#include "metrics/http_metrics.h"
#include "server/access_log.h"
#include "server/forwarded.h"
#include "server/ip_address.h"
#include "server/refusal.h"
#include "server/tokens.h"

#include <stdbool.h>
#include <stdint.h>

struct guard_options {
    uint64_t rate_interval_ns;         /* between requests of a client; 0: no limit */
    uint32_t rate_burst;               /* requests at once */
    struct networks trusted_proxies;   /* none: every peer is the client itself */
    enum forwarded_field proxy_header; /* where they tell whose request it is */
    const char *tokens_path;           /* borrowed; NULL: open to everybody */
    const char *cors_origins;          /* borrowed, a list that cors_check took; NULL: off */
    uint32_t access_log_sample;        /* one of so many requests is logged; 0: none */
    bool request_ids;                  /* drawn for requests that bring none */
};

/* Whether anything of the options is in force: else no guard is needed. */
bool guard_options_in_force(const struct guard_options *options);

struct guard;

/* SR_NO_MEMORY, SR_IO (no randomness). */
enum sr_result guard_open(const struct guard_options *options, struct guard **ret_guard,
                          struct sr_err *err) SR_MUST_USE;
void guard_close(struct guard **guard);

/* Reads files again: on failure what was in force stays so. Accepts NULL. *ret_count: tokens in
 * force. */
enum sr_result guard_reload(struct guard *guard, uint32_t *ret_count,
                            struct sr_err *err) SR_MUST_USE;

/* Whether a token is asked for. Accepts NULL. */
bool guard_asks_for_tokens(const struct guard *guard);

/* Who is at the other end of a connection; found once when it is accepted. */
struct guard_peer {
    struct ip_address address;
    bool has_address; /* false: a unix socket */
    bool is_proxy;    /* one of the trusted ones: it tells whose request it passes on */
};

/* guard may be NULL. */
struct guard_peer guard_peer_of(const struct guard *guard,
                                const struct sockaddr_storage *address);

#define GUARD_LINES_MAX 1280

/* What is said and logged about a request, which may outlive its bytes. */
struct guard_facts {
    char lines[GUARD_LINES_MAX]; /* header lines for its answer, with a NUL */
    struct access_record record;
};

/* A worker's part: of its thread alone. */
struct guard_worker {
    struct guard *guard;          /* borrowed; NULL: nothing is asked of anybody */
    struct http_metrics *metrics; /* borrowed, set by the worker; NULL: not counted */

    struct tokens_view tokens;
    struct request_ids ids;
    uint32_t until_logged; /* requests that are passed over before one is logged */

    /* Of the request under way. */
    struct sr_span authorization; /* the field's value; data NULL where there is none */
    bool authorization_repeated;
    struct ip_address client;
    bool has_client; /* false: it came over a unix socket, from nobody else */
    struct guard_facts facts;
    size_t lines_size;
    size_t rate_at;    /* where lines about the rate start */
    bool rate_crowded; /* of the verdict by which it was charged */
};

/* SR_IO: no randomness. */
enum sr_result guard_worker_init(struct guard_worker *g, struct guard *guard) SR_MUST_USE;
void guard_worker_done(struct guard_worker *g);

/* What a route asks of who comes. */
struct guard_demand {
    unsigned scope; /* of a token: one bit of enum token_scope; 0: open to everybody */
    bool limited;   /* by the rate of the client's address */
    bool takes;     /* false: only look whether it would pass; the request will come again */
};

/* Begins with a request: finds whose it is. Without a guard only a request's own id is taken.
 */
void guard_meet(struct guard_worker *g, const struct http_request *request,
                const struct guard_peer *peer);

/* 401, 403 and 429, in this order; status 0 where the request may go on. */
struct refusal guard_admit(struct guard_worker *g, const struct guard_demand *demand,
                           uint64_t now_ns);

/* The request that was admitted costs `more` than the one that it was charged: a batch of N
 * costs N, so N - 1 more. All or nothing: refused, it gets back what guard_admit took at the
 * same now_ns. Once a request. */
struct refusal guard_charge(struct guard_worker *g, uint32_t more, uint64_t now_ns);

/* Logs an answer whose facts ask for it. */
void guard_log(struct guard_worker *g, const struct guard_facts *facts, enum http_method method,
               uint16_t status, uint64_t duration_ns);

#endif
