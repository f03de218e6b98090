/*
 * What is taken back at a flush: the increments of requests whose token the table had already,
 * since another instance counted them first. A filter between an epoch's changes and the store.
 *
 *   changes, key order -> takeback_next -> store
 *                         minus the requests' increments of the key, unless a set came over
 *                         them: then the epoch's change has a higher generation, and they are
 *                         not in it
 */
#ifndef SR_SYNC_TAKEBACK_H
#define SR_SYNC_TAKEBACK_H

#include "core/change.h"
#include "core/request_log.h"
#include "journal/journal.h"

/* An increment to be taken back; adds of one key and generation become one. */
struct takeback_item {
    struct sr_span key; /* borrowed from the log */
    sr_wide value;
    uint32_t generation;
};

struct takeback {
    const struct request_log *log; /* sorted; borrowed */
    struct takeback_item *items;   /* owned; in key order once the first change was taken */
    size_t count, capacity;
    size_t at; /* items below it are of keys that have passed */
    bool merged, out_of_memory;
    uint64_t handed; /* changes handed out */
    uint64_t
        *extras; /* owned: numbers of those that are a rest, see takeback_next; ascending */
    size_t extra_count, extra_capacity;
    struct sr_change rest; /* of the last change, comes next */
    bool has_rest;
    uint64_t requests; /* taken back */
    uint64_t sum;      /* of what was taken off changes, modulo 2^64 */
};

/* All zero but for the log is a fresh filter. */
void takeback_done(struct takeback *t);

/* Begins anew. */
void takeback_reset(struct takeback *t);

/* Request i of the log was counted elsewhere. Before the first change. */
void takeback_request(struct takeback *t, size_t i);

/* The next change, as `next` gives it, without what is taken back. What then does not fit 64
 * bits (absurd, but a client can do it) comes as several changes of the same key. SR_NO_MEMORY,
 * or what next says. */
enum sr_result takeback_next(struct takeback *t, journal_next_fn *next, void *context,
                             struct sr_change *ret_change, struct sr_err *err) SR_MUST_USE;

/* Which of next's changes the one handed out as `number` was; *ret_rest: not the first of it.
 */
size_t takeback_origin(const struct takeback *t, uint64_t number, bool *ret_rest);

/* What is taken off a change of the key and generation. */
sr_wide takeback_of(const struct takeback *t, struct sr_span key, uint32_t generation);

#endif
