/*
 * What the engine's files share. Included by src/server/engine*.c only.
 *
 *   engine.c        open, close, requests
 *
 *   engine_batch.c  many increments as one request
 *
 *   engine_list.c   lists of counters
 *
 *   engine_flush.c  flushes that are waited for
 *
 *   engine_turn.c   turns and release
 *
 *   engine_token.c  requests with an Idempotency-Key
 *
 *   engine_stats.c  readiness, figures, ledger, the hottest keys
 */
#ifndef SR_SERVER_ENGINE_INTERNAL_H
#define SR_SERVER_ENGINE_INTERNAL_H

#include "base/buffer.h"
#include "core/record.h"
#include "server/engine.h"
#include "server/hot.h"

#include <stdatomic.h>

#define ENGINE_HELD_MAX 256U /* turns a worker tells apart; more are merged into the last */
#define CACHE_LINE 64
#define ENGINE_TOTALS_MAX (1U << 20) /* bytes: more than the largest batch has */

/* A turn whose replies are held. open[v] is the state of worker v's turn that must end first,
 * 0: none. */
struct held_turn {
    uint64_t id;
    uint64_t position;   /* must be durable */
    uint32_t open_count; /* entries of its row in `open` that are not 0 */
};

/* A key that was announced, with its hash: a key is hashed once. */
struct engine_announced {
    uint64_t hash;
    uint16_t size; /* 0: too long to be kept */
    uint8_t key[54];
};

struct engine_worker {
    /* Read by all. */
    _Alignas(CACHE_LINE) _Atomic uint64_t turn; /* number * 2 + 1 while open */
    _Atomic uint64_t epoch;                     /* of the open turn */
    _Atomic uint64_t handed;                    /* position behind its last hand-over */
    _Atomic bool holds;                         /* has held turns: wake it at progress */
    _Atomic bool waits_for_turns; /* a held turn waits for the end of another's turn */
    void (*wake)(void *context);
    void *wake_context;

    /* Counted by the worker, read by anybody. */
    _Alignas(CACHE_LINE) _Atomic uint64_t accepted;
    _Atomic uint64_t sets, deletes, overflows, waits, turns, held_count;
    _Atomic uint64_t token_hits, token_conflicts, token_mismatches;
    _Atomic uint64_t delta[2]; /* ledger: sum of what went into the slots, by epoch parity */
    _Atomic uint64_t rejected[ENGINE_REJECTION_COUNT];

    /* The worker alone. */
    _Alignas(CACHE_LINE) struct engine *engine;
    uint32_t index;
    struct counters_turn counters_turn;
    struct sr_buffer records;
    uint32_t record_count;
    size_t reserved;
    bool in_token;           /* between begin and end of a request with a token */
    struct sr_buffer totals; /* of its answer */
    uint64_t now_ms;         /* of the turn */
    uint64_t next_id, released;
    struct held_turn *held; /* ring of ENGINE_HELD_MAX */
    uint64_t *open;         /* ENGINE_HELD_MAX rows of worker_count */
    uint32_t held_first, held_size;
    struct hot_sampler hot; /* with a lock of its own over what others see */
    struct engine_announced announced[ENGINE_PREFETCH_MAX];
    uint32_t announced_count, announced_next; /* the one that is most likely asked for next */

    /* Who calls engine_sample_hot. */
    uint64_t accepted_sampled; /* `accepted` at the last call */
};

struct engine {
    struct engine_options options;
    struct engine_worker *workers;
    _Atomic uint64_t epoch;
    _Atomic bool draining;
};

/* The hash of a key, which may be one that was announced. (engine_ahead.c) */
uint64_t engine_hash(struct engine_worker *w, struct sr_span key);

/* One writer: no locked instruction needed. */
static inline void engine_bump(_Atomic uint64_t *at, uint64_t by)
{
    atomic_store_explicit(at, atomic_load_explicit(at, memory_order_relaxed) + by,
                          memory_order_relaxed);
}

/* Room in the journal and in the turn's buffer for records of `size` bytes in all, before
 * anything is counted. */
enum engine_rejection engine_make_room(struct engine_worker *w, size_t size);

/* Appends a record to the turn's; there is room. */
void engine_write_record(struct engine_worker *w, enum record_kind kind, struct sr_span key,
                         int64_t value, uint32_t generation);

/* What the table said of a request that counted nothing or whose record is written. */
enum engine_status engine_answer_of(struct engine_worker *w, enum counters_status status,
                                    const struct counters_outcome *outcome,
                                    struct engine_answer *ret_answer);
enum engine_status engine_reject(struct engine_worker *w, enum engine_rejection why,
                                 struct engine_answer *ret_answer);

/* engine_wait_over and engine_wait_end of a batch. */
bool engine_batch_wait_over(struct engine_worker *w, const struct engine_wait *wait,
                            uint64_t now_ms);
void engine_batch_wait_end(struct engine_worker *w, struct engine_wait *wait);

/* Whether a request may wait for a load. */
bool engine_store_answers(const struct engine *e, uint64_t now_ms);

/* Whether a flush that is waited for is done, or will not be in time. */
bool engine_flush_over(struct engine *e, const struct engine_flush *flush, uint64_t now_ms);

#endif
