/*
 * The engine: the one place that orders check, count, journal, acknowledge (DESIGN section 4).
 * A worker thread brings requests in turns; the engine counts them in the table, hands the
 * turn's records to the journal, and says when the turn's replies may leave. No sockets, no
 * clock, no threads of its own: also run by the simulation.
 *
 *   engine_turn_begin(w)
 *     engine_increment(w, ...) / engine_set, _delete, _read(w, ...)      any number
 *   engine_turn_end(w) -> turn id
 *   ... later, woken by the worker's eventfd ...
 *   engine_released(w) -> all turns with id < this may send their replies (reads and errors
 * included)
 */
#ifndef SR_SERVER_ENGINE_H
#define SR_SERVER_ENGINE_H

#include "base/result.h"
#include "base/span.h"
#include "core/counters_batch.h"
#include "core/dedup.h"
#include "journal/journal.h"
#include "sync/flusher.h"
#include "sync/lister.h"
#include "sync/loader.h"

#include <stdbool.h>
#include <stdint.h>

struct engine;
struct hot_board;
struct engine_worker; /* one per worker thread, used by that thread alone unless said */

/* Why an attempt was answered 503; X(NAME, "metric label", "message for people"). */
#define ENGINE_REJECTIONS(X)                                                                   \
    X(ENGINE_REJECT_NONE, "none", "")                                                          \
    X(ENGINE_REJECT_JOURNAL_FULL, "journal_full",                                              \
      "The journal is full: nothing was counted. Please retry.")                               \
    X(ENGINE_REJECT_JOURNAL_FAILED, "journal_failed",                                          \
      "The journal cannot be written: nothing was counted. Please retry.")                     \
    X(ENGINE_REJECT_QUEUE_FULL, "queue_full",                                                  \
      "Too much is waiting for the disk: nothing was counted. Please retry.")                  \
    X(ENGINE_REJECT_TABLE_FULL, "table_full",                                                  \
      "The memory limit is reached by keys that are not synced: nothing was counted. "         \
      "Please retry.")                                                                         \
    X(ENGINE_REJECT_SLOT_FULL, "slot_full",                                                    \
      "This key's unsynced change is at its limit: nothing was counted. Please retry.")        \
    X(ENGINE_REJECT_LOADER_FULL, "loader_full",                                                \
      "Too many keys are being loaded: nothing was counted. Please retry.")                    \
    X(ENGINE_REJECT_LISTER_FULL, "lister_full",                                                \
      "Too many lists are being made. Please retry.")                                          \
    X(ENGINE_REJECT_WINDOW_FULL, "idempotency_window_full",                                    \
      "The window of idempotency keys is full: nothing was counted. Please retry.")            \
    X(ENGINE_REJECT_STORE_DOWN, "store_down",                                                  \
      "The database does not answer, and memory alone cannot tell. Please retry.")             \
    X(ENGINE_REJECT_DRAINING, "draining", "The service is stopping. Please retry.")

enum engine_rejection {
#define ENGINE_REJECTION_ENUM(name, label, text) name,
    ENGINE_REJECTIONS(ENGINE_REJECTION_ENUM)
#undef ENGINE_REJECTION_ENUM
        ENGINE_REJECTION_COUNT
};

const char *engine_rejection_label(enum engine_rejection rejection);
const char *engine_rejection_message(enum engine_rejection rejection);

enum engine_status {
    ENGINE_DONE,         /* 200 */
    ENGINE_DONE_UNKNOWN, /* 202, total null */
    ENGINE_WAIT,   /* nothing counted: keep the request, give it again when engine_wait_over */
    ENGINE_ABSENT, /* 404 */
    ENGINE_OVERFLOW, /* 409 */
    ENGINE_REJECTED  /* 503 with the rejection */
};

/* A flush that was asked for. */
struct engine_flush {
    struct flusher_ticket ticket;
    uint64_t asked_ms;
};

/* A request that waits. Held by the connection; engine_wait_end before every retry and when its
 * connection goes. */
struct engine_wait {
    counters_ref ref;
    bool pinned;
    bool refresh;   /* the load only renews a known total: over if it is slow */
    bool for_turn;  /* waits for a later turn only: over at once */
    bool for_token; /* waits for what the table knows of `token` */
    struct dedup_ref token;
    struct counters_batch *batch; /* NULL, or what waits, with its pins; borrowed */
    const struct lister_job *job; /* NULL, or the list that is waited for; borrowed */
    struct engine_flush flush;    /* its number 0, or the flush that is waited for */
};

