/*
 * The engine seen from outside: draining, readiness, waking workers, figures.
 */
#include "server/engine_internal.h"

#include "sync/loader.h"

#include <stdio.h>

static const char *const rejection_labels[] = {
#define REJECTION_LABEL(name, label, text) label,
    ENGINE_REJECTIONS(REJECTION_LABEL)
#undef REJECTION_LABEL
};

static const char *const rejection_messages[] = {
#define REJECTION_MESSAGE(name, label, text) text,
    ENGINE_REJECTIONS(REJECTION_MESSAGE)
#undef REJECTION_MESSAGE
};

const char *engine_rejection_label(enum engine_rejection rejection)
{
    return rejection_labels[rejection];
}

const char *engine_rejection_message(enum engine_rejection rejection)
{
    return rejection_messages[rejection];
}

void engine_drain(struct engine *e)
{
    atomic_store(&e->draining, true);
}

bool engine_ready(struct engine *e, char *ret_text, size_t size)
{
    struct journal_stats journal;
    struct flusher_stats flusher;

    flusher_stats(e->options.flusher, &flusher);
    journal_stats(e->options.journal, &journal);
    if (atomic_load(&e->draining)) {
        (void)snprintf(ret_text, size, "draining: the service is stopping");
    } else if (journal.failed) {
        (void)snprintf(ret_text, size, "the journal cannot be written: %s",
                       journal.failure.text);
    } else if (flusher.state == FLUSHER_STOPPED) {
        (void)snprintf(ret_text, size, "flushing has stopped: %s", flusher.reason);
    } else if (e->options.ready_lag_max_ms != 0 &&
               flusher.oldest_unsynced_ms > e->options.ready_lag_max_ms) {
        (void)snprintf(ret_text, size, "the oldest unsynced increment is %llu ms old",
                       (unsigned long long)flusher.oldest_unsynced_ms);
    } else {
        return true;
    }
    return false;
}

static void wake_holding(struct engine *e, bool all)
{
    for (uint32_t i = 0; i < e->options.worker_count; i++) {
        struct engine_worker *w = &e->workers[i];

        if (w->wake != NULL && (all || atomic_load(&w->holds))) {
            w->wake(w->wake_context);
        }
    }
}

void engine_progress(void *engine)
{
    wake_holding(engine, false);
}

void engine_loaded(void *engine)
{
    wake_holding(engine, true);
}

void engine_claimed(void *engine)
{
    struct engine *e = engine;

    loader_hurry(e->options.loader);
}

uint64_t engine_accepted(void *engine, uint64_t epoch)
{
    const struct engine *e = engine;
    uint64_t sum = 0;

    for (uint32_t i = 0; i < e->options.worker_count; i++) {
        sum += atomic_load(&e->workers[i].delta[epoch & 1]);
    }
    return sum;
}

void engine_sample_hot(struct engine *e, struct hot_board *board, double seconds)
{
    hot_board_age(board, seconds);
    for (uint32_t i = 0; i < e->options.worker_count; i++) {
        struct engine_worker *w = &e->workers[i];
        uint64_t accepted = atomic_load(&w->accepted);

        if (hot_board_take(board, &w->hot, accepted - w->accepted_sampled)) {
            w->accepted_sampled = accepted;
        }
    }
}

void engine_stats(struct engine *e, struct engine_stats *ret_stats)
{
    *ret_stats = (struct engine_stats){0};
    for (uint32_t i = 0; i < e->options.worker_count; i++) {
        const struct engine_worker *w = &e->workers[i];

        ret_stats->increments_accepted += atomic_load(&w->accepted);
        ret_stats->delta_accepted += atomic_load(&w->delta[0]) + atomic_load(&w->delta[1]);
        ret_stats->sets_accepted += atomic_load(&w->sets);
        ret_stats->deletes_accepted += atomic_load(&w->deletes);
        ret_stats->token_hits += atomic_load(&w->token_hits);
        ret_stats->token_conflicts += atomic_load(&w->token_conflicts);
        ret_stats->token_mismatches += atomic_load(&w->token_mismatches);
        ret_stats->overflows += atomic_load(&w->overflows);
        ret_stats->waits += atomic_load(&w->waits);
        ret_stats->turns += atomic_load(&w->turns);
        ret_stats->replies_held += atomic_load(&w->held_count);
        for (int why = 0; why < ENGINE_REJECTION_COUNT; why++) {
            ret_stats->rejected[why] += atomic_load(&w->rejected[why]);
        }
    }
}
