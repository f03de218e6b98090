/*
 * The ledger: what the workers say they counted, what an epoch's slot held when it was
 * collected, what went into the store. Sums modulo 2^64: a set counts as the difference that it
 * makes to the slot. Runs on the flusher thread.
 */
#include "sync/flusher_internal.h"

#include <inttypes.h>
#include <stdio.h>

static uint64_t sum_of_slot(const struct flusher *f)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < f->sealed.count; i++) {
        struct sr_change change;

        counters_sealed_change(f->options.counters, &f->sealed, i, &change);
        sum += (uint64_t)change.value;
    }
    return sum;
}

static void report_mismatch(struct flusher *f, uint64_t counted)
{
    int64_t difference = (int64_t)(f->sealed_sum - counted);
    char text[160];

    (void)snprintf(text, sizeof(text),
                   "the table holds %" PRId64
                   " more than was counted in the epoch: a defect of "
                   "the program, please report it",
                   difference);
    (void)pthread_mutex_lock(&f->lock);
    f->stats.ledger_mismatch +=
        difference < 0 ? 0 - (uint64_t)difference : (uint64_t)difference;
    (void)pthread_mutex_unlock(&f->lock);
    flusher_event(f, SYNC_EVENT_ERROR, "ledger.mismatch", text, f->slot_epoch, f->sealed.count,
                  0);
}

void flusher_ledger_collected(struct flusher *f)
{
    unsigned parity = f->slot_epoch & 1;
    uint64_t accepted;

    f->sealed_sum = sum_of_slot(f);
    if (f->options.accepted == NULL) {
        return;
    }
    accepted = f->options.accepted(f->options.turns_context, f->slot_epoch);
    if (accepted - f->collected[parity] != f->sealed_sum) {
        report_mismatch(f, accepted - f->collected[parity]);
    }
    f->collected[parity] = accepted;
}

void flusher_ledger_synced(struct flusher *f)
{
    (void)pthread_mutex_lock(&f->lock);
    f->stats.ledger_synced += f->sealed_sum - f->refused_sum - f->taken_sum;
    f->stats.ledger_taken_back += f->taken_sum;
    f->stats.ledger_refused += f->refused_sum;
    (void)pthread_mutex_unlock(&f->lock);
}