struct engine_answer {
    int64_t total;
    int64_t synced;
    bool synced_known;
    enum engine_rejection rejection; /* REJECTED */
    uint32_t item;                   /* OVERFLOW of a batch: which one */
    struct engine_wait wait;         /* WAIT */
};

struct engine_options {
    struct counters *counters;
    struct journal *journal;
    struct dedup *dedup;     /* requests with an Idempotency-Key; NULL: none will come */
    struct flusher *flusher; /* may be set later by engine_attach */
    struct loader *loader;
    struct lister *lister; /* set by engine_attach_lister */
    uint32_t worker_count;
    enum journal_durability durability;
    uint64_t ready_lag_max_ms; /* 0: off */
};

struct engine_stats {
    uint64_t increments_accepted; /* counted */
    uint64_t delta_accepted;      /* ledger: sum of all changes to slots, modulo 2^64 */
    uint64_t sets_accepted, deletes_accepted;
    uint64_t rejected[ENGINE_REJECTION_COUNT];
    uint64_t overflows, waits, turns;
    /* Requests with a token: answered again; refused while the first runs; refused since the
     * token is another request's. */
    uint64_t token_hits, token_conflicts, token_mismatches;
    uint64_t replies_held; /* turns not released yet, all workers */
};

enum sr_result engine_open(const struct engine_options *options, struct engine **ret_engine,
                           struct sr_err *err) SR_MUST_USE;
void engine_close(struct engine **engine);

/* Flusher and loader are built after the engine (they call it back): given before the first
 * turn, with the epoch that is open then. */
void engine_attach(struct engine *engine, struct flusher *flusher, struct loader *loader,
                   uint64_t open_epoch);

/* The same for the lister. */
void engine_attach_lister(struct engine *engine, struct lister *lister);

/* The worker's part, owned by the engine. wake is called from other threads when
 * engine_released may have moved or a load came in; it must be cheap and must not block (write
 * to an eventfd). Set before the first turn. */
struct engine_worker *engine_worker(struct engine *engine, uint32_t index);
void engine_worker_on_wake(struct engine_worker *w, void (*wake)(void *context), void *context);

void engine_turn_begin(struct engine_worker *w, uint64_t now_ms);

#define ENGINE_PREFETCH_MAX COUNTERS_PREFETCH_MAX

/* A hint that these keys, at most ENGINE_PREFETCH_MAX and perhaps not even valid, are asked for
 * next. In a turn or not. */
void engine_prefetch(struct engine_worker *w, const struct sr_span *keys, uint32_t count);

/* key: 1 to 512 bytes of valid UTF-8 without NUL (checked by http/). */
enum engine_status engine_increment(struct engine_worker *w, struct sr_span key, int64_t value,
                                    struct engine_answer *ret_answer) SR_MUST_USE;

/*
 * All items of a batch in order, or none: as of counters_increment_all, and as one piece of the
 * journal. Totals are in the items; DONE_UNKNOWN where any is unknown. A batch that waits keeps
 * its pins: it is given again as it is, without engine_wait_end.
 */
enum engine_status engine_increment_all(struct engine_worker *w, struct counters_batch *batch,
                                        struct engine_answer *ret_answer) SR_MUST_USE;

/*
 * Sets the total, or removes the key: DONE with the new total (of a delete: 0), WAIT for a
 * later turn, or REJECTED. Needs no total from the database, so it is never unknown; whether a
 * deleted key was there is not told.
 */
enum engine_status engine_set(struct engine_worker *w, struct sr_span key, int64_t value,
                              struct engine_answer *ret_answer) SR_MUST_USE;
enum engine_status engine_delete(struct engine_worker *w, struct sr_span key,
                                 struct engine_answer *ret_answer) SR_MUST_USE;

enum engine_status engine_read(struct engine_worker *w, struct sr_span key,
                               struct engine_answer *ret_answer) SR_MUST_USE;

/*
 * A page of counters. First call: *job NULL, the request given; WAIT, with *job set, or
 * REJECTED. Given again with the job: WAIT, DONE (lister_page tells the page) or REJECTED. The
 * caller gives the job back by engine_list_drop, whether it is done or not; a NULL job is
 * accepted.
 */
enum engine_status engine_list(struct engine_worker *w, const struct lister_request *request,
                               struct lister_job **job,
                               struct engine_answer *ret_answer) SR_MUST_USE;
void engine_list_drop(struct engine_worker *w, struct lister_job **job);

