/*
 * The loader: one thread that turns queued misses into one statement for many keys. A load that
 * fails is kept and tried again, so that entries leave the loading state only with a value, or
 * at the stop.
 */
#include "sync/loader.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/condition.h"
#include "base/thread.h"
#include "store/store_meter.h"
#include "sync/loader_requests.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define QUEUE_MAX 65536U
#define BATCH_MAX 1000U
#define LATE_MS 1000U
#define PROMPT_MS 100U
#define RETRY_FIRST_MS 10U
#define RETRY_LAST_MS 500U
#define STALE_PATIENCE                                                                         \
    3U /* stale batches in a row that pass for a database that catches up                      \
        */

struct loader {
    struct loader_options options;

    /* Under lock; under it only the idempotency window's. */
    pthread_mutex_t lock;
    pthread_cond_t filled;
    counters_ref *queue; /* ring of options.queue_max */
    uint32_t queue_first, queue_count;
    struct loader_requests requests;
    bool stopping;
    bool hurried; /* loader_hurry was called since the last load began */

    /* Loader thread only. */
    counters_ref *batch; /* being loaded; what is stale or failed stays for the next turn */
    uint32_t batch_count;
    struct sr_span *keys;
    struct store_value *values;
    uint32_t retry_ms;
    bool failing; /* told already */
    struct sr_histogram batch_keys;
    uint64_t queued_ns; /* since when keys have been waiting; under the lock */
    uint64_t taken_ns;  /* the same of the batch; the thread alone */

    /* Any thread. */
    /* Begin of the oldest load that has not succeeded: under way, failed, or stale. 0: none. */
    _Atomic uint64_t unanswered_since_ms;
    _Atomic uint64_t loaded_keys, batches, failures, stale, asked;

    pthread_t thread;
    bool thread_running;
};

static void event(struct loader *l, enum sync_event_level level, const char *name,
                  const char *text)
{
    struct sync_event event = {.level = level, .name = name, .text = text};

    l->options.event(l->options.event_context, &event);
}

static enum sr_result allocate(struct loader *l, struct sr_err *err)
{
    l->queue = calloc(l->options.queue_max, sizeof(*l->queue));
    l->batch = calloc(l->options.batch_max, sizeof(*l->batch));
    l->keys = calloc(l->options.batch_max, sizeof(*l->keys));
    l->values = calloc(l->options.batch_max, sizeof(*l->values));
    if (l->queue == NULL || l->batch == NULL || l->keys == NULL || l->values == NULL) {
        return sr_fail(err, SR_NO_MEMORY, "out of memory making the loader");
    }
    if (loader_requests_init(&l->requests, l->options.dedup, l->options.queue_max) != SR_OK) {
        return sr_fail(err, SR_NO_MEMORY, "out of memory making the loader");
    }
    return SR_OK;
}

enum sr_result loader_open(const struct loader_options *options, struct loader **ret_loader,
                           struct sr_err *err)
{
    struct loader *l = calloc(1, sizeof(*l));
    enum sr_result result;

    if (l == NULL) {
        return sr_fail(err, SR_NO_MEMORY, "out of memory making the loader");
    }
    l->options = *options;
    l->options.queue_max = options->queue_max == 0 ? QUEUE_MAX : options->queue_max;
    l->options.batch_max = options->batch_max == 0 ? BATCH_MAX : options->batch_max;
    l->options.late_ms = options->late_ms == 0 ? LATE_MS : options->late_ms;
    l->retry_ms = RETRY_FIRST_MS;
    (void)pthread_mutex_init(&l->lock, NULL);
    sr_condition_init(&l->filled);
    sr_histogram_init(&l->batch_keys, &sr_bounds_count);
    result = allocate(l, err);
    if (result != SR_OK) {
        loader_close(&l);
        return result;
    }
    *ret_loader = l;
    return SR_OK;
}

void loader_close(struct loader **loader)
{
    struct loader *l = *loader;

    if (l == NULL) {
        return;
    }
    SR_CHECK(!l->thread_running);
    loader_requests_done(&l->requests);
    free(l->queue);
    free(l->batch);
    free(l->keys);
    free(l->values);
    (void)pthread_cond_destroy(&l->filled);
    (void)pthread_mutex_destroy(&l->lock);
    free(l);
    *loader = NULL;
}

enum sr_result loader_queue(struct loader *l, counters_ref ref)
{
    enum sr_result result = SR_OK;

