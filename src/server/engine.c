/*
 * The engine: the order of check, count, journal and acknowledge for every request.
 */
#include "server/engine_internal.h"

#include "base/check.h"
#include "core/record.h"

#include <stdlib.h>
#include <string.h>

#define RESERVE_STEP (16U * 1024U) /* bytes of journal room a turn takes at once */
#define RECORDS_MAX (8U * 1024U * 1024U)

static enum sr_result init_worker(struct engine *e, uint32_t index, struct sr_err *err)
{
    struct engine_worker *w = &e->workers[index];

    w->engine = e;
    w->index = index;
    w->next_id = 1;
    sr_buffer_init(&w->records, RECORDS_MAX);
    sr_buffer_init(&w->totals, ENGINE_TOTALS_MAX);
    hot_sampler_init(&w->hot, index);
    w->held = calloc(ENGINE_HELD_MAX, sizeof(*w->held));
    w->open = calloc((size_t)ENGINE_HELD_MAX * e->options.worker_count, sizeof(*w->open));
    if (w->held == NULL || w->open == NULL) {
        return sr_fail(err, SR_NO_MEMORY, "out of memory making a worker");
    }
    return SR_OK;
}

enum sr_result engine_open(const struct engine_options *options, struct engine **ret_engine,
                           struct sr_err *err)
{
    struct engine *e = calloc(1, sizeof(*e));
    enum sr_result result = SR_OK;
    size_t bytes;

    if (e == NULL) {
        return sr_fail(err, SR_NO_MEMORY, "out of memory making the engine");
    }
    e->options = *options;
    bytes = options->worker_count * sizeof(*e->workers);
    e->workers = aligned_alloc(CACHE_LINE, bytes);
    if (e->workers == NULL) {
        engine_close(&e);
        return sr_fail(err, SR_NO_MEMORY, "out of memory making the workers");
    }
    memset(e->workers, 0, bytes);
    for (uint32_t i = 0; i < options->worker_count && result == SR_OK; i++) {
        result = init_worker(e, i, err);
    }
    if (result != SR_OK) {
        engine_close(&e);
        return result;
    }
    *ret_engine = e;
    return SR_OK;
}

void engine_close(struct engine **engine)
{
    struct engine *e = *engine;

    if (e == NULL) {
        return;
    }
    for (uint32_t i = 0; e->workers != NULL && i < e->options.worker_count; i++) {
        sr_buffer_done(&e->workers[i].records);
        sr_buffer_done(&e->workers[i].totals);
        if (e->workers[i].engine != NULL) {
            hot_sampler_done(&e->workers[i].hot);
        }
        free(e->workers[i].held);
        free(e->workers[i].open);
    }
    free(e->workers);
    free(e);
    *engine = NULL;
}

void engine_attach(struct engine *e, struct flusher *flusher, struct loader *loader,
                   uint64_t open_epoch)
{
    e->options.flusher = flusher;
    e->options.loader = loader;
    atomic_store(&e->epoch, open_epoch);
}

struct engine_worker *engine_worker(struct engine *e, uint32_t index)
{
    SR_CHECK(index < e->options.worker_count);
    return &e->workers[index];
}

void engine_worker_on_wake(struct engine_worker *w, void (*wake)(void *context), void *context)
{
    w->wake_context = context;
    w->wake = wake;
}

/* ---- requests ---- */

enum engine_status engine_reject(struct engine_worker *w, enum engine_rejection why,
                                 struct engine_answer *ret_answer)
{
    engine_bump(&w->rejected[why], 1);
    ret_answer->rejection = why;
    return ENGINE_REJECTED;
}

static enum engine_rejection room_rejection(struct engine *e, enum journal_room room)
{
    switch (room) {
    case JOURNAL_ROOM:
        return ENGINE_REJECT_NONE;
    case JOURNAL_ROOM_QUEUE_FULL:
        return ENGINE_REJECT_QUEUE_FULL;
    case JOURNAL_ROOM_FAILED:
        return ENGINE_REJECT_JOURNAL_FAILED;
    case JOURNAL_ROOM_FULL:
    default:
        flusher_tick_soon(e->options.flusher);
        return ENGINE_REJECT_JOURNAL_FULL;
    }
}

