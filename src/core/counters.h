/*
 * The counter table: key -> base (the database's value) and two pending slots by epoch parity.
 * Sharded, one lock a shard held for tens of nanoseconds; memory bounded; clean entries are a
 * cache and are evicted (clock), dirty ones never. Pure: no I/O, no clock; time is a tick
 * number.
 *
 *   entry | base | delta[0] delta[1] | generation[0] [1] | key_size flags tick | key bytes |
 *           8      16                  8                   8                     key_size
 *
 *   total = base (0 where the row is absent), then the slot of epoch o-1, then the slot of the
 *           open epoch o: an add adds, a set replaces, a delete makes it 0 and absent; a slot
 *           marked included is in the base already and is passed over.
 *
 * Two epochs are alive at most: the open one, o, and o-1 while it is not completed yet.
 * Threads: workers call increment, replace, read, hold, unpin and loading; the loader key,
 * install and load_failed; the flusher open_epoch, set_applied, collect, complete and
 * forget_bases. All may run at once.
 */
#ifndef SR_CORE_COUNTERS_H
#define SR_CORE_COUNTERS_H

#include "base/result.h"
#include "base/siphash.h"
#include "base/span.h"
#include "core/change.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct counters;

/* Names an entry while it is pinned, loading or collected; meaningless otherwise (the table may
 * move it). Never 0. */
typedef uint32_t counters_ref;

#define COUNTERS_MEMORY_MIN ((size_t)64 << 10)
#define COUNTERS_MEMORY_MAX ((size_t)32 << 30) /* what 32-bit references reach */

struct counters_options {
    size_t memory_max;              /* bytes of entries, index and bookkeeping in all */
    struct sr_siphash_key hash_key; /* random per process */
    uint32_t shard_count;           /* power of two; 0: chosen from memory_max */
};

/* What a worker's turn brings along. */
struct counters_turn {
    uint64_t epoch;     /* the turn's: open epoch o, or o-1 while that is not sealed yet */
    uint32_t tick;      /* intervals since start: ages bases */
    bool may_wait;      /* false: the store is down, answer without a total rather than wait */
    bool stale_will_do; /* the store is slow: an unknown base is waited for, a stale one is not
                         */
};

/* X(NAME, meaning) */
#define COUNTERS_STATUSES(X)                                                                   \
    X(COUNTERS_DONE, "counted or read; total is exact")                                        \
    X(COUNTERS_DONE_UNKNOWN, "counted; the total is not known (may_wait was false)")           \
    X(COUNTERS_WAIT_LOAD, "nothing counted: base unknown or stale, wait for a load and retry") \
    X(COUNTERS_WAIT_TURN, "nothing counted: retry in a later turn, whose epoch is open")       \
    X(COUNTERS_ABSENT, "read: never counted or deleted")                                       \
    X(COUNTERS_OVERFLOW, "nothing counted: the total would leave the signed 64-bit range")     \
    X(COUNTERS_SLOT_FULL, "nothing counted: the epoch's delta would leave the range")          \
    X(COUNTERS_TABLE_FULL, "nothing counted: memory bound reached and nothing to evict")       \
    X(COUNTERS_STORE_DOWN, "read: total unknown and waiting does not help")

enum counters_status {
#define COUNTERS_STATUS_ENUM(name, text) name,
    COUNTERS_STATUSES(COUNTERS_STATUS_ENUM)
#undef COUNTERS_STATUS_ENUM
};

/* Fields that the status does not name are 0. */
struct counters_outcome {
    int64_t total;       /* DONE */
    int64_t synced;      /* DONE of a read: the base, 0 where the row is absent */
    bool synced_known;   /* DONE of a read: synced means something */
    uint32_t generation; /* DONE, DONE_UNKNOWN of a change: goes into its record */
    int64_t replaced;    /* DONE of a replace: what the slot held; for the engine's ledger */
    counters_ref ref;    /* WAIT_LOAD: the entry */
    bool refresh;        /* WAIT_LOAD: the base is known, and only stale */
    bool start_load; /* WAIT_LOAD: this caller must queue ref for the loader (once a load) */
    bool pinned;     /* WAIT_LOAD: this caller holds a pin; give it back by counters_unpin
                            after the retry. False where 15 pins are out already: then nothing
                            is held, the reference is no use, and the retry may wait again. */
};

