/*
 * Requests over a kept connection, and when they are repeated.
 */
#include "client/client.h"

#include "base/clock.h"
#include "client/answer.h"
#include "client/channel.h"

#include <stdlib.h>
#include <time.h>

#define REQUEST_SIZE_MAX ((size_t)64 << 20)
#define PAUSE_FIRST_MS 50U
#define PAUSE_MAX_MS 2000U

struct client {
    struct client_options options;
    struct endpoint endpoint;
    struct channel *channel; /* NULL: not connected */
    struct sr_buffer request, body;
    bool once; /* of the running request */
    struct answer answer;
};

enum sr_result client_open(const struct client_options *options, struct client **ret_client,
                           struct sr_err *err)
{
    struct client *c = calloc(1, sizeof(*c));
    enum sr_result result;

    if (c == NULL) {
        return sr_fail(err, SR_NO_MEMORY, "no memory for a client");
    }
    c->options = *options;
    sr_buffer_init(&c->request, REQUEST_SIZE_MAX);
    sr_buffer_init(&c->body, options->answer_size_max + 1); /* and a NUL */
    result = endpoint_parse(options->url, &c->endpoint, err);
    if (result != SR_OK) {
        client_close(&c);
        return result;
    }
    *ret_client = c;
    return SR_OK;
}

void client_close(struct client **client)
{
    struct client *c = *client;

    if (c == NULL) {
        return;
    }
    channel_close(&c->channel);
    sr_buffer_done(&c->request);
    sr_buffer_done(&c->body);
    free(c);
    *client = NULL;
}

static enum sr_result write_field(struct sr_buffer *out, const char *name, const char *value)
{
    return value == NULL ? SR_OK : sr_buffer_printf(out, "%s%s\r\n", name, value);
}

static enum sr_result write_request(struct client *c, const struct client_request *r,
                                    struct sr_err *err)
{
    struct sr_buffer *out = &c->request;
    enum sr_result result;

    out->size = 0;
    result = sr_buffer_printf(out, "%s %s HTTP/1.1\r\nHost: %s\r\nAccept: %s\r\n", r->method,
                              r->target, c->endpoint.authority,
                              r->accept == NULL ? "application/json" : r->accept);
    if (result == SR_OK) {
        result = write_field(out, "Authorization: Bearer ", c->options.token);
    }
    if (result == SR_OK) {
        result = write_field(out, "Idempotency-Key: ", r->idempotency_key);
    }
    if (result == SR_OK) {
        result = write_field(out, "Prefer: ", r->prefer);
    }
    if (result == SR_OK) {
        result = write_field(out, "Content-Type: ", r->content_type);
    }
    if (result == SR_OK && r->content_type != NULL) {
        result = sr_buffer_printf(out, "Content-Length: %zu\r\n", r->body.size);
    }
    if (result == SR_OK) {
        result = sr_buffer_append(out, "\r\n", 2);
    }
    if (result == SR_OK && r->content_type != NULL) {
        result = sr_buffer_append(out, r->body.data, r->body.size);
    }
    return result == SR_OK ? SR_OK : sr_fail(err, result, "the request is too large");
}

static enum sr_result connect_channel(struct client *c, uint64_t deadline_ms,
                                      struct sr_err *err)
{
    const struct channel_tls tls = {.ca_file = c->options.ca_file,
                                    .unverified = c->options.unverified};
    enum sr_result result =
        c->channel != NULL ? SR_OK
                           : channel_open(&c->endpoint, &tls, deadline_ms, &c->channel, err);

    return result == SR_TIMEOUT || result == SR_IO
               ? sr_fail(err, SR_UNAVAILABLE, "cannot connect: it does not answer in time")
               : result;
}

static enum sr_result receive_answer(struct client *c, uint64_t deadline_ms, struct sr_err *err)
{
    char bytes[16384];
    enum sr_result result = SR_OK;

    answer_begin(&c->answer, &c->body);
    c->body.size_max = c->options.answer_size_max;
    while (result == SR_OK && !c->answer.done) {
        size_t size;

        result = channel_receive(c->channel, bytes, sizeof(bytes), deadline_ms, &size, err);
        if (result == SR_OK) {
            result = answer_take(&c->answer, bytes, size, err);
        }
    }
    c->body.size_max = c->options.answer_size_max + 1;
    return result;
}

