/*
 * The claim: the one routine for start, reconnect, unknown COMMIT and fallback (DESIGN section
 * 5). It shuts out whoever used an older token, and is the only way to read the applied epoch L
 * for a decision.
 */
#include "sync/flusher_internal.h"

#include <inttypes.h>
#include <stdio.h>

/* The epoch that follows `epoch` in the chain: in the sealed slot or in a state file; false: a
 * gap. */
static bool chain_next(struct flusher *f, uint64_t epoch, uint64_t *ret_next)
{
    struct journal_state state;

    if (f->phase == EPOCH_SEALED && f->slot_predecessor == epoch) {
        *ret_next = f->slot_epoch;
        return true;
    }
    if (!journal_state_after(f->options.journal, epoch, &state) || state.predecessor != epoch) {
        return false;
    }
    *ret_next = state.epoch;
    return true;
}

static bool chain_reaches_end(struct flusher *f, uint64_t epoch)
{
    while (epoch < f->last_sealed) {
        if (!chain_next(f, epoch, &epoch)) {
            return false;
        }
    }
    return true;
}

/* The COMMIT whose answer was lost did arrive. */
static void complete_unknown(struct flusher *f)
{
    (void)pthread_mutex_lock(&f->lock);
    f->stats.flushes_applied++;
    f->stats.rows_applied += f->sealed.count;
    (void)pthread_mutex_unlock(&f->lock);
    flusher_epoch_complete(f, f->bases_valid);
}

static void fell_back(struct flusher *f, uint64_t epoch)
{
    char text[200];

    (void)snprintf(text, sizeof(text),
                   "the database is at epoch %" PRIu64 " and was at %" PRIu64
                   " before: it fell back; what it lacks is applied again from state files",
                   epoch, f->applied);
    flusher_event(f, SYNC_EVENT_WARN, "sync.fell_back", text, epoch, 0, 0);
    counters_forget_bases(f->options.counters);
}

static void take_epoch(struct flusher *f, uint64_t epoch)
{
    char why[300];

    if (epoch > f->last_sealed) {
        (void)snprintf(
            why, sizeof(why),
            "the database is at epoch %" PRIu64 " and this data directory at %" PRIu64
            ": an older copy of the directory was restored. Nothing is flushed; use the "
            "newest copy of the directory, or start with an empty one (a new instance)",
            epoch, f->last_sealed);
        flusher_stop_for_good(f, why);
        return;
    }
    if (!chain_reaches_end(f, epoch)) {
        (void)snprintf(why, sizeof(why),
                       "the database is at epoch %" PRIu64
                       " and the state files kept here begin later: it fell back further than "
                       "--journal-retention, or below an epoch whose state file could not be "
                       "written. Nothing is flushed; restore a newer database",
                       epoch);
        flusher_stop_for_good(f, why);
        return;
    }
    if (f->applied_known && epoch < f->applied) {
        fell_back(f, epoch);
    }
    f->applied = epoch;
    f->applied_known = true;
    f->claimed = true;
    if (f->phase == EPOCH_SEALED && f->slot_epoch == epoch) {
        complete_unknown(f);
    }
    journal_judge_hollow(f->options.journal, epoch);
    journal_applied(f->options.journal, epoch, f->retention_clock_ms);
    flusher_set_state(f, FLUSHER_CAUGHT_UP, "");
    if (f->options.claimed != NULL) {
        f->options.claimed(f->options.turns_context);
    }
}

static void confirm(struct flusher *f, const struct sr_uuid *token, uint64_t epoch)
{
    bool was_down = f->down_since_ms != 0;
    struct sr_err err;
    enum sr_result result = datadir_token_confirmed(f->options.datadir, flusher_now_ms(f),
                                                    f->options.retention_ms, &err);

    if (result != SR_OK) {
        flusher_store_failed(f, result, &err);
        return;
    }
    flusher_contact(f);
    f->owner = *token;
    if (was_down || !f->applied_known) {
        flusher_event(f, SYNC_EVENT_INFO, "sync.claimed", "connected, the writer's row is ours",
                      epoch, 0, 0);
    }
    take_epoch(f, epoch);
}

static void claim_refused(struct flusher *f, enum sr_result result)
{
    uint64_t first = f->options.open_epoch;
    char why[300];

    if (result == SR_FENCED) {
        first = f->applied_known && f->applied >= first ? f->applied + 1 : first;
        (void)snprintf(why, sizeof(why),
                       "the writer's row in the database belongs to another owner: this data "
                       "directory was copied and the other copy is in use. Nothing is flushed; "
                       "stop one of the two. What this one counted since is in epochs from "
                       "%" PRIu64 " on",
                       first);
        flusher_stop_for_good(f, why);
        return;
    }
    flusher_stop_for_good(
        f, "the writer's row of this instance is gone from counter_writers although it was "
           "there: this is another database, or it was restored from before. Nothing is "
           "flushed; use the former one, restore the row, or start with an empty data "
           "directory (a new instance)");
}

void flusher_claim(struct flusher *f)
{
    struct store_claim claim = {.insert_row = !datadir_fenced(f->options.datadir)};
    struct sr_err err = {0};
    uint64_t epoch = 0;
    enum sr_result result = datadir_token_draw(f->options.datadir, &claim.fresh, &err);

    if (result == SR_OK) {
        claim.mine = datadir_tokens(f->options.datadir, &claim.mine_count);
        claim.own_count = datadir_tokens_own(f->options.datadir);
        claim.others_below = f->options.sealed_epoch + 1;
        result = f->options.store->ops->claim(f->options.store, &claim, &epoch, &err);
    }
    (void)pthread_mutex_lock(&f->lock);
    f->stats.claims++;
    f->stats.claims_failed += result != SR_OK;
    (void)pthread_mutex_unlock(&f->lock);
    switch (result) {
    case SR_OK:
        confirm(f, &claim.fresh, epoch);
        return;
    case SR_FENCED:
    case SR_NOT_FOUND:
        claim_refused(f, result);
        return;
    default:
        flusher_store_failed(f, result, &err);
        return;
    }
}

void flusher_look(struct flusher *f)
{
    struct sr_err err = {0};
    uint64_t epoch = 0;
    bool owned = false;
    enum sr_result result =
        f->options.store->ops->look(f->options.store, &f->owner, &epoch, &owned, &err);

    if (result == SR_OK && owned && epoch == f->applied) {
        flusher_contact(f);
        journal_applied(f->options.journal, epoch, f->retention_clock_ms);
        return;
    }
    if (result == SR_OK || result == SR_NOT_FOUND) {
        /* Not as we left it: the claim finds out what it means. */
        f->claimed = false;
        f->contact_ms = 0;
        f->retry_at_ms = 0;
        return;
    }
    flusher_store_failed(f, result, &err);
}