struct counters_stats {
    uint64_t keys;             /* entries */
    uint64_t dirty[2];         /* touched slots by epoch parity */
    uint64_t loading;          /* entries with a load outstanding */
    uint64_t evictions;        /* entries evicted so far */
    uint64_t memory_bytes;     /* charged now: what is resident */
    uint64_t memory_max_bytes; /* the bound */
    uint32_t shard_count;
};

/* Reserves address space; memory becomes resident as keys come. SR_NO_MEMORY, SR_INVALID. */
enum sr_result counters_open(const struct counters_options *options,
                             struct counters **ret_counters, struct sr_err *err) SR_MUST_USE;

/* Accepts NULL and leaves NULL. No other call may be running, nothing collected is valid after.
 */
void counters_close(struct counters **counters);

/* The keyed hash of a key; computed once per request and handed to the calls below. */
uint64_t counters_hash(const struct counters *c, struct sr_span key);

/* ---- workers ---- */

#define COUNTERS_PREFETCH_MAX 8U

/*
 * A hint that these keys, at most COUNTERS_PREFETCH_MAX, are asked for next. What finds a key
 * reads three places of memory one after the other, shard, slot and entry; here each is asked
 * for of all keys before the next, so that their ways from memory overlap. Changes nothing.
 * ret_hashes: COUNTERS_PREFETCH_MAX places for what counters_hash makes of them.
 */
void counters_prefetch(struct counters *c, const struct sr_span *keys, uint32_t count,
                       uint64_t *ret_hashes);

/*
 * Adds value to the turn's slot. Where the base is unknown (or older than two ticks while
 * neither slot is touched) and may_wait: WAIT_LOAD, with the entry created, pinned and marked
 * loading. Where may_wait is false a stale base is good enough (DONE) and an unknown one gives
 * DONE_UNKNOWN; with stale_will_do only an unknown one is waited for. Computed wider than 64
 * bits: a change that would move the total out of the range, or further out, is OVERFLOW; a
 * total that stays out of it although this change does not push (other instances' changes did)
 * is answered DONE_UNKNOWN.
 *
 * WAIT_TURN: the turn's epoch is o-1, slot o is touched, and either slot is a set or delete, or
 * the total at the end of o-1, which the database will see, would leave the range.
 */
enum counters_status counters_increment(struct counters *c, const struct counters_turn *turn,
                                        struct sr_span key, uint64_t hash, int64_t value,
                                        struct counters_outcome *ret_outcome) SR_MUST_USE;

/*
 * Sets (SR_CHANGE_SET) or deletes (SR_CHANGE_DELETE, value 0) in the turn's slot and raises the
 * slot's generation. Needs no base; a delete's answer does not tell whether the key was there.
 * DONE (of a delete: total 0), TABLE_FULL, WAIT_TURN where the turn's epoch is o-1 and slot o
 * is touched, SLOT_FULL where the generation stands at 2^32-1.
 */
enum counters_status counters_replace(struct counters *c, const struct counters_turn *turn,
                                      struct sr_span key, uint64_t hash,
                                      enum sr_change_kind kind, int64_t value,
                                      struct counters_outcome *ret_outcome) SR_MUST_USE;

/*
 * Reads: DONE, ABSENT, WAIT_LOAD, STORE_DOWN or TABLE_FULL (an entry is made to load into).
 * Stale bases as above. A total that does not fit 64 bits is treated as unknown: STORE_DOWN.
 */
enum counters_status counters_read(struct counters *c, const struct counters_turn *turn,
                                   struct sr_span key, uint64_t hash,
                                   struct counters_outcome *ret_outcome) SR_MUST_USE;

/*
 * Makes sure that a key has an entry, and pins it (outcome.pinned: unless 15 pins are out, see
 * there): DONE with outcome.ref, WAIT_LOAD as above (the base is unknown or stale and
 * may_wait), or TABLE_FULL.
 */