enum engine_rejection engine_make_room(struct engine_worker *w, size_t size)
{
    struct engine *e = w->engine;
    enum journal_room room;

    if (atomic_load_explicit(&e->draining, memory_order_relaxed)) {
        return ENGINE_REJECT_DRAINING;
    }
    if (e->options.durability == JOURNAL_NONE) {
        return ENGINE_REJECT_NONE;
    }
    if (sr_buffer_reserve(&w->records, size) != SR_OK) {
        return ENGINE_REJECT_QUEUE_FULL;
    }
    if (w->reserved - w->records.size >= size) {
        return ENGINE_REJECT_NONE;
    }
    if (size <= RESERVE_STEP) {
        room = journal_reserve(e->options.journal, RESERVE_STEP);
        if (room == JOURNAL_ROOM) {
            w->reserved += RESERVE_STEP;
            return ENGINE_REJECT_NONE;
        }
    }
    /* Near a bound the last bytes count one by one, and a batch comes by itself. */
    room = journal_reserve(e->options.journal, size);
    w->reserved += room == JOURNAL_ROOM ? size : 0;
    return room_rejection(e, room);
}

void engine_write_record(struct engine_worker *w, enum record_kind kind, struct sr_span key,
                         int64_t value, uint32_t generation)
{
    struct record record = {.kind = kind,
                            .generation = generation,
                            .epoch = w->counters_turn.epoch,
                            .value = value,
                            .key = key};

    if (w->engine->options.durability == JOURNAL_NONE && !w->in_token) {
        return;
    }
    record_encode(&record, w->records.data + w->records.size);
    w->records.size += record_size(key.size);
    w->record_count++;
}

/* Nothing was counted: the request waits for a load (which this caller may have to start) or
 * for the next turn. */
static enum engine_status wait_for(struct engine_worker *w, enum counters_status status,
                                   const struct counters_outcome *outcome,
                                   struct engine_answer *ret_answer)
{
    struct engine *e = w->engine;

    ret_answer->wait = (struct engine_wait){.for_turn = status == COUNTERS_WAIT_TURN};
    engine_bump(&w->waits, 1);
    if (status == COUNTERS_WAIT_TURN) {
        return ENGINE_WAIT;
    }
    ret_answer->wait.ref = outcome->ref;
    ret_answer->wait.pinned = outcome->pinned;
    ret_answer->wait.refresh = outcome->refresh;
    if (outcome->start_load && loader_queue(e->options.loader, outcome->ref) != SR_OK) {
        counters_load_failed(e->options.counters, outcome->ref);
        engine_wait_end(w, &ret_answer->wait);
        return engine_reject(w, ENGINE_REJECT_LOADER_FULL, ret_answer);
    }
    return ENGINE_WAIT;
}

enum engine_status engine_answer_of(struct engine_worker *w, enum counters_status status,
                                    const struct counters_outcome *outcome,
                                    struct engine_answer *ret_answer)
{
    switch (status) {
    case COUNTERS_DONE:
        ret_answer->total = outcome->total;
        ret_answer->synced = outcome->synced;
        ret_answer->synced_known = outcome->synced_known;
        return ENGINE_DONE;
    case COUNTERS_DONE_UNKNOWN:
        return ENGINE_DONE_UNKNOWN;
    case COUNTERS_WAIT_LOAD:
    case COUNTERS_WAIT_TURN:
        return wait_for(w, status, outcome, ret_answer);
    case COUNTERS_ABSENT:
        return ENGINE_ABSENT;
    case COUNTERS_OVERFLOW:
        engine_bump(&w->overflows, 1);
        return ENGINE_OVERFLOW;
    case COUNTERS_SLOT_FULL:
        flusher_tick_soon(w->engine->options.flusher);
        return engine_reject(w, ENGINE_REJECT_SLOT_FULL, ret_answer);
    case COUNTERS_STORE_DOWN:
        return engine_reject(w, ENGINE_REJECT_STORE_DOWN, ret_answer);
    case COUNTERS_TABLE_FULL:
    default:
        flusher_tick_soon(w->engine->options.flusher);
        return engine_reject(w, ENGINE_REJECT_TABLE_FULL, ret_answer);
    }
}