    (void)pthread_mutex_lock(&l->lock);
    if (l->queue_count == l->options.queue_max || l->stopping) {
        result = SR_FULL;
    } else {
        uint32_t at = (l->queue_first + l->queue_count) % l->options.queue_max;

        l->queued_ns = l->queue_count == 0 ? sr_clock_monotonic_ns() : l->queued_ns;
        l->queue[at] = ref;
        l->queue_count++;
        (void)pthread_cond_signal(&l->filled);
    }
    (void)pthread_mutex_unlock(&l->lock);
    return result;
}

enum sr_result loader_ask(struct loader *l, struct dedup_ref ref)
{
    enum sr_result result;

    (void)pthread_mutex_lock(&l->lock);
    result = l->stopping ? SR_FULL : loader_requests_queue(&l->requests, ref);
    if (result == SR_OK) {
        (void)pthread_cond_signal(&l->filled);
    }
    (void)pthread_mutex_unlock(&l->lock);
    return result;
}

/* Whether nothing is to be done. Under the lock. */
static bool is_idle(const struct loader *l)
{
    return l->batch_count == 0 && l->queue_count == 0 && l->requests.batch_count == 0 &&
           l->requests.queue_count == 0;
}

/* Fills the batch from the queue; waits for something to do where `wait`. False: stop. */
static bool take_batch(struct loader *l, bool wait)
{
    bool stopping;

    (void)pthread_mutex_lock(&l->lock);
    while (wait && is_idle(l) && !l->stopping) {
        (void)pthread_cond_wait(&l->filled, &l->lock);
    }
    if (l->batch_count == 0) {
        l->taken_ns = l->queued_ns;
    }
    l->queued_ns = sr_clock_monotonic_ns(); /* of those that are left, if any */
    while (l->queue_count > 0 && l->batch_count < l->options.batch_max) {
        l->batch[l->batch_count++] = l->queue[l->queue_first];
        l->queue_first = (l->queue_first + 1) % l->options.queue_max;
        l->queue_count--;
    }
    loader_requests_take(&l->requests);
    l->hurried = false;
    stopping = l->stopping;
    (void)pthread_mutex_unlock(&l->lock);
    return !stopping;
}

/* Puts the values in; what is stale stays in the batch. */
static void install(struct loader *l, uint64_t epoch)
{
    uint32_t tick = l->options.tick(l->options.context);
    uint32_t kept = 0;

    for (uint32_t i = 0; i < l->batch_count; i++) {
        if (counters_install(l->options.counters, l->batch[i], l->values[i].value,
                             l->values[i].exists, epoch, tick) == COUNTERS_STALE) {
            l->batch[kept++] = l->batch[i];
        }
    }
    atomic_fetch_add(&l->loaded_keys, l->batch_count - kept);
    atomic_fetch_add(&l->stale, kept);
    l->batch_count = kept;
}

static uint64_t now_ms(struct loader *l)
{
    return l->options.now_ms == NULL ? sr_clock_monotonic_ms()
                                     : l->options.now_ms(l->options.context);
}

static enum sr_result load(struct loader *l, struct sr_err *err)
{
    uint64_t epoch = 0;
    enum sr_result result;

    for (uint32_t i = 0; i < l->batch_count; i++) {
        l->keys[i] = counters_key(l->options.counters, l->batch[i]);
    }
    store_meter_waited(l->options.store, l->taken_ns);
    result = l->options.store->ops->load(l->options.store, l->keys, l->batch_count, l->values,
                                         &epoch, err);
    atomic_fetch_add(&l->batches, 1);
    sr_histogram_add(&l->batch_keys, l->batch_count);
    if (result == SR_OK) {
        install(l, epoch);
        store_meter_decoded(l->options.store);
    }
    /* No tables or no writer's row yet: the first claim makes them. Like a stale load. */
    return result == SR_NOT_FOUND ? SR_OK : result;
}

static enum sr_result ask(struct loader *l, struct sr_err *err)
{
    uint32_t count = l->requests.batch_count;
    enum sr_result result = loader_requests_ask(&l->requests, l->options.store, now_ms(l), err);

    atomic_fetch_add(&l->batches, 1);
    atomic_fetch_add(&l->asked, result == SR_OK ? count : 0);
    return result;
}

