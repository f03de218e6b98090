/*
 * Questions about requests with a token.
 */
#include "sync/loader_requests.h"

#include "store/store_meter.h"

#include <stdlib.h>

enum sr_result loader_requests_init(struct loader_requests *r, struct dedup *dedup,
                                    uint32_t queue_max)
{
    *r = (struct loader_requests){.dedup = dedup, .queue_max = queue_max};
    if (dedup == NULL) {
        return SR_OK;
    }
    r->queue = calloc(queue_max, sizeof(*r->queue));
    r->batch = calloc(STORE_FIND_MAX, sizeof(*r->batch));
    r->tokens = calloc(STORE_FIND_MAX, sizeof(*r->tokens));
    r->found = calloc(STORE_FIND_MAX, sizeof(*r->found));
    return r->queue == NULL || r->batch == NULL || r->tokens == NULL || r->found == NULL
               ? SR_NO_MEMORY
               : SR_OK;
}

void loader_requests_done(struct loader_requests *r)
{
    free(r->queue);
    free(r->batch);
    free(r->tokens);
    free(r->found);
}

enum sr_result loader_requests_queue(struct loader_requests *r, struct dedup_ref ref)
{
    if (r->queue_count == r->queue_max) {
        return SR_FULL;
    }
    r->queue[(r->queue_first + r->queue_count) % r->queue_max] = ref;
    r->queue_count++;
    return SR_OK;
}

/* Those that gave up meanwhile are passed over: what they asked is answered at the flush. */
void loader_requests_take(struct loader_requests *r)
{
    while (r->queue_count > 0 && r->batch_count < STORE_FIND_MAX) {
        struct asked *asked = &r->batch[r->batch_count];
        size_t size;

        asked->ref = r->queue[r->queue_first];
        r->queue_first = (r->queue_first + 1) % r->queue_max;
        r->queue_count--;
        size = dedup_token(r->dedup, asked->ref, asked->token);
        if (size > 0) {
            r->tokens[r->batch_count] = (struct sr_span){.data = asked->token, .size = size};
            r->batch_count++;
        }
    }
}

static void take_found(void *context, size_t index, const struct store_request *request)
{
    struct loader_requests *r = context;
    struct dedup_answer answer = {.status = request->status,
                                  .totals_known = request->totals_known,
                                  .totals = request->totals};

    r->found[index] = true;
    dedup_found(r->dedup, r->batch[index].ref, request->request_hash, &answer, r->now_ms);
}

enum sr_result loader_requests_ask(struct loader_requests *r, struct store *store,
                                   uint64_t now_ms, struct sr_err *err)
{
    enum sr_result result;

    r->now_ms = now_ms;
    for (uint32_t i = 0; i < r->batch_count; i++) {
        r->found[i] = false;
    }
    result = store->ops->find_requests(store, r->tokens, r->batch_count, take_found, r, err);
    if (result == SR_NOT_FOUND) {
        result = SR_OK; /* no tables yet: the first claim makes them, empty */
    }
    if (result != SR_OK) {
        return result;
    }
    for (uint32_t i = 0; i < r->batch_count; i++) {
        if (!r->found[i]) {
            dedup_absent(r->dedup, r->batch[i].ref);
        }
    }
    store_meter_decoded(store);
    r->batch_count = 0;
    return SR_OK;
}
