/*
 * The flusher: once per interval closes an epoch, seals it, and brings it into the store in one
 * transaction, exactly once (DESIGN section 5). One thread, one database connection. Knows
 * nothing of workers: the turns are asked through a callback.
 */
#ifndef SR_SYNC_FLUSHER_H
#define SR_SYNC_FLUSHER_H

#include "base/histogram.h"
#include "base/result.h"
#include "core/counters.h"
#include "core/dedup.h"
#include "journal/datadir.h"
#include "journal/journal.h"
#include "store/store.h"
#include "sync/event.h"

#include <stdbool.h>
#include <stdint.h>

struct flusher;

struct flusher_options {
    struct counters *counters;
    struct journal *journal;
    struct datadir *datadir;
    struct store *store;    /* borrowed; used by the flusher alone */
    uint64_t newest_epoch;  /* of the recovery: D at start */
    uint64_t open_epoch;    /* of the recovery */
    uint64_t sealed_epoch;  /* of the recovery */
    bool changes_journaled; /* false under JOURNAL_NONE: what is not flushed at the stop becomes
                               a state file */
    struct dedup *dedup;   /* the requests with a token; NULL: there are none but those in state
                              files */
    uint64_t window_ms;    /* how long the table remembers them; 0: it is not looked after */
    uint32_t interval_ms;  /* time between ticks */
    uint64_t retention_ms; /* owner tokens are kept that long after a later one was confirmed */
    /* Publishes epoch as the open one and returns true when no turn of an older epoch is open;
     * called again until true. */
    bool (*close_turns)(void *context, uint64_t epoch);
    /* The ledger's other side: the sum, modulo 2^64, of all that was counted since the start in
     * epochs of this one's parity, of which no turn is open any more. NULL: no ledger. */
    uint64_t (*accepted)(void *context, uint64_t epoch);
    /* The writer's row was claimed: the database answers, and has its tables. NULL: nobody
     * waits for that. */
    void (*claimed)(void *context);
    void *turns_context;  /* of close_turns, accepted and claimed */
    sync_event_fn *event; /* tells main what happened, for the log */
    void *event_context;
};

/* What the flusher is about; X(NAME, "text for people"). */
#define FLUSHER_STATES(X)                                                                      \
    X(FLUSHER_CONNECTING, "claiming the writer's row")                                         \
    X(FLUSHER_CAUGHT_UP, "waiting for the next interval")                                      \
    X(FLUSHER_FLUSHING, "flushing")                                                            \
    X(FLUSHER_STORE_DOWN, "database not reachable, trying again")                              \
    X(FLUSHER_STOPPED, "stopped for good: an operator must act")

enum flusher_state {
#define FLUSHER_STATE_ENUM(name, text) name,
    FLUSHER_STATES(FLUSHER_STATE_ENUM)
#undef FLUSHER_STATE_ENUM
};

const char *flusher_state_text(enum flusher_state state);

struct flusher_stats {
    enum flusher_state state;
    char reason[360]; /* why STORE_DOWN or STOPPED, else "" */
    uint64_t open_epoch, applied_epoch;
    uint64_t flushes_applied, flushes_failed, flushes_unknown, flushes_replayed;
    uint64_t rows_applied, rows_refused;
    uint64_t claims, claims_failed;
    uint64_t
        oldest_unsynced_ms;  /* age of the oldest change that is not in the database; 0: none */
    uint64_t pending_epochs; /* sealed, not applied */
    /* Requests with a token: entered into the table; taken back, since it had their token of
     * the same request already; and counted although it had it of another one. */
    uint64_t requests_synced, requests_taken_back, requests_mismatched;
    /* The ledger, modulo 2^64, of what was counted since the start: in the database; in
     * counter_refused; taken back; and what the table had lost or invented when an epoch was
     * collected, as the sum of absolute differences, which is 0. */
    uint64_t ledger_synced, ledger_refused, ledger_taken_back, ledger_mismatch;
    const struct sr_histogram *flush_ns; /* whole flush: seal to COMMIT */
    const struct sr_histogram *flush_rows;
    const struct sr_histogram
        *key_age_ms; /* of flushed keys, since their epoch's first change */
};

enum sr_result flusher_open(const struct flusher_options *options, struct flusher **ret_flusher,
                            struct sr_err *err) SR_MUST_USE;
void flusher_close(struct flusher **flusher);

/* Starts and ends the thread. After flusher_stop no epoch is in flight: everything is in the
 * store, or in the journal. */
enum sr_result flusher_start(struct flusher *flusher, struct sr_err *err) SR_MUST_USE;

/* One step on the caller's thread: for tests and the simulation, instead of flusher_start.
 * Returns how many milliseconds may pass until the next. */
uint32_t flusher_step(struct flusher *flusher);

/* True where nothing is pending: all that was counted is in the store. Between steps only. */
bool flusher_idle(struct flusher *flusher);

/* Asks for a tick now (pressure, an operator): cheap, any thread. */
void flusher_tick_soon(struct flusher *flusher);

/* A flush that somebody waits for. */
struct flusher_ticket {
    uint64_t number;                     /* 0: none */
    uint64_t rows_applied, rows_refused; /* when it was asked for */
};

/* What a flush that was waited for brought into the store. */
struct flusher_flushed {
    uint64_t epoch; /* the newest applied one */
    uint64_t rows, rows_refused;
};

/* Asks for a tick now, and for word of when all that was counted before the call is in the
 * store. Cheap, any thread. */
void flusher_flush(struct flusher *flusher, struct flusher_ticket *ret_ticket);

/* Whether it is; while the writer's row is not ours, it is not known. Any thread. */
bool flusher_flush_done(struct flusher *flusher, const struct flusher_ticket *ticket,
                        struct flusher_flushed *ret_flushed);

/* Asks for a look at the writer's row now: a load saw an epoch below the applied one. Cheap,
 * any thread. */
void flusher_look_soon(struct flusher *flusher);

/* Intervals since start: ages the bases. Any thread. */
uint32_t flusher_tick(struct flusher *flusher);

/* Seals and flushes everything until deadline_ms (monotonic) and ends the thread. SR_OK: all is
 * in the store. SR_TIMEOUT: the rest is in the journal, or, with durability none, in a state
 * file. Other: not even that, with the reason. */
enum sr_result flusher_stop(struct flusher *flusher, uint64_t deadline_ms,
                            struct sr_err *err) SR_MUST_USE;

/* True where the database is believed to answer: no operation failed since the last success and
 * none is late. Any thread. */
bool flusher_store_up(struct flusher *flusher);

void flusher_stats(struct flusher *flusher, struct flusher_stats *ret_stats);

#endif