/*
 * Everything that was counted before into the store, now. First call: a flush of zeros. WAIT,
 * with the flush filled: given again with it. DONE with *ret_flushed; REJECTED: the store does
 * not answer, or has not taken everything within ENGINE_FLUSH_MS.
 */
#define ENGINE_FLUSH_MS 30000U
enum engine_status engine_flush(struct engine_worker *w, struct engine_flush *flush,
                                struct flusher_flushed *ret_flushed,
                                struct engine_answer *ret_answer) SR_MUST_USE;

/* A request with an Idempotency-Key. Held by the call until it is answered. */
struct engine_token {
    struct dedup_request request;
    struct dedup_ref ref; /* its entry in the window, while it has no answer */
    bool blind;           /* the database could not be asked: no total is told */
    /* From begin to end: */
    size_t room;       /* bytes reserved in the epoch's log */
    size_t records_at; /* where its records begin in the turn's */
    uint32_t records_before;
};

enum engine_token_status {
    ENGINE_TOKEN_COUNT,    /* new: count it in this turn, then engine_token_end */
    ENGINE_TOKEN_KNOWN,    /* the first answer is to be given again */
    ENGINE_TOKEN_MISMATCH, /* 422 */
    ENGINE_TOKEN_RUNNING,  /* 409 */
    ENGINE_TOKEN_WAIT,     /* as ENGINE_WAIT */
    ENGINE_TOKEN_REJECTED  /* 503 with the rejection */
};

/*
 * Before a request with a token is counted: looks for it in the window, and where it is not
 * there has the database's table asked. record_bytes: of all its records. KNOWN: *ret_first,
 * whose totals lie in the worker's memory until the next call with a token.
 */
enum engine_token_status engine_token_begin(struct engine_worker *w, struct engine_token *token,
                                            size_t record_bytes,
                                            struct engine_answer *ret_answer,
                                            struct dedup_answer *ret_first) SR_MUST_USE;

/*
 * After it was given to engine_increment, or engine_increment_all, with what that said: its
 * records get the token and the answer, the window remembers both; or it is forgotten, or
 * waits. Returns what is to be answered: DONE becomes DONE_UNKNOWN where the database could not
 * be asked. Of a batch all totals are known or none.
 */
enum engine_status engine_token_end(struct engine_worker *w, struct engine_token *token,
                                    enum engine_status status, int64_t total) SR_MUST_USE;
enum engine_status engine_token_end_all(struct engine_worker *w, struct engine_token *token,
                                        enum engine_status status,
                                        struct counters_batch *batch) SR_MUST_USE;

/* The request will not be given again: it is forgotten unless it was answered. */
void engine_token_drop(struct engine_worker *w, struct engine_token *token);

/* Hands the turn's records over. Returns the turn's id, ascending from 1 per worker. `held`
 * false: no reply depends on this turn (nothing was answered); it is released at once. */
uint64_t engine_turn_end(struct engine_worker *w, bool held);

/* Turns with an id <= the returned one are released. */
uint64_t engine_released(struct engine_worker *w);

/* True when a waiting request should be given again: its load is in, or the store does not
 * answer (the retry then answers without a total or 503). */
bool engine_wait_over(struct engine_worker *w, const struct engine_wait *wait, uint64_t now_ms);

/* Gives back what the wait held. */
void engine_wait_end(struct engine_worker *w, struct engine_wait *wait);

/* From now on changes are rejected as draining; reads go on. */
void engine_drain(struct engine *engine);

/* True: ready. False: *ret_text (NUL-terminated) says why: draining, journal failed, claim
 * refused, lag. */
bool engine_ready(struct engine *engine, char *ret_text, size_t size);

/* The flusher's close_turns callback; context is the engine. */
bool engine_close_turns(void *engine, uint64_t epoch);

/* The flusher's accepted callback; context is the engine. */
uint64_t engine_accepted(void *engine, uint64_t epoch);
/* The flusher's claimed callback; context is the engine. */
void engine_claimed(void *engine);

/* The journal's progress and the loader's loaded callback; context is the engine. Wakes workers
 * that wait. */
void engine_progress(void *engine);
void engine_loaded(void *engine);

void engine_stats(struct engine *engine, struct engine_stats *ret_stats);

/* Brings what the workers counted in the last `seconds` (above 0) onto the board. One thread at
 * a time. */
void engine_sample_hot(struct engine *engine, struct hot_board *board, double seconds);

#endif
