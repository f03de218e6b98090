/*
 * What requests mean: routes, checks in the order of DESIGN section 11, the engine's answers as
 * replies. One per worker, used by its thread alone; opens the engine's turn when a request
 * first needs it.
 */
#ifndef SR_SERVER_API_H
#define SR_SERVER_API_H

#include "base/buffer.h"
#include "base/result.h"
#include "http/body.h"
#include "http/parser.h"
#include "metrics/http_metrics.h"
#include "server/buffer_pool.h"
#include "server/engine.h"
#include "server/guard.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct server_options;

struct api {
    const struct server_options *options; /* borrowed */
    struct engine_worker *engine_worker;  /* the engine's */
    struct buffer_budget *budget;         /* borrowed; NULL: none. Set after api_init. */
    struct counters_batch *batch;         /* owned; NULL, or one to be used again */
    struct http_body_scratch scratch;
    uint8_t path_key[SR_KEY_SIZE_MAX];
    struct api_token *token; /* owned: of the request at hand, where it has one */
    struct guard_worker guard;
    const struct guard_peer *peer; /* whose requests are next; the connection's */
    struct sr_buffer page, packed; /* for /metrics; kept between scrapes */
    uint64_t now_ms;               /* of the worker's loop turn */
    bool turn_open;                /* the engine's turn */
};

#define API_TOKEN_SIZE_MAX 255
#define API_HASH_SIZE 32

/* The Idempotency-Key of a request, and what it is compared by. */
struct api_token {
    struct engine_token engine; /* its spans point to what follows */
    uint8_t text[API_TOKEN_SIZE_MAX];
    uint8_t hash[API_HASH_SIZE];
};

enum api_step {
    API_ANSWERED, /* a reply was appended */
    API_WAITS, /* nothing counted: keep the call and its key, api_again when engine_wait_over */
    API_FAILED /* no memory for the reply: the connection must close without an answer */
};

enum api_action {
    API_INCREMENT,
    API_INCREMENT_MANY,
    API_SET,
    API_DELETE,
    API_READ,
    API_LIST,
    API_FLUSH
};

/* The most bytes that an answer takes. */
#define API_ANSWER_SIZE_MAX (32U << 20)

/* A request in the course of being answered. */
struct api_call {
    struct sr_span key; /* borrowed from the api's scratch: copied by who lets the call wait */
    int64_t value;
    struct engine_wait wait;      /* API_WAITS */
    struct counters_batch *batch; /* owned while the call waits */
    struct lister_job *job;       /* owned: the list that is being made */
    uint64_t stream_next;         /* not 0: the answer is a stream, from that row on */
    size_t batch_charged;         /* to the budget, for the batch that waits */
    size_t answer_charged;   /* to the budget, for the answer: the connection's to give back */
    struct api_token *token; /* NULL, or the Idempotency-Key; the api's, or who lets the call
                                wait owns it */
    enum api_action action;
    enum http_method method;
    enum http_route route;
    const struct guard_facts *facts; /* NULL, or what the guard says in the reply and the log;
                                        the guard's, or who lets the call wait owns them */
    size_t body_size;                /* of the reply */
    uint16_t status;                 /* the same */
    bool keep_alive;                 /* the connection goes on after the reply */
    bool http_1_0;
    bool minimal;       /* Prefer: return=minimal */
    bool text_integers; /* values are answered as strings */
    bool replayed;      /* the first answer to an Idempotency-Key, given again */
    bool counts;        /* the reply depends on counts and must wait for the turn's release */
};

/* options (borrowed) name engine and renderer. SR_NO_MEMORY. */
enum sr_result api_init(struct api *api, const struct server_options *options,
                        struct engine_worker *engine_worker) SR_MUST_USE;
void api_done(struct api *api);

/* Answers a request, or finds that it must wait. Fills ret_call whatever the outcome. */
enum api_step api_begin(struct api *api, const struct http_request *request,
                        struct sr_buffer *out, struct api_call *ret_call) SR_MUST_USE;

/* A copy for a call that waits, to be freed by free; NULL: no memory. */
struct api_token *api_token_copy(const struct api_token *token);

/* Ends a call that waits and will not be given again. */
void api_call_drop(struct api *api, struct api_call *call);

/* Tries a call that waited once more. */
enum api_step api_again(struct api *api, struct api_call *call,
                        struct sr_buffer *out) SR_MUST_USE;

/* Whether a request is refused by its head alone (path, method, media types), so that its body
 * is not waited for. True: the refusal was appended as *ret_step says, and the connection
 * closes. */
bool api_head_refused(struct api *api, const struct http_request *head, struct sr_buffer *out,
                      struct api_call *ret_call, enum api_step *ret_step);

/* Answers bytes that are no request, or came too slowly: closes. */
enum api_step api_refuse(uint16_t status, const char *detail, struct sr_buffer *out,
                         struct api_call *ret_call) SR_MUST_USE;

/* Ends the engine's turn if one was opened; returns its id, or 0. held: replies wait for it. */
uint64_t api_turn_end(struct api *api, bool held);

#endif
