/*
 * The lister's thread and its jobs.
 */
#include "sync/lister_internal.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/thread.h"

#include <stdlib.h>
#include <string.h>

#define KEYS_BYTES_MAX ((LISTER_PAGE_MAX + 1) * (size_t)SR_KEY_SIZE_MAX)

enum sr_result lister_open(const struct lister_options *options, struct lister **ret_lister,
                           struct sr_err *err)
{
    struct lister *l = calloc(1, sizeof(*l));

    if (l == NULL || counters_list_init(&l->changed, LISTER_PAGE_MAX + 1) != SR_OK) {
        free(l);
        return sr_fail(err, SR_NO_MEMORY, "out of memory making the lister");
    }
    l->options = *options;
    l->last = &l->first;
    (void)pthread_mutex_init(&l->lock, NULL);
    (void)pthread_cond_init(&l->filled, NULL);
    sr_buffer_init(&l->rows.keys, KEYS_BYTES_MAX);
    *ret_lister = l;
    return SR_OK;
}

static void free_job(struct lister_job *job)
{
    free(job->items);
    sr_buffer_done(&job->keys);
    free(job);
}

void lister_close(struct lister **lister)
{
    struct lister *l = *lister;

    if (l == NULL) {
        return;
    }
    SR_CHECK(!l->thread_running && l->first == NULL);
    counters_list_done(&l->changed);
    sr_buffer_done(&l->rows.keys);
    (void)pthread_cond_destroy(&l->filled);
    (void)pthread_mutex_destroy(&l->lock);
    free(l);
    *lister = NULL;
}

static void copy_key(struct counters_list_key *into, struct sr_span key)
{
    SR_CHECK(key.size <= SR_KEY_SIZE_MAX);
    into->size = (uint16_t)key.size;
    if (key.size > 0) {
        memcpy(into->bytes, key.data, key.size);
    }
}

static struct lister_job *new_job(const struct lister_request *request)
{
    struct lister_job *job = calloc(1, sizeof(*job));

    SR_CHECK(request->limit >= 1 && request->limit <= LISTER_PAGE_MAX);
    if (job == NULL) {
        return NULL;
    }
    sr_buffer_init(&job->keys, KEYS_BYTES_MAX);
    job->limit = request->limit;
    job->items = calloc(request->limit + 1, sizeof(*job->items));
    job->asked_ns = sr_clock_monotonic_ns();
    copy_key(&job->prefix, request->prefix);
    copy_key(&job->after, request->after);
    if (job->items == NULL) {
        free_job(job);
        return NULL;
    }
    return job;
}

enum sr_result lister_ask(struct lister *l, const struct lister_request *request,
                          struct lister_job **ret_job)
{
    struct lister_job *job = new_job(request);
    bool taken;

    if (job == NULL) {
        return SR_NO_MEMORY;
    }
    (void)pthread_mutex_lock(&l->lock);
    taken = l->waiting < LISTER_JOBS_MAX && !l->is_stopping;
    if (taken) {
        *l->last = job;
        l->last = &job->next;
        l->waiting++;
        (void)pthread_cond_signal(&l->filled);
    }
    (void)pthread_mutex_unlock(&l->lock);
    if (!taken) {
        free_job(job);
        return SR_FULL;
    }
    *ret_job = job;
    return SR_OK;
}

bool lister_is_done(const struct lister_job *job)
{
    return atomic_load(&job->state) == LISTER_DONE;
}

uint32_t lister_queued(struct lister *lister)
{
    uint32_t waiting;

    (void)pthread_mutex_lock(&lister->lock);
    waiting = lister->waiting;
    (void)pthread_mutex_unlock(&lister->lock);
    return waiting;
}

bool lister_page(const struct lister_job *job, struct lister_page *ret_page)
{
    SR_CHECK(lister_is_done(job));
    if (job->has_failed) {
        return false;
    }
    *ret_page =
        (struct lister_page){.items = job->items, .count = job->count, .keys = job->keys.data};
    if (job->has_next) {
        ret_page->next = (struct sr_span){.data = job->after.bytes, .size = job->after.size};
    }
    return true;
}

/* A job that runs is freed by the lister when it is done. One that is queued is made all the
 * same: the queue is short. */
void lister_drop(struct lister *l, struct lister_job **job)
{
    bool done;

    if (*job == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&l->lock);
    done = lister_is_done(*job);
    (*job)->is_dropped = true;
    (void)pthread_mutex_unlock(&l->lock);
    if (done) {
        free_job(*job);
    }
    *job = NULL;
}

/* The next job; waits for one where `wait`. NULL: none, or none any more. */
static struct lister_job *take_job(struct lister *l, bool wait)
{
    struct lister_job *job;

    (void)pthread_mutex_lock(&l->lock);
    while (wait && l->first == NULL && !l->is_stopping) {
        (void)pthread_cond_wait(&l->filled, &l->lock);
    }
    job = l->first;
    if (job != NULL) {
        l->first = job->next;
        l->last = l->first == NULL ? &l->first : l->last;
        l->waiting--;
        atomic_store(&job->state, LISTER_RUNNING);
    }
    (void)pthread_mutex_unlock(&l->lock);
    return job;
}

static void finish_job(struct lister *l, struct lister_job *job, bool made)
{
    bool dropped;

    job->has_failed = !made;
    (void)pthread_mutex_lock(&l->lock);
    dropped = job->is_dropped;
    atomic_store(&job->state, LISTER_DONE);
    (void)pthread_mutex_unlock(&l->lock);
    if (dropped) {
        free_job(job);
        return;
    }
    l->options.done(l->options.context);
}

bool lister_is_stopping(struct lister *l)
{
    bool stopping;

    (void)pthread_mutex_lock(&l->lock);
    stopping = l->is_stopping;
    (void)pthread_mutex_unlock(&l->lock);
    return stopping;
}

static bool is_dropped(struct lister *l, const struct lister_job *job)
{
    bool dropped;

    (void)pthread_mutex_lock(&l->lock);
    dropped = job->is_dropped || l->is_stopping;
    (void)pthread_mutex_unlock(&l->lock);
    return dropped;
}

static bool step(struct lister *l, bool wait)
{
    struct lister_job *job = take_job(l, wait);

    if (job == NULL) {
        return false;
    }
    finish_job(l, job, !is_dropped(l, job) && lister_make_page(l, job));
    return true;
}

bool lister_step(struct lister *l)
{
    return step(l, false);
}

static void *lister_main(void *context)
{
    while (step(context, true)) {
    }
    return NULL;
}

enum sr_result lister_start(struct lister *l, struct sr_err *err)
{
    int why = sr_thread_start(&l->thread, "lister", lister_main, l);

    if (why != 0) {
        return sr_fail_errno(err, SR_NO_MEMORY, why, "cannot start the lister thread");
    }
    l->thread_running = true;
    return SR_OK;
}

void lister_stop(struct lister *l)
{
    if (!l->thread_running) {
        return;
    }
    (void)pthread_mutex_lock(&l->lock);
    l->is_stopping = true;
    (void)pthread_cond_signal(&l->filled);
    (void)pthread_mutex_unlock(&l->lock);
    l->options.store->ops->cancel(l->options.store);
    (void)pthread_join(l->thread, NULL);
    l->thread_running = false;
}
