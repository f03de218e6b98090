/*
 * The loader: gathers the misses of all workers into one statement and brings the bases into
 * the table (DESIGN section 5, Misses). One thread, one database connection of its own, no
 * claim.
 */
#ifndef SR_SYNC_LOADER_H
#define SR_SYNC_LOADER_H

#include "base/histogram.h"
#include "base/result.h"
#include "core/counters.h"
#include "core/dedup.h"
#include "store/store.h"
#include "sync/event.h"

#include <stdbool.h>
#include <stdint.h>

struct loader;

struct loader_options {
    struct counters *counters;
    struct dedup *dedup; /* requests with a token; NULL: nobody asks about them */
    struct store *store; /* borrowed; used by the loader alone */
    uint32_t queue_max;  /* keys waiting at most; 0: 65,536 */
    uint32_t batch_max;  /* keys a statement; 0: 1,000 */
    uint32_t late_ms; /* loads that have not succeeded for longer: "the store does not answer";
                         0: 1,000 */
    uint32_t (*tick)(void *context); /* the current tick, for the age of bases */
    void (*claim_soon)(
        void *context); /* a load saw an epoch below the applied one: flusher, look again */
    uint64_t (*now_ms)(void *context); /* monotonic; NULL: the clock of the machine */
    void (*loaded)(
        void *context); /* a batch is in (or failed): wakes workers with waiting requests */
    void *context;
    sync_event_fn *event;
    void *event_context;
};

struct loader_stats {
    uint64_t asked; /* questions about requests answered */
    uint64_t queued, loaded_keys, batches, failures, stale;
    const struct sr_histogram *batch_keys;
};

enum sr_result loader_open(const struct loader_options *options, struct loader **ret_loader,
                           struct sr_err *err) SR_MUST_USE;
void loader_close(struct loader **loader);
enum sr_result loader_start(struct loader *loader, struct sr_err *err) SR_MUST_USE;

/* Ends the thread; loads outstanding are failed. */
void loader_stop(struct loader *loader);

/* Queues a load that an outcome said this caller must start. SR_FULL: the queue is full; the
 * caller ends the load by counters_load_failed and answers 503. */
enum sr_result loader_queue(struct loader *loader, counters_ref ref) SR_MUST_USE;

/* Queues the question whether the table knows a request whose entry is ASKING. SR_FULL: the
 * queue is full; the caller abandons the request and answers 503. */
enum sr_result loader_ask(struct loader *loader, struct dedup_ref ref) SR_MUST_USE;

/* The database answered the flusher: a load that failed is not worth a pause any more. Any
 * thread. */
void loader_hurry(struct loader *loader);

/* Loads one batch on the caller's thread, without waiting: for tests and the simulation,
 * instead of loader_start. False: nothing was queued. */
bool loader_step(struct loader *loader);

/* Whether loads are answered in time now (now_ms: monotonic). Any thread, two relaxed reads. */
bool loader_answers(struct loader *loader, uint64_t now_ms);

/* Whether loads are answered so soon that a total which is known, but old, is worth a wait. Any
 * thread, one relaxed read. */
bool loader_prompt(struct loader *loader, uint64_t now_ms);

void loader_stats(struct loader *loader, struct loader_stats *ret_stats);

#endif
