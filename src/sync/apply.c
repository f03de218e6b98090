/*
 * One epoch into the store: from the sealed slot, or from a state file when the database lacks
 * more than that.
 */
#include "sync/flusher_internal.h"

#include "base/check.h"
#include "base/clock.h"
#include "core/record.h"
#include "journal/requests.h"
#include "journal/state.h"
#include "store/store_meter.h"
#include "sync/takeback.h"

#include <inttypes.h>
#include <stdio.h>

struct apply {
    struct flusher *f;
    size_t next;                   /* slot: index of the next change */
    struct state_reader *reader;   /* state file; NULL: the slot */
    const struct request_log *log; /* the epoch's requests with a token; NULL: none */
    size_t next_request;
    struct takeback takeback;
    uint64_t mismatched; /* requests whose token the table has of another one */
    uint64_t rows, refused;
    enum sr_result source_result; /* what made the source fail */
    struct sr_err source_err;
};

static enum sr_result rewind_source(void *context, struct sr_err *err)
{
    struct apply *a = context;

    (void)err;
    a->next = 0;
    a->next_request = 0;
    takeback_reset(&a->takeback);
    if (a->reader != NULL) {
        state_reader_rewind(a->reader);
    }
    return SR_OK;
}

static enum sr_result next_of_epoch(void *context, struct sr_change *ret_change,
                                    struct sr_err *err)
{
    struct apply *a = context;

    if (a->reader != NULL) {
        enum sr_result result = state_reader_next(a->reader, ret_change, err);

        if (result != SR_OK && result != SR_NOT_FOUND) {
            a->source_result = result;
            a->source_err = *err;
        }
        return result;
    }
    if (a->next == a->f->sealed.count) {
        return SR_NOT_FOUND;
    }
    counters_sealed_change(a->f->options.counters, &a->f->sealed, a->next++, ret_change);
    return SR_OK;
}

static enum sr_result next_change(void *context, struct sr_change *ret_change,
                                  struct sr_err *err)
{
    struct apply *a = context;

    return takeback_next(&a->takeback, next_of_epoch, a, ret_change, err);
}

static enum sr_result next_request(void *context, struct store_request *ret_request,
                                   struct sr_err *err)
{
    struct apply *a = context;
    struct record record;
    size_t size = 0;

    (void)err;
    if (a->next_request == a->log->count) {
        return SR_NOT_FOUND;
    }
    SR_CHECK(record_decode(request_log_records(a->log, a->next_request++), &record, &size) ==
             SR_OK);
    *ret_request =
        (struct store_request){.token = record.token.token,
                               .request_hash = record.token.request_hash,
                               .status = record.token.status,
                               .totals_known = record.token.answer_kind == RECORD_ANSWER_TOTALS,
                               .totals = record.token.totals};
    return SR_OK;
}

/* Another instance counted the request first. Another request under the token, which a client
 * should not send, was acknowledged and stays counted. */
static void take_known(void *context, uint64_t index, bool same)
{
    struct apply *a = context;

    if (same) {
        takeback_request(&a->takeback, index);
    } else {
        a->mismatched++;
    }
}

static void restart_outcomes(void *context)
{
    struct apply *a = context;

    a->rows = 0;
    a->refused = 0;
    a->mismatched = 0;
    if (a->reader == NULL) {
        a->f->refused_sum = 0;
    }
}

static void note_refused(struct apply *a, size_t index)
{
    struct flusher *f = a->f;
    struct sr_change change;

    counters_sealed_change(f->options.counters, &f->sealed, index, &change);
    f->refused_sum +=
        (uint64_t)(change.value - takeback_of(&a->takeback, change.key, change.generation));
}

static void take_outcome(void *context, const struct store_outcome *outcome)
{
    struct apply *a = context;
    bool rest = false;
    size_t index = takeback_origin(&a->takeback, outcome->index, &rest);

    a->rows += !rest;
    a->refused += outcome->refused;
    if (a->reader != NULL) {
        return; /* an old epoch's values are of no use */
    }
    SR_CHECK(index < a->f->sealed.count);
    if (outcome->refused && !rest) {
        note_refused(a, index);
    }
    a->f->bases[index] = (struct counters_base){.value = outcome->value,
                                                .known = !outcome->refused,
                                                .exists = outcome->exists};
}

static void report(struct flusher *f, const struct apply *a, uint64_t epoch,
                   uint64_t elapsed_ns)
{
    uint64_t ms = elapsed_ns / 1000000U;
    uint64_t now_ms = flusher_now_ms(f);
    uint64_t since_ms;

    (void)pthread_mutex_lock(&f->lock);
    since_ms = f->dirty_since_ms[epoch & 1];
    f->stats.flushes_applied++;
    f->stats.flushes_replayed += a->reader != NULL;
    f->stats.rows_applied += a->rows - a->refused;
    f->stats.rows_refused += a->refused;
    f->stats.requests_synced += a->next_request - a->takeback.requests - a->mismatched;
    f->stats.requests_taken_back += a->takeback.requests;
    f->stats.requests_mismatched += a->mismatched;
    (void)pthread_mutex_unlock(&f->lock);
    if (a->reader == NULL) {
        uint64_t age_ms = since_ms == 0 ? 0 : now_ms - since_ms;

        sr_histogram_put(&f->key_age_ms, sr_histogram_bucket(&sr_bounds_age_ms, age_ms), age_ms,
                         a->rows);
    }
    sr_histogram_add(&f->flush_rows, a->rows);
    flusher_event(f, SYNC_EVENT_INFO, "sync.flushed",
                  a->reader == NULL ? "flushed" : "applied from a state file", epoch, a->rows,
                  ms);
    if (a->refused > 0) {
        flusher_event(f, SYNC_EVENT_ERROR, "sync.rows_refused",
                      "rows that the database refused are in counter_refused", epoch,
                      a->refused, ms);
    }
}

