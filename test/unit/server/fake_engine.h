/*
 * An engine of which the test decides when turns are released and loads are in. It stands in
 * for src/server/engine.c at link time. One lock over everything: the test's thread and the
 * workers may call at any time.
 *
 * Keys say what happens: "wait..." waits for fake_engine_load, "turn..." waits for the next
 * turn once, "unknown..." is counted without a total, "over..." overflows, "full..." is
 * rejected. Idempotency-Keys have their own meanings, see engine_token_begin.
 */
#ifndef SR_TEST_SERVER_FAKE_ENGINE_H
#define SR_TEST_SERVER_FAKE_ENGINE_H

#include "server/engine.h"

#include <stdbool.h>
#include <stdint.h>

struct engine *fake_engine_new(uint32_t worker_count);
void fake_engine_free(struct engine *engine);

/* From now on turns stay held until fake_engine_release. */
void fake_engine_hold(struct engine *engine);

/* Releases all turns that have ended, and all that will until the next fake_engine_hold. */
void fake_engine_release(struct engine *engine);

/* Ends the waiting of all "wait..." keys, now and later. */
void fake_engine_load(struct engine *engine);

/* Keys and tokens that wait do so from now on. */
void fake_engine_unload(struct engine *engine);

/* Readiness; NULL: ready. */
void fake_engine_unready(struct engine *engine, const char *reason);

/* The total of a key, 0 where there is none. */
int64_t fake_engine_total(struct engine *engine, const char *key);

/* What the engine saw. */
struct fake_engine_seen {
    uint64_t increments; /* counted */
    uint64_t attempts;   /* requests given, waiting ones included */
    uint64_t prefetched; /* keys that were announced */
    uint64_t turns_begun, turns_ended, turns_held;
    int64_t pins;   /* waits not given back */
    int64_t tokens; /* requests with a token that are neither answered nor dropped */
    struct lister_request
        listed; /* the last list that was asked for; its limit alone is valid */
};

struct fake_engine_seen fake_engine_seen(struct engine *engine);

#endif