enum counters_status counters_hold(struct counters *c, const struct counters_turn *turn,
                                   struct sr_span key, uint64_t hash,
                                   struct counters_outcome *ret_outcome) SR_MUST_USE;

/* Gives back a pin that an outcome said was held. */
void counters_unpin(struct counters *c, counters_ref ref);

/* True while the load of a pinned entry is outstanding. */
bool counters_loading(struct counters *c, counters_ref ref);

/* ---- loader ---- */

/* The key of an entry that is loading; borrowed, valid until install or load_failed. No lock.
 */
struct sr_span counters_key(const struct counters *c, counters_ref ref);

enum counters_install {
    COUNTERS_INSTALLED, /* the base is set, the load ended */
    COUNTERS_STALE      /* the value is of no use: load again, the entry is still loading */
};

/*
 * Ends a load: the row's value and existence, and the writer's epoch L, of the same snapshot.
 * Slots of epochs <= L are marked included. STALE where L is below the applied epoch (compared
 * under the shard's lock, see counters_set_applied), where L is not below the open epoch (the
 * row is not ours), and once for a load that was under way when bases were forgotten.
 */
enum counters_install counters_install(struct counters *c, counters_ref ref, int64_t value,
                                       bool exists, uint64_t loaded_epoch,
                                       uint32_t tick) SR_MUST_USE;

/* Ends a load without a value: the base stays as it was (unknown, or stale). */
void counters_load_failed(struct counters *c, counters_ref ref);

/* ---- flusher ---- */

/* Publishes the open epoch, o, before any turn of it begins. Only o+1 may follow o, and only
 * when o-1 is completed; the first call may name any but 0. */
void counters_open_epoch(struct counters *c, uint64_t epoch);

/* D: the newest epoch known to be applied. Published before counters_complete of it begins. */
void counters_set_applied(struct counters *c, uint64_t epoch);
uint64_t counters_applied(const struct counters *c);

/* The sealed slot of an epoch, sorted by key. Owned by the flusher. */
struct counters_sealed {
    counters_ref *refs; /* by key */
    size_t count;
    size_t bytes; /* address space held; 4 bytes a key of it are resident, 12 while sorting */
    uint64_t epoch;
};

/*
 * Collects every key touched in `epoch`, sorted by sr_span_compare. The epoch is sealed: it was
 * followed by counters_open_epoch(epoch + 1) and no turn of it is open any more; or it is the
 * open one at the end, when no worker runs any more. SR_NO_MEMORY: nothing was collected, try
 * again later.
 */
enum sr_result counters_collect(struct counters *c, uint64_t epoch,
                                struct counters_sealed *ret_sealed,
                                struct sr_err *err) SR_MUST_USE;

/* Change i of a sealed slot; the key is borrowed until counters_complete. Takes no lock: the
 * slot is immutable. */
void counters_sealed_change(const struct counters *c, const struct counters_sealed *sealed,
                            size_t i, struct sr_change *ret_change);

/* A row's value after the flush, by sealed index. */
struct counters_base {
    int64_t value;
    uint8_t known; /* 0: forget the base (refused row, or the answer of COMMIT was lost) */
    uint8_t exists;
};

/*
 * Clears the slots of an applied epoch and takes the new bases (NULL: all unknown). A base that
 * a load marked as including this epoch is kept. Locks a shard per key only. The epoch must be
 * set as applied before. Leaves `sealed` to counters_sealed_done.
 */
void counters_complete(struct counters *c, const struct counters_sealed *sealed,
                       const struct counters_base *bases, uint32_t tick);

/* Frees the memory; accepts what was never collected, where it is all zero. */
void counters_sealed_done(struct counters_sealed *sealed);

/* Forgets all bases (the database fell back to an earlier state): they are loaded anew. Holds a
 * shard's lock for as long as it takes to walk its entries. */
void counters_forget_bases(struct counters *c);

/* ---- anybody ---- */

/* Each shard's counters are exact and of one moment, their sums are not. */
void counters_stats(struct counters *c, struct counters_stats *ret_stats);

/* Whether all invariants of every shard hold: for tests, O(table), while nothing else runs. */
bool counters_valid(struct counters *c);

#endif
