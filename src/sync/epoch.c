/*
 * Closing an epoch: publish the next one, wait for open turns, seal, collect the slot, write
 * its state file.
 */
#include "sync/flusher_internal.h"

#include "base/check.h"
#include "base/clock.h"
#include "store/store_meter.h"

#include <stdlib.h>

bool flusher_epoch_dirty(struct flusher *f, uint64_t epoch)
{
    struct counters_stats stats;

    counters_stats(f->options.counters, &stats);
    return stats.dirty[epoch & 1] > 0;
}

struct request_log *flusher_requests(struct flusher *f, uint64_t epoch)
{
    return f->options.dedup == NULL ? NULL : dedup_log(f->options.dedup, epoch);
}

void flusher_epoch_begin_close(struct flusher *f)
{
    SR_CHECK(f->phase == EPOCH_OPEN);
    f->slot_epoch = f->open_epoch;
    f->slot_predecessor = f->last_sealed;
    f->open_epoch++;
    f->slot_closed_ms = flusher_now_ms(f);
    f->flush_started_ns = sr_clock_monotonic_ns();
    f->phase = EPOCH_CLOSING;
}

/* The slot as a source of changes, for the state file and for the store. */
static enum sr_result next_of_slot(void *context, struct sr_change *ret_change,
                                   struct sr_err *err)
{
    struct slot_cursor {
        struct flusher *f;
        size_t next;
    } *cursor = context;

    (void)err;
    if (cursor->next == cursor->f->sealed.count) {
        return SR_NOT_FOUND;
    }
    counters_sealed_change(cursor->f->options.counters, &cursor->f->sealed, cursor->next,
                           ret_change);
    cursor->next++;
    return SR_OK;
}

void flusher_epoch_write_state(struct flusher *f)
{
    struct {
        struct flusher *f;
        size_t next;
    } cursor = {.f = f};
    struct journal_source source = {.next = next_of_slot,
                                    .context = &cursor,
                                    .requests = flusher_requests(f, f->slot_epoch)};
    struct sr_err err;

    if (f->phase != EPOCH_SEALED || !f->is_collected || f->state_written) {
        return;
    }
    if (journal_write_state(f->options.journal, f->slot_epoch, f->slot_predecessor, &source,
                            &err) == SR_OK) {
        f->state_written = true;
        return;
    }
    /* The raw records hold the epoch as well: the flush goes on, and this is tried again. */
    flusher_event(f, SYNC_EVENT_WARN, "journal.state_failed", err.text, f->slot_epoch, 0, 0);
}

static enum sr_result collect(struct flusher *f, struct sr_err *err)
{
    size_t bytes;
    enum sr_result result =
        counters_collect(f->options.counters, f->slot_epoch, &f->sealed, err);

    if (result != SR_OK) {
        return result;
    }
    bytes = (f->sealed.count + 1) * sizeof(*f->bases);
    f->bases = calloc(1, bytes);
    if (f->bases == NULL) {
        counters_sealed_done(&f->sealed);
        return sr_fail(err, SR_NO_MEMORY, "out of memory for the values of %zu rows",
                       f->sealed.count);
    }
    f->bases_bytes = bytes;
    f->refused_sum = 0;
    f->taken_sum = 0;
    if (flusher_requests(f, f->slot_epoch) != NULL) {
        request_log_sort(flusher_requests(f, f->slot_epoch));
    }
    f->is_collected = true;
    flusher_ledger_collected(f);
    return SR_OK;
}

static bool seal(struct flusher *f)
{
    if (!f->options.close_turns(f->options.turns_context, f->open_epoch)) {
        return false;
    }
    f->seal_position = journal_seal(f->options.journal, f->slot_epoch);
    f->phase = EPOCH_SEALING;
    return true;
}

bool flusher_epoch_step(struct flusher *f)
{
    struct sr_err err;

    if (f->phase == EPOCH_CLOSING && !seal(f)) {
        return true;
    }
    if (f->phase == EPOCH_SEALING) {
        if (journal_synced(f->options.journal) < f->seal_position) {
            return true;
        }
        f->phase = EPOCH_SEALED;
        f->last_sealed = f->slot_epoch;
    }
    if (f->phase == EPOCH_SEALED && !f->is_collected) {
        if (collect(f, &err) != SR_OK) {
            flusher_event(f, SYNC_EVENT_ERROR, "sync.collect_failed", err.text, f->slot_epoch,
                          0, 0);
            return true;
        }
        flusher_epoch_write_state(f);
    }
    return false;
}

void flusher_epoch_complete(struct flusher *f, bool bases_known)
{
    SR_CHECK(f->phase == EPOCH_SEALED && f->is_collected);
    flusher_epoch_write_state(f);
    if (!f->state_written) {
        flusher_event(
            f, SYNC_EVENT_WARN, "journal.retention_given_up",
            "no space for the state file of an applied epoch: it cannot be applied again "
            "should the database fall back",
            f->slot_epoch, 0, 0);
        journal_cover(f->options.journal, f->slot_epoch);
    }
    flusher_ledger_synced(f);
    /* D first: a load that is older than this epoch must not go in behind us. */
    counters_set_applied(f->options.counters, f->slot_epoch);
    counters_complete(f->options.counters, &f->sealed, bases_known ? f->bases : NULL,
                      flusher_tick(f));
    store_meter_decoded(f->options.store);
    counters_sealed_done(&f->sealed);
    if (flusher_requests(f, f->slot_epoch) != NULL) {
        request_log_clear(flusher_requests(f, f->slot_epoch));
    }
    free(f->bases);
    f->bases = NULL;
    f->bases_bytes = 0;
    f->is_collected = false;
    f->state_written = false;
    f->phase = EPOCH_OPEN;
    sr_histogram_add(&f->flush_ns, sr_clock_monotonic_ns() - f->flush_started_ns);
}

enum sr_result flusher_epoch_save_open(struct flusher *f, struct sr_err *err)
{
    struct {
        struct flusher *f;
        size_t next;
    } cursor = {.f = f};
    struct journal_source source = {.next = next_of_slot,
                                    .context = &cursor,
                                    .requests = flusher_requests(f, f->open_epoch)};
    struct counters_sealed before = f->sealed;
    enum sr_result result;

    /* No worker runs any more: the open slot is as immutable as a sealed one. */
    f->sealed = (struct counters_sealed){0};
    result = counters_collect(f->options.counters, f->open_epoch, &f->sealed, err);
    if (flusher_requests(f, f->open_epoch) != NULL) {
        request_log_sort(flusher_requests(f, f->open_epoch));
    }
    if (result == SR_OK) {
        result = journal_write_state(f->options.journal, f->open_epoch, f->last_sealed, &source,
                                     err);
    }
    counters_sealed_done(&f->sealed);
    f->sealed = before;
    return result;
}
