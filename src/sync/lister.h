/*
 * The lister: pages of counters in key order, what is in memory and not synced merged with what
 * the store holds. One thread, one database connection of its own, no claim.
 *
 * A page is made so that it misses nothing: first the changed keys in memory are gathered, then
 * the store's rows are read (what was flushed between the two is in them), then each key's
 * total is taken over its row. A row that a flush has overtaken is read again.
 */
#ifndef SR_SYNC_LISTER_H
#define SR_SYNC_LISTER_H

#include "base/buffer.h"
#include "base/limits.h"
#include "base/result.h"
#include "core/counters.h"
#include "store/store.h"

#include <stdbool.h>
#include <stdint.h>

#define LISTER_PAGE_MAX 1000 /* counters */
#define LISTER_JOBS_MAX 64   /* pages asked for and not made yet */

struct lister;
struct lister_job; /* a page that was asked for; belongs to who asked */

struct lister_options {
    struct counters *counters;
    struct store *store;         /* borrowed; used by the lister alone */
    void (*done)(void *context); /* a page is made: wakes who waits */
    void *context;
};

/* What is asked for; the spans are copied. */
struct lister_request {
    struct sr_span prefix; /* at most SR_KEY_SIZE_MAX bytes, may be empty */
    struct sr_span after;  /* the same: only keys behind it */
    uint32_t limit;        /* 1 to LISTER_PAGE_MAX */
};

struct lister_item {
    int64_t total;
    uint32_t key_at; /* in the page's keys */
    uint16_t key_size;
    bool total_known; /* false: it does not fit 64 bits */
};

struct lister_page {
    const struct lister_item *items; /* ascending */
    uint32_t count;
    const uint8_t *keys;
    struct sr_span next; /* size 0: nothing follows; else what `after` goes on with */
};

enum sr_result lister_open(const struct lister_options *options, struct lister **ret_lister,
                           struct sr_err *err) SR_MUST_USE;
void lister_close(struct lister **lister);
enum sr_result lister_start(struct lister *lister, struct sr_err *err) SR_MUST_USE;

/* Ends the thread; what was asked for and is not made fails. */
void lister_stop(struct lister *lister);

/* Any thread. SR_FULL: too many are waiting; SR_NO_MEMORY. */
enum sr_result lister_ask(struct lister *lister, const struct lister_request *request,
                          struct lister_job **ret_job) SR_MUST_USE;

/* Whether the page is made, or will not be. Any thread. */
bool lister_is_done(const struct lister_job *job);

/* The page of a job that is done; it lives as long as the job. False: the store did not answer.
 */
bool lister_page(const struct lister_job *job, struct lister_page *ret_page);

/* Gives a job back, done or not; accepts NULL and leaves NULL. */
void lister_drop(struct lister *lister, struct lister_job **job);

/* Pages asked for and not begun. Any thread. */
uint32_t lister_queued(struct lister *lister);

/* Makes one page on the caller's thread, for tests; false: nothing was asked for. */
bool lister_step(struct lister *lister);

#endif
