/*
 * A batch of totals that are set: a request each, over several connections at once. Of one key
 * all lines go over one connection, in their order, so that the last total stays.
 */
#include "command/import_send.h"

#include "base/check.h"
#include "base/siphash.h"
#include "http/body.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>

/* One connection's part of the batch. */
struct share {
    struct import_send *send;
    const struct batch *batch;
    unsigned number;      /* of the connection */
    atomic_bool *stopped; /* something failed: nobody goes on */
    pthread_t thread;
    enum sr_result result;
    struct sr_err err;
};

static enum sr_result set_one(struct import_send *s, struct client *client,
                              const struct http_increment *pair, struct sr_err *err)
{
    char target[CLIENT_TARGET_SIZE] = "/counters/";
    char key[CLIENT_KEY_SIZE];
    char body[64];
    struct client_request request = {.method = "PUT",
                                     .target = target,
                                     .content_type = "application/json",
                                     .prefer = "return=minimal"};
    struct client_answer answer;
    yyjson_doc *doc = NULL;
    enum sr_result result;

    memcpy(key, pair->key.data, pair->key.size);
    key[pair->key.size] = '\0';
    (void)client_target_append(target, key); /* any key fits */
    (void)snprintf(body, sizeof(body), "{\"value\":%" PRId64 "}", pair->value);
    request.body = sr_span_text(body);
    result = client_command_try(s->command, client, &request, &answer, &doc, err);
    yyjson_doc_free(doc);
    return result;
}

static bool is_mine(const struct share *share, struct sr_span key)
{
    static const struct sr_siphash_key any = {
        0}; /* who is slowed down chose the keys himself */

    return sr_siphash13(&any, key) % share->send->connections == share->number;
}

static enum sr_result set_item(struct share *share, struct http_body_scratch *scratch,
                               struct sr_span line, uint32_t item)
{
    struct http_increment pair;
    struct http_body_error error;
    struct sr_err why;
    enum sr_result result = http_body_json(scratch, line, &pair, &error);

    if (result != SR_OK) {
        return sr_fail(&share->err, SR_INVALID, "line %" PRIu64 ": %s",
                       share->batch->numbers[item], error.message);
    }
    if (!is_mine(share, pair.key)) {
        return SR_OK;
    }
    result = set_one(share->send, share->send->clients[share->number], &pair, &why);
    return result == SR_OK ? SR_OK
                           : sr_fail(&share->err, result, "line %" PRIu64 ": %.200s",
                                     share->batch->numbers[item], why.text);
}

static enum sr_result set_items(struct share *share, struct http_body_scratch *scratch)
{
    struct sr_span rest = sr_buffer_span(&share->batch->body);
    enum sr_result result = SR_OK;

    for (uint32_t item = 0; rest.size > 0 && result == SR_OK && !atomic_load(share->stopped);
         item++) {
        const uint8_t *stop = memchr(rest.data, '\n', rest.size); /* each line has one */
        struct sr_span line = {.data = rest.data, .size = (size_t)(stop - rest.data)};

        result = set_item(share, scratch, line, item);
        rest.data += line.size + 1;
        rest.size -= line.size + 1;
    }
    return result;
}

static void *set_share(void *context)
{
    struct share *share = context;
    struct http_body_scratch scratch;

    share->result = http_body_scratch_init(&scratch);
    if (share->result != SR_OK) {
        (void)sr_fail(&share->err, share->result, "out of memory");
    } else {
        share->result = set_items(share, &scratch);
    }
    http_body_scratch_done(&scratch);
    if (share->result != SR_OK) {
        atomic_store(share->stopped, true);
    }
    return NULL;
}

/* Connection 0's share is the calling thread's. */
static void run_shares(struct share *shares, unsigned count)
{
    unsigned started = 1;

    while (started < count &&
           pthread_create(&shares[started].thread, NULL, set_share, &shares[started]) == 0) {
        started++;
    }
    (void)set_share(&shares[0]);
    for (unsigned i = 1; i < started; i++) {
        SR_CHECK(pthread_join(shares[i].thread, NULL) == 0);
    }
    for (unsigned i = started; i < count; i++) {
        (void)set_share(&shares[i]); /* no thread for it: after the others */
    }
}

enum sr_result import_set_batch(struct import_send *s, const struct batch *batch,
                                struct sr_err *err)
{
    struct share shares[SENDER_CONNECTIONS_MAX];
    atomic_bool stopped = false;

    SR_CHECK(s->connections > 0 && s->connections <= SENDER_CONNECTIONS_MAX);
    for (unsigned i = 0; i < s->connections; i++) {
        shares[i] = (struct share){.send = s, .batch = batch, .number = i, .stopped = &stopped};
    }
    run_shares(shares, s->connections);
    for (unsigned i = 0; i < s->connections; i++) {
        if (shares[i].result != SR_OK) {
            *err = shares[i].err;
            return shares[i].result;
        }
    }
    atomic_fetch_add(&s->counted, batch->items);
    return SR_OK;
}
