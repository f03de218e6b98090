/*
 * Requests out of a connection's bytes, given to the api one after the other.
 */
#include "base/check.h"
#include "base/clock.h"
#include "http/head.h"
#include "http/reply.h"
#include "server/connection.h"
#include "server/worker.h"

#include <stdlib.h>
#include <string.h>

/* Notes an answer to what was read at since_ns. False where no further request may follow in
 * this piece of work. */
static bool finish(struct worker *w, struct connection *c, const struct api_call *call,
                   uint64_t since_ns)
{
    bool room = answered_add(&w->answered, call->method, call->route, call->status);

    http_metrics_body(w->metrics, call->method, call->route, call->status, call->body_size);
    if (call->facts != NULL && call->facts->record.wanted) {
        guard_log(&w->api.guard, call->facts, call->method, call->status,
                  sr_clock_monotonic_ns() - since_ns);
    }
    w->turn_requests++;
    w->answered.counts |= call->counts;
    if (!call->keep_alive) {
        c->closing = true;
    }
    if (call->stream_next != 0) {
        connection_stream_begin(w, c, call->stream_next);
    }
    return room && !c->closing;
}

/* False where there is no memory. */
static bool keep_facts(struct waiting *waiting, const struct api_call *call)
{
    waiting->facts = NULL;
    if (call->facts == NULL) {
        return true;
    }
    waiting->facts = malloc(sizeof(*waiting->facts));
    if (waiting->facts != NULL) {
        *waiting->facts = *call->facts;
    }
    return waiting->facts != NULL;
}

/* False where there is no memory. */
static bool keep_token(struct waiting *waiting, const struct api_call *call)
{
    waiting->token = call->token == NULL ? NULL : api_token_copy(call->token);
    return waiting->token != NULL || call->token == NULL;
}

/* What the call points to and does not own; false where there is no memory. */
static bool keep(struct waiting *waiting, const struct api_call *call)
{
    bool kept = keep_facts(waiting, call);

    return keep_token(waiting, call) && kept;
}

/* The call must be given again: keeps it with its key. */
static void wait(struct worker *w, struct connection *c, struct api_call *call)
{
    struct waiting *waiting = worker_waiting_new(w);

    if (waiting == NULL || !keep(waiting, call)) {
        if (waiting != NULL) {
            worker_waiting_free(w, waiting);
        }
        api_call_drop(&w->api, call);
        connection_close(w, c);
        return;
    }
    SR_CHECK(call->key.size <= sizeof(waiting->key));
    waiting->call = *call;
    waiting->call.facts = waiting->facts;
    waiting->call.token = waiting->token;
    waiting->since_ns = w->now_ns;
    memcpy(waiting->key, call->key.data, call->key.size);
    waiting->call.key.data = waiting->key;
    c->waiting = waiting;
    w->waits_for_turn |= call->wait.for_turn;
    list_remove(&c->queue_link);
    list_append(&w->waiting, &c->queue_link);
    connection_output_trim(w, c);
}

/* Whether the connection stays after this answer. While draining it does not, though its client
 * counts on it and may be sending the next request: it must still read this answer. */
static bool stays_open(const struct worker *w, struct connection *c, bool keep_alive)
{
    c->linger = c->linger || (keep_alive && w->draining);
    return keep_alive && !w->draining;
}

/* False where no further request may follow in this piece of work. */
static bool take_request(struct worker *w, struct connection *c, struct http_request *request)
{
    struct api_call call;
    enum api_step step;

    request->keep_alive = stays_open(w, c, request->keep_alive);
    step = api_begin(&w->api, request, &c->output, &call);
    c->output_charged += call.answer_charged;
    switch (step) {
    case API_ANSWERED:
        return finish(w, c, &call, w->now_ns);
    case API_WAITS:
        wait(w, c, &call);
        return false;
    case API_FAILED:
        break;
    }
    connection_close(w, c);
    return false;
}