enum engine_status engine_increment(struct engine_worker *w, struct sr_span key, int64_t value,
                                    struct engine_answer *ret_answer)
{
    struct counters *counters = w->engine->options.counters;
    enum engine_rejection why = engine_make_room(w, record_size(key.size));
    struct counters_outcome outcome;
    enum counters_status status;

    if (why != ENGINE_REJECT_NONE) {
        return engine_reject(w, why, ret_answer);
    }
    status = counters_increment(counters, &w->counters_turn, key, engine_hash(w, key), value,
                                &outcome);
    if (status == COUNTERS_DONE || status == COUNTERS_DONE_UNKNOWN) {
        engine_write_record(w, RECORD_ADD, key, value, outcome.generation);
        engine_bump(&w->accepted, 1);
        hot_count(&w->hot, key);
        engine_bump(&w->delta[w->counters_turn.epoch & 1], (uint64_t)value);
    }
    return engine_answer_of(w, status, &outcome, ret_answer);
}

/* A set or a delete, of which the record kinds have the numbers of the changes'. */
static enum engine_status replace(struct engine_worker *w, struct sr_span key,
                                  enum sr_change_kind kind, int64_t value,
                                  struct engine_answer *ret_answer)
{
    struct counters *counters = w->engine->options.counters;
    enum engine_rejection why = engine_make_room(w, record_size(key.size));
    struct counters_outcome outcome;
    enum counters_status status;

    if (why != ENGINE_REJECT_NONE) {
        return engine_reject(w, why, ret_answer);
    }
    status = counters_replace(counters, &w->counters_turn, key, engine_hash(w, key), kind,
                              value, &outcome);
    if (status == COUNTERS_DONE) {
        engine_write_record(w, (enum record_kind)kind, key, value, outcome.generation);
        engine_bump(kind == SR_CHANGE_SET ? &w->sets : &w->deletes, 1);
        engine_bump(&w->delta[w->counters_turn.epoch & 1],
                    (uint64_t)value - (uint64_t)outcome.replaced);
    }
    return engine_answer_of(w, status, &outcome, ret_answer);
}

enum engine_status engine_set(struct engine_worker *w, struct sr_span key, int64_t value,
                              struct engine_answer *ret_answer)
{
    return replace(w, key, SR_CHANGE_SET, value, ret_answer);
}

enum engine_status engine_delete(struct engine_worker *w, struct sr_span key,
                                 struct engine_answer *ret_answer)
{
    return replace(w, key, SR_CHANGE_DELETE, 0, ret_answer);
}

enum engine_status engine_read(struct engine_worker *w, struct sr_span key,
                               struct engine_answer *ret_answer)
{
    struct counters *counters = w->engine->options.counters;
    struct counters_outcome outcome;
    enum counters_status status =
        counters_read(counters, &w->counters_turn, key, engine_hash(w, key), &outcome);

    return engine_answer_of(w, status, &outcome, ret_answer);
}

bool engine_wait_over(struct engine_worker *w, const struct engine_wait *wait, uint64_t now_ms)
{
    struct engine *e = w->engine;

    if (wait->job != NULL) {
        return lister_is_done(wait->job);
    }
    if (wait->flush.ticket.number != 0) {
        return engine_flush_over(e, &wait->flush, now_ms);
    }
    if (wait->for_turn || !engine_store_answers(e, now_ms)) {
        return true;
    }
    if (wait->for_token) {
        return dedup_state(e->options.dedup, wait->token) != DEDUP_STATE_ASKING;
    }
    if (wait->batch != NULL) {
        return engine_batch_wait_over(w, wait, now_ms);
    }
    return !wait->pinned || !counters_loading(e->options.counters, wait->ref) ||
           (wait->refresh && !loader_prompt(e->options.loader, now_ms));
}

void engine_wait_end(struct engine_worker *w, struct engine_wait *wait)
{
    if (wait->batch != NULL) {
        engine_batch_wait_end(w, wait);
    }
    if (wait->pinned) {
        counters_unpin(w->engine->options.counters, wait->ref);
        wait->pinned = false;
    }
}
