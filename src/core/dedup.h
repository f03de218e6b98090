/*
 * The idempotency window: which requests with an Idempotency-Key (a token) were seen, and what
 * they were answered. Fixed memory, resident only as it is used; keyed hash against flooding;
 * one lock. Pure: no I/O, no clock; time is an argument, monotonic milliseconds.
 *
 *          begin              ask              absent
 *   (none) -----> RUNNING ----------> ASKING ----------> RUNNING
 *                 |   \ finish          | found
 *         abandon |    \----> DONE <----/            DONE --expire--> (none)
 *                 v
 *               (none)
 *
 * A request is remembered from its first answer for window_ms at least, and until the epoch
 * that it was counted in is in the database, whose table remembers it from then on. Nothing is
 * ever forgotten early: a full window takes no new token.
 *
 * An entry is its fields and a chain of chunks that holds token and totals.
 * Threads: workers begin, ask, finish, abandon; the loader token, absent and found; the flusher
 * expires. All may run at once.
 */
#ifndef SR_CORE_DEDUP_H
#define SR_CORE_DEDUP_H

#include "base/buffer.h"
#include "base/result.h"
#include "base/siphash.h"
#include "base/span.h"
#include "core/record.h"
#include "core/request_log.h"

#include <stdbool.h>
#include <stdint.h>

struct dedup;

struct dedup_options {
    uint32_t entries_max; /* requests remembered at most; for tokens and totals 128 bytes each
                             are there, whoever needs them */
    uint64_t window_ms;   /* how long an answer is remembered */
    struct sr_siphash_key hash_key; /* random per process */
};

/* Names an entry: stale once the entry went, and then of no effect. index 0: none. */
struct dedup_ref {
    uint32_t index;
    uint32_t serial;
};

/* What is asked about. */
struct dedup_request {
    struct sr_span token;        /* 1 to 255 bytes */
    struct sr_span request_hash; /* RECORD_REQUEST_HASH_SIZE bytes */
    uint32_t totals_count;       /* numbers that its answer has */
};

/* What was answered first. */
struct dedup_answer {
    uint16_t status;       /* HTTP */
    bool totals_known;     /* false: null in place of each total */
    struct sr_span totals; /* 8 bytes each, little-endian, of all items in order; empty where
                              not known; borrowed */
};

enum dedup_status {
    DEDUP_NEW, /* not seen: an entry was made, RUNNING; the caller finishes or abandons it */
    DEDUP_RUNNING,  /* the first request with the token has no answer yet */
    DEDUP_KNOWN,    /* answered before */
    DEDUP_MISMATCH, /* the token was used with another request */
    DEDUP_FULL      /* not seen, and no room: try again later */
};

enum dedup_state {
    DEDUP_STATE_GONE,
    DEDUP_STATE_RUNNING,
    DEDUP_STATE_ASKING,
    DEDUP_STATE_DONE
};

struct dedup_stats {
    uint64_t entries, entries_max; /* remembered or running */
    uint64_t chunks, chunks_max;   /* of DEDUP_CHUNK_SIZE bytes: tokens and totals */
    uint64_t window_ms;
    uint64_t expired;      /* so far */
    uint64_t memory_bytes; /* that were ever used, and the index */
};

#define DEDUP_CHUNK_SIZE 64

/* extra: entries beyond entries_max that only dedup_restore takes. SR_NO_MEMORY. */
enum sr_result dedup_open(const struct dedup_options *options, uint64_t extra,
                          struct dedup **ret_dedup, struct sr_err *err) SR_MUST_USE;
void dedup_close(struct dedup **dedup);

/* The epoch's requests; of two epochs whose parity is equal one is alive at most. */
struct request_log *dedup_log(struct dedup *d, uint64_t epoch);

/* Looks a token up, and makes an entry where it was not seen. KNOWN: *ret_answer, its totals in
 * `totals` (emptied first). */
enum dedup_status dedup_begin(struct dedup *d, const struct dedup_request *request,
                              struct sr_buffer *totals, struct dedup_ref *ret_ref,
                              struct dedup_answer *ret_answer) SR_MUST_USE;

/* RUNNING: the table shall be asked whether it knows the token. */
void dedup_ask(struct dedup *d, struct dedup_ref ref);
enum dedup_state dedup_state(struct dedup *d, struct dedup_ref ref);

/* RUNNING or ASKING: answered in `epoch`. The answer has as many totals as the request said. */
void dedup_finish(struct dedup *d, struct dedup_ref ref, const struct dedup_answer *answer,
                  uint64_t epoch, uint64_t now_ms);

/* RUNNING or ASKING: nothing was counted. */
void dedup_abandon(struct dedup *d, struct dedup_ref ref);

/* ---- loader ---- */

/* Copies the token of an ASKING entry, RECORD_TOKEN_SIZE_MAX bytes at most; 0: none asks. */
size_t dedup_token(struct dedup *d, struct dedup_ref ref, uint8_t *ret_token);

/* What the table said. Where another instance answered the same request, its answer counts. */
void dedup_absent(struct dedup *d, struct dedup_ref ref);
void dedup_found(struct dedup *d, struct dedup_ref ref, struct sr_span request_hash,
                 const struct dedup_answer *answer, uint64_t now_ms);

/* ---- flusher, start ---- */

/* Enters what a journal remembers of a former life. SR_FULL. */
enum sr_result dedup_restore(struct dedup *d, const struct dedup_request *request,
                             const struct dedup_answer *answer, uint64_t epoch,
                             uint64_t now_ms) SR_MUST_USE;

/* Forgets at most `steps` entries whose window has passed and whose epoch is applied. */
void dedup_expire(struct dedup *d, uint64_t applied_epoch, uint64_t now_ms, uint32_t steps);

/* ---- anybody ---- */

void dedup_stats(struct dedup *d, struct dedup_stats *ret_stats);

/* Whether index, chains and lists agree: for tests, O(entries). */
bool dedup_valid(struct dedup *d);

#endif
