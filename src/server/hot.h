/*
 * The hottest keys of all workers by their rate. Each worker puts one of so many of the keys
 * that it counts into a basket of its own (hot_count: two instructions for the others); once a
 * second the baskets are emptied into one sketch (core/hot_keys.h), which ages. The rarer the
 * samples the busier a worker is: what they cost is bounded by HOT_SAMPLES_PER_TICK, and below
 * that rate every increment is looked at.
 */
#ifndef SR_SERVER_HOT_H
#define SR_SERVER_HOT_H

#include "base/buffer.h"
#include "base/result.h"
#include "base/span.h"
#include "core/counters.h"
#include "core/hot_keys.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#define HOT_KEYS_MAX 512U             /* keys that the sketch holds */
#define HOT_TOP_MAX 100U              /* keys that can be asked for */
#define HOT_SAMPLES_PER_TICK 2000U    /* of a worker, about */
#define HOT_BASKET_BYTES (256U << 10) /* of a worker's samples; beyond it they are dropped */
#define HOT_SECONDS 10U               /* over which rates are averaged */

/* A worker's part. */
struct hot_sampler {
    /* The worker alone. */
    uint32_t left;   /* increments until the next one that is looked at */
    uint32_t period; /* one of so many, about: as it was last seen */
    uint64_t random; /* xorshift64*: which one of so many */

    _Atomic uint32_t wanted_period; /* set by the tick */

    pthread_mutex_t lock;   /* over what follows; no other lock is taken under it */
    struct sr_buffer keys;  /* samples: two bytes of size, then the key */
    struct sr_buffer spare; /* the tick's: exchanged for `keys` */
    uint32_t taken;         /* samples since the last tick, those dropped included */
    uint32_t dropped;
};

void hot_sampler_init(struct hot_sampler *sampler, uint32_t seed);
void hot_sampler_done(struct hot_sampler *sampler);

/* Slow part of hot_count. */
void hot_sample(struct hot_sampler *sampler, struct sr_span key);

/* One increment of a key was counted. The worker's thread. */
static inline void hot_count(struct hot_sampler *sampler, struct sr_span key)
{
    if (--sampler->left == 0) {
        hot_sample(sampler, key);
    }
}

/* Takes a new period over, if there is one: else a worker that was busy and is not any more
 * would be blind for long. The worker's thread, once a turn. */
void hot_redraw(struct hot_sampler *sampler);

static inline void hot_look(struct hot_sampler *sampler)
{
    if (sampler->period !=
        atomic_load_explicit(&sampler->wanted_period, memory_order_relaxed)) {
        hot_redraw(sampler);
    }
}

/* ---- all workers' ---- */

struct hot_board {
    pthread_mutex_t lock; /* over what follows; no other lock is taken under it */
    struct hot_keys *keys;
    const struct counters *counters; /* borrowed: hashes keys */
    double seconds;                  /* that the sketch covers, aged like its counts */
    uint32_t sampled;                /* one of so many increments, at the last tick */
};

struct hot_row {
    struct sr_span key;
    double rate; /* increments per second: at most by `error` too high */
    double error;
};

struct hot_top {
    double rate; /* of all keys */
    uint32_t sampled;
    uint32_t count;
    struct hot_row rows[HOT_TOP_MAX];
};

/* SR_NO_MEMORY. */
enum sr_result hot_board_init(struct hot_board *board, const struct counters *counters,
                              struct sr_err *err) SR_MUST_USE;

/* Accepts what was never initialised, where it is all zero. */
void hot_board_done(struct hot_board *board);

/* Everything held ages by `seconds`; before the baskets of a tick. */
void hot_board_age(struct hot_board *board, double seconds);

/* Empties a worker's basket, whose samples stand for the `counted` increments of that worker
 * since they were last taken. False where there is no sample: they are not taken, give them
 * again with the next ones. One thread at a time. */
bool hot_board_take(struct hot_board *board, struct hot_sampler *sampler, uint64_t counted);

/* The hottest keys, at most `limit`, those below a rate of 0.05 left out. Their keys are
 * borrowed until hot_board_release, which is due: the board is locked meanwhile. */
void hot_board_top(struct hot_board *board, uint32_t limit, struct hot_top *ret_top);
void hot_board_release(struct hot_board *board);

#endif