/* One attempt. Its failures are what client_ask names. */
static enum sr_result attempt(struct client *c, struct sr_err *err)
{
    uint64_t deadline_ms = sr_clock_monotonic_ms() + c->options.timeout_ms;
    enum sr_result result = connect_channel(c, deadline_ms, err);

    if (result != SR_OK) {
        return result;
    }
    result = channel_send(c->channel, c->request.data, c->request.size, deadline_ms, err);
    /* A service that refuses a request early answers and closes while it is still being sent:
     * what it said is there to be read. */
    if (result == SR_OK || result == SR_CLOSED) {
        result = receive_answer(c, deadline_ms, err);
    }
    if (result != SR_OK || !c->answer.keep_alive) {
        channel_close(&c->channel);
    }
    if (result == SR_CLOSED || result == SR_TIMEOUT || result == SR_IO) {
        err->code = SR_UNKNOWN; /* its words stay */
        return SR_UNKNOWN;
    }
    return result;
}

static bool asks_to_wait(const struct answer *answer)
{
    return (answer->status == 503 || answer->status == 429) && answer->has_retry_after;
}

static void sleep_ms(uint64_t ms)
{
    struct timespec time = {.tv_sec = (time_t)(ms / 1000U),
                            .tv_nsec = (long)(ms % 1000U) * 1000000};

    (void)nanosleep(&time, NULL); /* cut short by a signal: tried earlier */
}

/* Whether to try again after the attempt that ended so, having waited; not beyond the deadline,
 * nor where the service asks for a longer pause than is left. */
static bool wait_to_repeat(const struct client *c, enum sr_result result, uint32_t *pause_ms,
                           uint64_t deadline_ms)
{
    uint64_t now = sr_clock_monotonic_ms();
    uint64_t pause = *pause_ms;

    if (result == SR_OK && c->answer.retry_after_s <= UINT32_MAX) {
        pause = c->answer.retry_after_s * 1000U;
    }
    if (now >= deadline_ms || pause > deadline_ms - now) {
        return false;
    }
    sleep_ms(pause);
    *pause_ms = *pause_ms * 2 < PAUSE_MAX_MS ? *pause_ms * 2 : PAUSE_MAX_MS;
    return true;
}

/* A connection that nobody takes is tried again only after one that was lost: the service is
 * being started again then, and is not there at all otherwise. */
static bool may_repeat(const struct client *c, enum sr_result result, bool was_lost)
{
    switch (result) {
    case SR_OK:
        return asks_to_wait(&c->answer);
    case SR_UNKNOWN:
        return !c->once;
    case SR_UNAVAILABLE:
        return was_lost;
    default:
        return false;
    }
}

static enum sr_result repeat(struct client *c, struct sr_err *err)
{
    bool kept = c->channel != NULL;
    enum sr_result result = attempt(c, err);
    uint64_t deadline_ms = sr_clock_monotonic_ms() + c->options.retry_ms;
    uint32_t pause_ms = kept ? 0 : PAUSE_FIRST_MS; /* a kept one may only have been idle */
    bool was_lost = result == SR_UNKNOWN;

    while (c->options.retry_ms > 0 && may_repeat(c, result, was_lost || c->options.seen) &&
           wait_to_repeat(c, result, &pause_ms, deadline_ms)) {
        pause_ms = pause_ms == 0 ? PAUSE_FIRST_MS : pause_ms;
        result = attempt(c, err);
        was_lost = was_lost || result == SR_UNKNOWN;
    }
    return result == SR_UNAVAILABLE && was_lost
               ? sr_fail(err, SR_UNKNOWN, "the connection was lost, and nobody answers now")
               : result;
}

enum sr_result client_ask(struct client *c, const struct client_request *request,
                          struct client_answer *ret_answer, struct sr_err *err)
{
    enum sr_result result = write_request(c, request, err);

    c->once = request->once;
    if (result == SR_OK) {
        result = repeat(c, err);
    }
    if (result == SR_OK) {
        result = sr_buffer_append(&c->body, "", 1);
    }
    if (result != SR_OK) {
        return result;
    }
    c->body.size--;
    *ret_answer = (struct client_answer){.status = c->answer.status,
                                         .replayed = c->answer.replayed,
                                         .asks_to_wait = asks_to_wait(&c->answer),
                                         .body = sr_buffer_span(&c->body)};
    return SR_OK;
}