void connection_refuse(struct worker *w, struct connection *c, uint16_t status,
                       const char *detail)
{
    struct api_call call;

    if (!connection_output_open(w, c, 0) ||
        api_refuse(status, detail, &c->output, &call) != API_ANSWERED) {
        connection_close(w, c);
        return;
    }
    (void)finish(w, c, &call, w->now_ns); /* closes, so that no more room is needed */
    c->linger = true;
}

/* A head was seen whose body is not there. True: it was refused for what it asks. */
static bool refuse_head(struct worker *w, struct connection *c)
{
    struct http_request head;
    struct api_call call;
    enum api_step step;

    http_head_request(&c->parser, &head);
    if (!api_head_refused(&w->api, &head, &c->output, &call, &step)) {
        return false;
    }
    if (step != API_ANSWERED) {
        connection_close(w, c);
        return true;
    }
    (void)finish(w, c, &call, w->now_ns);
    c->linger = true;
    return true;
}

/* 100 only where the body will be looked at. */
static void answer_continue(struct worker *w, struct connection *c)
{
    if (!refuse_head(w, c) && http_reply_continue(&c->output) != SR_OK) {
        connection_close(w, c);
    }
}

/* A path or method that does not exist comes before the size of a body. */
static void answer_refusal(struct worker *w, struct connection *c,
                           const struct http_refusal *refusal)
{
    if (refusal->status != 413 || !refuse_head(w, c)) {
        connection_refuse(w, c, refusal->status, refusal->detail);
    }
}

/* One step of the parser. False where the region is done with for now. */
static bool take_one(struct worker *w, struct connection *c, uint8_t *region, size_t size,
                     size_t *ret_consumed)
{
    struct http_request request;
    struct http_refusal refusal;

    switch (http_parser_feed(&c->parser, region, size, &request, ret_consumed, &refusal)) {
    case HTTP_PARSE_REQUEST:
        return take_request(w, c, &request);
    case HTTP_PARSE_CONTINUE:
        answer_continue(w, c);
        return false;
    case HTTP_PARSE_REFUSED:
        answer_refusal(w, c, &refusal);
        return false;
    case HTTP_PARSE_MORE:
        break;
    }
    return false;
}

size_t connection_take_requests(struct worker *w, struct connection *c, uint8_t *region,
                                size_t size)
{
    size_t at = 0;
    size_t consumed = 0;
    bool goes_on = true;

    c->unparsed = false;
    w->api.peer = &c->peer;
    if (!connection_output_open(w, c, size)) {
        connection_close(w, c);
        return size;
    }
    while (goes_on && at < size && connection_may_read(w, c)) {
        consumed = 0;
        goes_on = take_one(w, c, region + at, size - at, &consumed);
        if (c->fd < 0) {
            return size;
        }
        at += consumed;
    }
    if (c->output.size - c->output_sent >= w->shared->options.answers_queued_max) {
        http_metrics_add(&w->metrics->answers_full, 1);
    }
    /* A request that is not complete was given all there is; it consumed nothing. */
    c->unparsed = at < size && !c->closing && (goes_on || consumed > 0);
    connection_output_trim(w, c);
    return at;
}

void connection_retry(struct worker *w, struct connection *c)
{
    struct waiting *waiting = c->waiting;
    uint64_t since_ns = waiting->since_ns;
    enum api_step step;

    memset(&w->answered, 0, sizeof(w->answered));
    waiting->call.keep_alive = stays_open(w, c, waiting->call.keep_alive);
    step = connection_output_open(w, c, 0) ? api_again(&w->api, &waiting->call, &c->output)
                                           : API_FAILED;
    c->output_charged += waiting->call.answer_charged;
    waiting->call.answer_charged = 0;
    if (step == API_WAITS) {
        w->waits_for_turn |= waiting->call.wait.for_turn;
        connection_output_trim(w, c);
        return;
    }
    if (step == API_FAILED) {
        connection_close(w, c);
        return;
    }
    c->waiting = NULL;
    list_remove(&c->queue_link);
    (void)finish(w, c, &waiting->call, since_ns);
    worker_waiting_free(w, waiting);
    connection_output_account(w, c, since_ns);
    connection_update(w, c);
}
