/*
 * The loader's questions about requests with a token: does the table know them? A queue that
 * workers fill, and one statement for many. Used by sync/loader.c alone, which has the lock
 * over the queue and the thread.
 */
#ifndef SR_SYNC_LOADER_REQUESTS_H
#define SR_SYNC_LOADER_REQUESTS_H

#include "core/dedup.h"
#include "store/store.h"

struct asked {
    struct dedup_ref ref;
    uint8_t token[RECORD_TOKEN_SIZE_MAX];
};

struct loader_requests {
    struct dedup *dedup;     /* NULL: nobody asks */
    struct dedup_ref *queue; /* ring of queue_max, owned; under the loader's lock */
    uint32_t queue_max, queue_first, queue_count;

    /* Loader thread only. */
    struct asked *batch; /* STORE_FIND_MAX; being asked about; stays when that fails */
    struct sr_span *tokens;
    bool *found;
    uint32_t batch_count;
    uint64_t now_ms;
};

/* SR_NO_MEMORY. */
enum sr_result loader_requests_init(struct loader_requests *r, struct dedup *dedup,
                                    uint32_t queue_max) SR_MUST_USE;
void loader_requests_done(struct loader_requests *r);

/* Under the lock: SR_FULL. */
enum sr_result loader_requests_queue(struct loader_requests *r,
                                     struct dedup_ref ref) SR_MUST_USE;

/* Under the lock: fills the batch with who still asks. */
void loader_requests_take(struct loader_requests *r);

/* Asks the store about the batch and answers those in it; on failure they stay. */
enum sr_result loader_requests_ask(struct loader_requests *r, struct store *store,
                                   uint64_t now_ms, struct sr_err *err) SR_MUST_USE;

#endif
