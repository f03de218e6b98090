/*
 * Batches out: added by one request each, with an Idempotency-Key; import_set.c sets them.
 */
#include "command/import_send.h"

#include "base/clock.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#define PAUSE_MS 200U

enum sr_result import_send_open(struct import_send *s, unsigned connections, struct sr_err *err)
{
    struct client_options options = client_command_options(s->command);
    enum sr_result result = SR_OK;

    options.retry_ms = s->retry_ms;
    options.seen = true;
    s->connections = connections;
    for (unsigned i = 0; i < connections && result == SR_OK; i++) {
        result = client_open(&options, &s->clients[i], err);
    }
    return result;
}

void import_send_close(struct import_send *s)
{
    for (unsigned i = 0; i < SENDER_CONNECTIONS_MAX; i++) {
        client_close(&s->clients[i]);
    }
}

static void pause_a_little(void)
{
    struct timespec time = {.tv_nsec = PAUSE_MS * 1000000L};

    (void)nanosleep(&time, NULL); /* cut short by a signal: tried earlier */
}

/* A batch that is beyond a limit of the service, for which no waiting helps. */
static bool is_too_large(const struct client_answer *answer, enum sr_result result)
{
    return result == SR_REFUSED &&
           (answer->status == 413 || (answer->status == 429 && !answer->asks_to_wait));
}

/* What went wrong, with the lines that it is about: the service names an item by its place in
 * the batch. */
static enum sr_result name_lines(const struct import_send *s, const struct batch *batch,
                                 struct sr_err *err)
{
    const struct sr_err why = *err;
    unsigned item = 0;
    int size = 0;

    if (sscanf(why.text, "item %u: %n", &item, &size) == 1 && size > 0 && item < batch->items) {
        return sr_fail(err, why.code,
                       "%.80s: line %" PRIu64 ": %.140s; none of the lines %" PRIu64
                       " to %" PRIu64 " was counted",
                       s->name, batch->numbers[item], why.text + size, batch->numbers[0],
                       batch->numbers[batch->items - 1]);
    }
    return sr_fail(err, why.code, "%.80s: lines %" PRIu64 " to %" PRIu64 ": %.200s", s->name,
                   batch->numbers[0], batch->numbers[batch->items - 1], why.text);
}

/* The same batch is being counted: by a run of this command that was killed a moment ago, or by
 * an attempt of this one that was given up. */
static bool is_running(const struct client_answer *answer, const struct sr_err *err)
{
    return answer->status == 409 && strncmp(err->text, "item ", 5) != 0;
}

static enum sr_result add_batch(struct import_send *s, struct client *client,
                                const struct batch *batch, struct sr_err *err)
{
    uint64_t deadline_ms = sr_clock_monotonic_ms() + s->retry_ms;
    char token[TOKEN_SIZE];
    struct client_request request = {.method = "POST",
                                     .target = "/increment",
                                     .content_type = "application/x-ndjson",
                                     .prefer = "return=minimal",
                                     .idempotency_key = token,
                                     .body = sr_buffer_span(&batch->body)};
    struct client_answer answer;
    enum sr_result result;

    token_write(s->prefix, batch->numbers[0], token);
    for (;;) {
        yyjson_doc *doc = NULL;

        result = client_command_try(s->command, client, &request, &answer, &doc, err);
        yyjson_doc_free(doc);
        if (result == SR_OK || !is_running(&answer, err) ||
            sr_clock_monotonic_ms() >= deadline_ms) {
            break;
        }
        pause_a_little();
    }
    if (is_too_large(&answer, result)) {
        const struct sr_err why = *err;

        return sr_fail(err, why.code, "%.200s; give a smaller --batch", why.text);
    }
    if (result == SR_OK) {
        atomic_fetch_add(answer.replayed ? &s->replayed : &s->counted, batch->items);
    }
    return result;
}

enum sr_result import_send_batch(void *context, unsigned connection, const struct batch *batch,
                                 struct sr_err *err)
{
    struct import_send *s = context;
    enum sr_result result = s->sets ? import_set_batch(s, batch, err)
                                    : add_batch(s, s->clients[connection], batch, err);

    return result == SR_OK ? SR_OK : name_lines(s, batch, err);
}
