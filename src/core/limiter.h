/*
 * How fast each client may go: the generic cell rate algorithm (GCRA, ITU-T I.371) with one
 * number per client, in a fixed table that all workers share. Pure but for its locks: time is
 * an argument, the hash key too.
 *
 * Exact: between any two moments no client passes more than burst + rate x time requests. A
 * client's number is when it will have its whole burst back; once that is past the client is
 * like one never seen, so its place is free again and forgetting it loses nothing.
 *
 * A client has its place in one set of LIMITER_WAYS by its hash. Where all of them are taken by
 * clients that have not got their burst back, the others of the set share one allowance, the
 * crowd's: none of them passes more than one client could. Who gets a place of its own
 * afterwards starts from what the crowd has used, so that the bound holds across the move.
 */
#ifndef SR_CORE_LIMITER_H
#define SR_CORE_LIMITER_H

#include "base/result.h"
#include "base/siphash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LIMITER_WAYS 7          /* clients of a set */
#define LIMITER_SETS (1U << 14) /* 114,688 clients in 2 MiB */
/* Until a spent burst is there again, at most: 30 days. */
#define LIMITER_BURST_NS_MAX ((uint64_t)30 * 86400 * 1000000000U)

struct limiter_options {
    uint64_t interval_ns; /* between two requests at the rate, at least 1 */
    uint32_t burst;       /* requests that may come at once, at least 1; as time (burst x
                             interval) LIMITER_BURST_NS_MAX at most */
    uint32_t sets;        /* a power of two: LIMITER_SETS, fewer in tests */
    struct sr_siphash_key hash_key;
};

/* What became of a request, and what its client has left. */
struct limiter_verdict {
    bool passed;
    bool crowded;       /* judged by the allowance that its set's clients without place share */
    uint32_t remaining; /* requests that would pass now */
    uint64_t retry_ns;  /* until this request would pass; 0: it did; UINT64_MAX: never, it
                           costs more than the burst */
    uint64_t restored_ns; /* until the whole burst is there again */
};

struct limiter;

/* SR_NO_MEMORY. */
enum sr_result limiter_open(const struct limiter_options *options, struct limiter **ret_limiter,
                            struct sr_err *err) SR_MUST_USE;
void limiter_close(struct limiter **limiter);

/* Takes `cost` (at least 1) from the client's allowance if it has that much. now_ns is of one
 * monotonic clock, which threads may read at different moments before they call. Any thread. */
struct limiter_verdict limiter_take(struct limiter *limiter, uint64_t client, uint32_t cost,
                                    uint64_t now_ns);

/* Gives back what a limiter_take that passed at taken_ns took: what was let pass with it was
 * not done after all. Less what the rate has restored since by anybody's clock, which others
 * may have used already: so the bound holds over any interval. crowded: of that verdict. */
void limiter_give(struct limiter *limiter, uint64_t client, uint32_t cost, bool crowded,
                  uint64_t taken_ns);

/* What limiter_take would say; takes nothing. */
struct limiter_verdict limiter_look(struct limiter *limiter, uint64_t client, uint32_t cost,
                                    uint64_t now_ns);

/* Bytes that the table has, whoever asks. */
size_t limiter_memory(const struct limiter *limiter);

#endif
