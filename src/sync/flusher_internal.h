/*
 * What the flusher's files share. Included by src/sync only.
 *
 *   flusher.c         what to do when, figures, back-off
 *
 *   flusher_thread.c  open, thread, stop
 *
 *   epoch.c           close, seal, collect, state file
 *
 *   ledger.c          what was counted against what was collected and synced
 *
 *   claim.c           claim and what its epoch means
 *
 *   apply.c           one epoch into the store
 */
#ifndef SR_SYNC_FLUSHER_INTERNAL_H
#define SR_SYNC_FLUSHER_INTERNAL_H

#include "sync/flusher.h"

#include <pthread.h>
#include <stdatomic.h>

/* How far the closing of an epoch has come. */
enum epoch_phase {
    EPOCH_OPEN,    /* nothing under way */
    EPOCH_CLOSING, /* the next epoch is published; turns of this one may be open */
    EPOCH_SEALING, /* the seal record is handed over, not durable yet */
    EPOCH_SEALED   /* the slot is immutable; it waits for the store */
};

struct flusher {
    struct flusher_options options;

    /* Flusher thread only. */
    enum epoch_phase phase;
    uint64_t open_epoch;
    uint64_t last_sealed; /* end of the chain: newest epoch that is sealed or in a state file */
    uint64_t slot_epoch;  /* CLOSING and later: the epoch that is being closed or flushed */
    uint64_t slot_predecessor;
    uint64_t seal_position;
    struct counters_sealed sealed; /* SEALED: its keys */
    bool is_collected, state_written;
    bool bases_valid; /* of the last attempt: all values were read, COMMIT was not answered */
    struct counters_base *bases; /* values that wait aside until COMMIT is known */
    size_t bases_bytes;
    uint64_t refused_sum;  /* ledger: of the rows that the last attempt saw refused */
    uint64_t taken_sum;    /* ledger: of what the last attempt took back */
    uint64_t sealed_sum;   /* ledger: of the sealed slot */
    uint64_t collected[2]; /* ledger: of all slots so far, by epoch parity */
    uint64_t applied;      /* L, as of the last claim or flush; meaningful once claimed */
    bool applied_known;
    bool claimed;
    struct sr_uuid owner;  /* confirmed token: fences carry it */
    uint64_t flush_noted;  /* newest ticket that a tick has seen */
    uint64_t flush_target; /* applied: everything is that was counted before it */
    uint64_t next_tick_ms, retry_at_ms, next_look_ms, next_compact_ms;
    uint32_t retry_ms;
    uint64_t down_since_ms; /* first failure without a success since; 0: none */
    uint64_t retention_clock_ms, contact_ms; /* see contact() */
    uint64_t flush_started_ns, slot_closed_ms;
    uint64_t journal_failures; /* told so far */
    bool journal_failed;       /* told, and not told as mended */
    uint32_t random_state;

    struct sr_histogram flush_ns, flush_rows, key_age_ms;

    /* Any thread. */
    _Atomic bool store_up;
    _Atomic uint32_t tick;
    _Atomic uint64_t flush_asked, flush_done; /* tickets */
    _Atomic bool tick_wanted, look_wanted, stopping, abandoned;
    pthread_mutex_t lock; /* leaf: stats and the condition */
    pthread_cond_t wake;
    struct flusher_stats stats;
    uint64_t clean_seen_ms[2], dirty_since_ms[2]; /* by parity; under lock */
    pthread_t thread;
    bool thread_running, thread_done;
};

/* Time of the flusher's clock (the disk's, so that tests and simulation can stand in). */
uint64_t flusher_now_ms(struct flusher *f);

/* ---- flusher.c ---- */
#define FLUSHER_RETRY_FIRST_MS 50U
bool flusher_stopped_for_good(struct flusher *f);
void flusher_publish_stats(struct flusher *f);
void flusher_event(struct flusher *f, enum sync_event_level level, const char *name,
                   const char *text, uint64_t epoch, uint64_t rows, uint64_t elapsed_ms);
void flusher_set_state(struct flusher *f, enum flusher_state state, const char *reason);
/* The store answered: it is up, and the retention clock runs since the last contact. */
void flusher_contact(struct flusher *f);
/* The store failed: claim again after a back-off with jitter. */
void flusher_store_failed(struct flusher *f, enum sr_result why, const struct sr_err *err);
/* For good: an operator must act. */
void flusher_stop_for_good(struct flusher *f, const char *why);

/* ---- epoch.c ---- */
/* Advances the closing of an epoch as far as it goes without waiting; true when another call
 * should follow soon. */
bool flusher_epoch_step(struct flusher *f);
void flusher_epoch_begin_close(struct flusher *f);
/* The slot's epoch is in the store: bases are taken (bases false: forgotten), the slot is free.
 */
void flusher_epoch_complete(struct flusher *f, bool bases_known);
/* Tries to write the sealed slot's state file where that has not succeeded yet. */
void flusher_epoch_write_state(struct flusher *f);
/* Without a journal of changes: the open epoch becomes a state file at the stop. */
enum sr_result flusher_epoch_save_open(struct flusher *f, struct sr_err *err);
/* The requests with a token of an epoch that is not open any more, or NULL. */
struct request_log *flusher_requests(struct flusher *f, uint64_t epoch);
bool flusher_epoch_dirty(struct flusher *f, uint64_t epoch);

/* ---- ledger.c ---- */
/* Sums the slot that was just collected and compares it with what the workers say they counted.
 */
void flusher_ledger_collected(struct flusher *f);
/* The slot is in the store, but for the refused rows. */
void flusher_ledger_synced(struct flusher *f);

/* ---- claim.c ---- */
void flusher_claim(struct flusher *f);
void flusher_look(struct flusher *f);

/* ---- apply.c ---- */
/* Brings the next epoch of the chain into the store. */
void flusher_apply_next(struct flusher *f);

#endif