/* True: go on at once. False: pause. */
static bool load_batch(struct loader *l)
{
    struct sr_err err = {0};
    enum sr_result result = SR_OK;

    if (atomic_load(&l->unanswered_since_ms) == 0) {
        atomic_store(&l->unanswered_since_ms, now_ms(l) + 1);
    }
    if (l->requests.batch_count > 0) {
        result = ask(l, &err);
    }
    if (result == SR_OK && l->batch_count > 0) {
        result = load(l, &err);
    }
    if (result != SR_OK) {
        atomic_fetch_add(&l->failures, 1);
        if (!l->failing) {
            event(l, SYNC_EVENT_WARN, "sync.load_failed", err.text);
        }
        l->failing = true;
        return false;
    }
    l->failing = false;
    if (l->batch_count > 0) {
        /* The database is behind what was applied: it fell back, or is catching up after a
         * start. */
        l->options.claim_soon(l->options.context);
        return false;
    }
    atomic_store(&l->unanswered_since_ms, 0);
    l->retry_ms = RETRY_FIRST_MS;
    return true;
}

/* New misses do not shorten it: a database in trouble is asked that often and no oftener. */
static void pause_for(struct loader *l)
{
    uint64_t deadline_ms = sr_clock_monotonic_ms() + l->retry_ms;
    bool in_time = true;

    (void)pthread_mutex_lock(&l->lock);
    while (in_time && !l->hurried && !l->stopping) {
        in_time = sr_condition_wait_until(&l->filled, &l->lock, deadline_ms);
    }
    (void)pthread_mutex_unlock(&l->lock);
    l->retry_ms = l->retry_ms * 2 > RETRY_LAST_MS ? RETRY_LAST_MS : l->retry_ms * 2;
}

void loader_hurry(struct loader *l)
{
    (void)pthread_mutex_lock(&l->lock);
    l->hurried = true;
    (void)pthread_cond_signal(&l->filled);
    (void)pthread_mutex_unlock(&l->lock);
}

bool loader_step(struct loader *l)
{
    (void)take_batch(l, false);
    if (l->batch_count == 0 && l->requests.batch_count == 0) {
        return false;
    }
    (void)load_batch(l);
    l->options.loaded(l->options.context);
    return true;
}

static void *loader_main(void *context)
{
    struct loader *l = context;

    while (take_batch(l, true)) {
        bool at_once = load_batch(l);

        l->options.loaded(l->options.context);
        if (!at_once) {
            pause_for(l);
        }
    }
    /* The rest ends without a value; who asks about a request is gone by now. */
    do {
        for (uint32_t i = 0; i < l->batch_count; i++) {
            counters_load_failed(l->options.counters, l->batch[i]);
        }
        l->batch_count = 0;
        (void)take_batch(l, false);
    } while (l->batch_count > 0);
    l->options.loaded(l->options.context);
    return NULL;
}

enum sr_result loader_start(struct loader *l, struct sr_err *err)
{
    int why = sr_thread_start(&l->thread, "loader", loader_main, l);

    if (why != 0) {
        return sr_fail_errno(err, SR_NO_MEMORY, why, "cannot start the loader thread");
    }
    l->thread_running = true;
    return SR_OK;
}

void loader_stop(struct loader *l)
{
    if (!l->thread_running) {
        return;
    }
    (void)pthread_mutex_lock(&l->lock);
    l->stopping = true;
    (void)pthread_cond_signal(&l->filled);
    (void)pthread_mutex_unlock(&l->lock);
    l->options.store->ops->cancel(l->options.store);
    (void)pthread_join(l->thread, NULL);
    l->thread_running = false;
}

static bool answers_within(struct loader *l, uint64_t now, uint64_t limit_ms)
{
    uint64_t since = atomic_load_explicit(&l->unanswered_since_ms, memory_order_relaxed);

    return since == 0 || now < since + limit_ms;
}

bool loader_answers(struct loader *l, uint64_t now)
{
    return answers_within(l, now, l->options.late_ms);
}

bool loader_prompt(struct loader *l, uint64_t now)
{
    return answers_within(l, now, PROMPT_MS);
}

void loader_stats(struct loader *l, struct loader_stats *ret_stats)
{
    *ret_stats = (struct loader_stats){.loaded_keys = atomic_load(&l->loaded_keys),
                                       .batches = atomic_load(&l->batches),
                                       .failures = atomic_load(&l->failures),
                                       .stale = atomic_load(&l->stale),
                                       .asked = atomic_load(&l->asked),
                                       .batch_keys = &l->batch_keys};
    (void)pthread_mutex_lock(&l->lock);
    ret_stats->queued = l->queue_count;
    (void)pthread_mutex_unlock(&l->lock);
}
