/*
 * The flusher's life: open, thread, stop, close.
 */
#include "sync/flusher_internal.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/condition.h"
#include "base/thread.h"

#include <stdlib.h>
#include <string.h>

static void wait_for(struct flusher *f, uint32_t ms)
{
    uint64_t deadline_ms = sr_clock_monotonic_ms() + ms;

    (void)pthread_mutex_lock(&f->lock);
    /* While an epoch waits for the store a wanted tick cannot be served: it is no reason to
     * spin. */
    if ((f->phase != EPOCH_OPEN || !atomic_load(&f->tick_wanted)) &&
        !atomic_load(&f->abandoned)) {
        (void)sr_condition_wait_until(&f->wake, &f->lock, deadline_ms);
    }
    (void)pthread_mutex_unlock(&f->lock);
}

static void *flusher_main(void *context)
{
    struct flusher *f = context;

    while (!atomic_load(&f->abandoned)) {
        uint32_t ms = flusher_step(f);

        if (atomic_load(&f->stopping) && (flusher_idle(f) || flusher_stopped_for_good(f))) {
            break;
        }
        if (ms > 0) {
            wait_for(f, ms);
        }
    }
    (void)pthread_mutex_lock(&f->lock);
    f->thread_done = true;
    (void)pthread_cond_broadcast(&f->wake);
    (void)pthread_mutex_unlock(&f->lock);
    return NULL;
}

static void init_sync(struct flusher *f)
{
    (void)pthread_mutex_init(&f->lock, NULL);
    sr_condition_init(&f->wake);
}

enum sr_result flusher_open(const struct flusher_options *options, struct flusher **ret_flusher,
                            struct sr_err *err)
{
    struct flusher *f = calloc(1, sizeof(*f));
    struct sr_uuid instance = datadir_instance(options->datadir);

    if (f == NULL) {
        return sr_fail(err, SR_NO_MEMORY, "out of memory making the flusher");
    }
    f->options = *options;
    init_sync(f);
    f->open_epoch = options->open_epoch;
    f->last_sealed = options->newest_epoch;
    f->retention_clock_ms = 1;
    f->retry_ms = FLUSHER_RETRY_FIRST_MS;
    f->next_tick_ms = flusher_now_ms(f) + options->interval_ms;
    f->next_look_ms = UINT64_MAX;
    f->clean_seen_ms[0] = f->clean_seen_ms[1] = flusher_now_ms(f);
    /* Instances that share a database must not retry in step. */
    memcpy(&f->random_state, instance.bytes, sizeof(f->random_state));
    sr_histogram_init(&f->flush_ns, &sr_bounds_time_ns);
    sr_histogram_init(&f->flush_rows, &sr_bounds_count);
    sr_histogram_init(&f->key_age_ms, &sr_bounds_age_ms);
    atomic_store(&f->store_up, true);
    counters_open_epoch(options->counters, f->open_epoch);
    counters_set_applied(options->counters, options->newest_epoch);
    flusher_publish_stats(f);
    *ret_flusher = f;
    return SR_OK;
}

void flusher_close(struct flusher **flusher)
{
    struct flusher *f = *flusher;

    if (f == NULL) {
        return;
    }
    SR_CHECK(!f->thread_running);
    counters_sealed_done(&f->sealed);
    free(f->bases);
    (void)pthread_cond_destroy(&f->wake);
    (void)pthread_mutex_destroy(&f->lock);
    free(f);
    *flusher = NULL;
}

enum sr_result flusher_start(struct flusher *f, struct sr_err *err)
{
    int why = sr_thread_start(&f->thread, "flusher", flusher_main, f);

    if (why != 0) {
        return sr_fail_errno(err, SR_NO_MEMORY, why, "cannot start the flusher thread");
    }
    f->thread_running = true;
    return SR_OK;
}

static void wake(struct flusher *f)
{
    (void)pthread_mutex_lock(&f->lock);
    (void)pthread_cond_broadcast(&f->wake);
    (void)pthread_mutex_unlock(&f->lock);
}

void flusher_tick_soon(struct flusher *f)
{
    if (!atomic_exchange(&f->tick_wanted, true)) {
        wake(f);
    }
}

void flusher_flush(struct flusher *f, struct flusher_ticket *ret_ticket)
{
    (void)pthread_mutex_lock(&f->lock);
    *ret_ticket = (struct flusher_ticket){.rows_applied = f->stats.rows_applied,
                                          .rows_refused = f->stats.rows_refused};
    (void)pthread_mutex_unlock(&f->lock);
    ret_ticket->number = atomic_fetch_add(&f->flush_asked, 1) + 1;
    flusher_tick_soon(f);
}

bool flusher_flush_done(struct flusher *f, const struct flusher_ticket *ticket,
                        struct flusher_flushed *ret_flushed)
{
    if (atomic_load(&f->flush_done) < ticket->number) {
        return false;
    }
    (void)pthread_mutex_lock(&f->lock);
    *ret_flushed = (struct flusher_flushed){
        .epoch = f->stats.applied_epoch,
        .rows = f->stats.rows_applied - ticket->rows_applied,
        .rows_refused = f->stats.rows_refused - ticket->rows_refused,
    };
    (void)pthread_mutex_unlock(&f->lock);
    return true;
}

void flusher_look_soon(struct flusher *f)
{
    if (!atomic_exchange(&f->look_wanted, true)) {
        wake(f);
    }
}

uint32_t flusher_tick(struct flusher *f)
{
    return atomic_load_explicit(&f->tick, memory_order_relaxed);
}

/* Waits for the thread's end until deadline_ms; false where it has not ended. */
static bool wait_done(struct flusher *f, uint64_t deadline_ms)
{
    bool in_time = true;
    bool done;

    (void)pthread_mutex_lock(&f->lock);
    while (!f->thread_done && in_time) {
        in_time = sr_condition_wait_until(&f->wake, &f->lock, deadline_ms);
    }
    done = f->thread_done;
    (void)pthread_mutex_unlock(&f->lock);
    return done;
}

enum sr_result flusher_stop(struct flusher *f, uint64_t deadline_ms, struct sr_err *err)
{
    bool all_in_store;

    if (f->thread_running) {
        atomic_store(&f->stopping, true);
        wake(f);
        if (!wait_done(f, deadline_ms)) {
            atomic_store(&f->abandoned, true);
            f->options.store->ops->cancel(f->options.store);
            wake(f);
        }
        (void)pthread_join(f->thread, NULL);
        f->thread_running = false;
    }
    all_in_store = flusher_idle(f);
    if (all_in_store) {
        return SR_OK;
    }
    if (!f->options.changes_journaled && flusher_epoch_dirty(f, f->open_epoch)) {
        enum sr_result result = flusher_epoch_save_open(f, err);

        if (result != SR_OK) {
            return result;
        }
    }
    (void)pthread_mutex_lock(&f->lock);
    (void)sr_fail(err, SR_TIMEOUT, "not everything is in the database yet (%s%s%s)",
                  flusher_state_text(f->stats.state), f->stats.reason[0] == '\0' ? "" : ": ",
                  f->stats.reason);
    (void)pthread_mutex_unlock(&f->lock);
    return SR_TIMEOUT;
}