static void failed(struct flusher *f, const struct apply *a, enum sr_result result,
                   const struct sr_err *err)
{
    (void)pthread_mutex_lock(&f->lock);
    f->stats.flushes_failed++;
    f->stats.flushes_unknown += result == SR_UNKNOWN;
    (void)pthread_mutex_unlock(&f->lock);
    if (a->source_result == SR_DAMAGED) {
        flusher_stop_for_good(f, a->source_err.text);
        return;
    }
    flusher_store_failed(f, result, err);
    if (result == SR_UNKNOWN || result == SR_FENCED) {
        f->retry_at_ms = flusher_now_ms(f) + 20; /* the claim tells, and it can be asked soon */
    }
}

static void apply(struct flusher *f, struct apply *a, uint64_t epoch, struct sr_err *err)
{
    struct store_epoch fence = {.epoch = epoch,
                                .predecessor = f->applied,
                                .owner = f->owner,
                                .window_s = (f->options.window_ms + 999) / 1000};
    struct store_source source = {.context = a, .rewind = rewind_source, .next = next_change};
    struct store_sink sink = {.context = a,
                              .restart = restart_outcomes,
                              .outcome = take_outcome,
                              .known = take_known};
    uint64_t started = sr_clock_monotonic_ns();
    enum sr_result result = datadir_mark_fenced(f->options.datadir, err);

    if (a->log != NULL && a->log->count > 0) {
        source.next_request = next_request;
    }
    a->takeback.log = a->log;
    f->bases_valid = false;
    restart_outcomes(a);
    if (result == SR_OK) {
        flusher_set_state(f, FLUSHER_FLUSHING, "");
        store_meter_waited(f->options.store, a->reader == NULL ? f->flush_started_ns : started);
        result = f->options.store->ops->apply(f->options.store, &fence, &source, &sink, err);
    }
    f->taken_sum = a->reader == NULL ? a->takeback.sum : f->taken_sum;
    if (result != SR_OK) {
        /* COMMIT is sent when all values were read: if the claim finds it applied, they hold.
         */
        f->bases_valid = result == SR_UNKNOWN && a->reader == NULL;
        failed(f, a, result, err);
        return;
    }
    flusher_contact(f);
    f->applied = epoch;
    report(f, a, epoch, sr_clock_monotonic_ns() - started);
    if (a->reader == NULL) {
        flusher_epoch_complete(f, true);
    }
    journal_applied(f->options.journal, epoch, f->retention_clock_ms);
    flusher_set_state(f, FLUSHER_CAUGHT_UP, "");
}

/* The requests of a state file, all of them in memory: those of one epoch, which a window let
 * in. */
static enum sr_result read_requests(struct apply *a, struct requests *requests,
                                    struct sr_err *err)
{
    enum sr_result result = requests_take_state(requests, a->reader, err);

    if (result == SR_OK) {
        result = requests_finish(requests, err);
    }
    a->log = &requests->log;
    return result;
}

static void apply_state(struct flusher *f)
{
    struct apply a = {.f = f};
    struct requests requests;
    struct journal_state state;
    struct sr_err err = {0};
    enum sr_result result;

    /* The claim made sure that the chain has no gap. */
    SR_CHECK(journal_state_after(f->options.journal, f->applied, &state));
    SR_CHECK(state.predecessor == f->applied);
    requests_init(&requests);
    result = state_reader_open(datadir_disk(f->options.datadir), state.name, &a.reader, &err);
    if (result == SR_OK) {
        result = read_requests(&a, &requests, &err);
    }
    if (result == SR_DAMAGED || result == SR_NOT_FOUND) {
        flusher_stop_for_good(f, err.text);
    } else if (result != SR_OK) {
        flusher_store_failed(f, result, &err);
    } else {
        apply(f, &a, state.epoch, &err);
    }
    takeback_done(&a.takeback);
    state_reader_close(&a.reader);
    requests_done(&requests);
}

void flusher_apply_next(struct flusher *f)
{
    struct apply a = {.f = f};
    struct sr_err err = {0};

    if (f->phase == EPOCH_SEALED && f->slot_predecessor == f->applied) {
        a.log = flusher_requests(f, f->slot_epoch);
        apply(f, &a, f->slot_epoch, &err);
        takeback_done(&a.takeback);
        return;
    }
    apply_state(f);
}
