/*
 * What the lister's two files share: lister.c the thread and its jobs, lister_page.c one page.
 */
#ifndef SR_SYNC_LISTER_INTERNAL_H
#define SR_SYNC_LISTER_INTERNAL_H

#include "core/counters_list.h"
#include "sync/lister.h"

#include <pthread.h>
#include <stdatomic.h>

enum lister_state { LISTER_QUEUED, LISTER_RUNNING, LISTER_DONE };

struct lister_job {
    struct lister_job *next; /* while it is queued */
    _Atomic int state;       /* enum lister_state; written under the lister's lock */
    bool is_dropped;         /* nobody waits for it any more: the lister frees it */
    bool has_failed;
    uint32_t limit, count;
    uint64_t asked_ns;
    struct counters_list_key prefix, after; /* as asked for; after moves on while it is made */
    bool has_next;
    struct lister_item *items; /* owned: limit + 1 */
    struct sr_buffer keys;
};

/* The rows of one statement. */
struct lister_rows {
    struct sr_buffer keys;
    struct lister_item items[LISTER_PAGE_MAX + 1];
    uint32_t count;
    uint64_t epoch; /* L of their snapshot */
};

struct lister {
    struct lister_options options;

    pthread_mutex_t lock; /* guards the queue, and jobs' state and is_dropped */
    pthread_cond_t filled;
    struct lister_job *first, **last;
    uint32_t waiting;
    bool is_stopping;

    /* The lister's thread alone, but for whether it runs. */
    struct counters_list changed;
    struct lister_rows rows;
    pthread_t thread;
    bool thread_running;
};

/* Makes the job's page. False: the store did not answer, or it stops. */
bool lister_make_page(struct lister *l, struct lister_job *job);

bool lister_is_stopping(struct lister *l);

#endif
