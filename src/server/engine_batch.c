/*
 * Many increments as one request: all of them are counted in one turn and journaled in one
 * hand-over, which is never cut into two frames, or none is.
 */
#include "server/engine_internal.h"

#include "base/check.h"
#include "core/record.h"

static void release_pins(struct engine_worker *w, struct counters_batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        struct counters_batch_item *item = &batch->items[i];

        if (item->pinned) {
            counters_unpin(w->engine->options.counters, item->ref);
            item->pinned = false;
        }
    }
}

void engine_batch_wait_end(struct engine_worker *w, struct engine_wait *wait)
{
    release_pins(w, wait->batch);
    wait->batch = NULL;
}

bool engine_batch_wait_over(struct engine_worker *w, const struct engine_wait *wait,
                            uint64_t now_ms)
{
    bool prompt = loader_prompt(w->engine->options.loader, now_ms);
    struct counters_batch *batch = wait->batch;

    for (; batch->loaded_to < batch->count; batch->loaded_to++) {
        const struct counters_batch_item *item = &batch->items[batch->loaded_to];

        if (item->pinned && (prompt || !item->refresh) &&
            counters_loading(w->engine->options.counters, item->ref)) {
            return false;
        }
    }
    return true;
}

/* Pins a leader's entry, and has it loaded if need be. */
static enum counters_status hold_one(struct engine_worker *w, struct counters_batch *batch,
                                     uint32_t i, enum engine_rejection *ret_why)
{
    const struct engine_options *options = &w->engine->options;
    struct counters_batch_item *item = &batch->items[i];
    struct counters_outcome outcome;
    enum counters_status status =
        counters_hold(options->counters, &w->counters_turn, counters_batch_key(batch, i),
                      item->hash, &outcome);

    item->refresh = outcome.refresh;
    if (item->pinned && outcome.pinned) {
        counters_unpin(options->counters, outcome.ref); /* one is enough */
    } else if (outcome.pinned) {
        item->ref = outcome.ref;
        item->pinned = true;
    }
    if (outcome.start_load && loader_queue(options->loader, outcome.ref) != SR_OK) {
        counters_load_failed(options->counters, outcome.ref);
        *ret_why = ENGINE_REJECT_LOADER_FULL;
    }
    return status;
}

/* All keys have entries afterwards: DONE, or WAIT_LOAD where some are being loaded. */
static enum counters_status hold_all(struct engine_worker *w, struct counters_batch *batch,
                                     enum engine_rejection *ret_why)
{
    enum counters_status worst = COUNTERS_DONE;

    batch->loaded_to = 0;
    for (uint32_t i = 0; i < batch->count; i++) {
        enum counters_status status;

        if (batch->items[i].leader != i) {
            continue;
        }
        status = hold_one(w, batch, i, ret_why);
        if (status == COUNTERS_TABLE_FULL || *ret_why != ENGINE_REJECT_NONE) {
            return status;
        }
        worst = status == COUNTERS_DONE ? worst : status;
    }
    return worst;
}

/* Counts, and sees to it that what the table lacks is brought in. */
static enum counters_status count_all(struct engine_worker *w, struct counters_batch *batch,
                                      uint32_t *ret_item, enum engine_rejection *ret_why)
{
    struct counters *counters = w->engine->options.counters;
    enum counters_status status =
        counters_increment_all(counters, &w->counters_turn, batch, ret_item);

    if (status != COUNTERS_WAIT_LOAD) {
        return status;
    }
    status = hold_all(w, batch, ret_why);
    if (status != COUNTERS_DONE || *ret_why != ENGINE_REJECT_NONE) {
        return status;
    }
    status = counters_increment_all(counters, &w->counters_turn, batch, ret_item);
    /* An entry that could not be pinned went away again, or a base was forgotten. */
    return status == COUNTERS_WAIT_LOAD ? COUNTERS_WAIT_TURN : status;
}

/* Writes the records in order; true where all totals are known. */
static bool record_all(struct engine_worker *w, const struct counters_batch *batch)
{
    uint64_t sum = 0;
    bool known = true;

    for (uint32_t i = 0; i < batch->count; i++) {
        const struct counters_batch_item *item = &batch->items[i];

        engine_write_record(w, RECORD_ADD, counters_batch_key(batch, i), item->value,
                            batch->items[item->leader].generation);
        hot_count(&w->hot, counters_batch_key(batch, i));
        sum += (uint64_t)item->value;
        known &= item->total_known;
    }
    engine_bump(&w->accepted, batch->count);
    engine_bump(&w->delta[w->counters_turn.epoch & 1], sum);
    return known;
}

static enum engine_status answer_batch(struct engine_worker *w, struct counters_batch *batch,
                                       enum counters_status status,
                                       struct engine_answer *ret_answer)
{
    static const struct counters_outcome nothing;

    if (status == COUNTERS_DONE) {
        return record_all(w, batch) ? ENGINE_DONE : ENGINE_DONE_UNKNOWN;
    }
    if (status != COUNTERS_WAIT_LOAD && status != COUNTERS_WAIT_TURN) {
        return engine_answer_of(w, status, &nothing, ret_answer);
    }
    engine_bump(&w->waits, 1);
    ret_answer->wait =
        (struct engine_wait){.for_turn = status == COUNTERS_WAIT_TURN, .batch = batch};
    return ENGINE_WAIT;
}

enum engine_status engine_increment_all(struct engine_worker *w, struct counters_batch *batch,
                                        struct engine_answer *ret_answer)
{
    size_t bytes = counters_batch_record_bytes(batch);
    enum engine_rejection why = ENGINE_REJECT_NONE;
    enum counters_status counted = COUNTERS_WAIT_TURN;
    enum engine_status status;

    /* What others had counted in this turn may leave too little room in its hand-over; then the
     * next turn is this batch's. */
    if (w->record_count == 0 || w->records.size + bytes <= w->records.size_max) {
        why = engine_make_room(w, bytes);
        if (why == ENGINE_REJECT_NONE) {
            counted = count_all(w, batch, &ret_answer->item, &why);
        }
    }
    status = why != ENGINE_REJECT_NONE ? engine_reject(w, why, ret_answer)
                                       : answer_batch(w, batch, counted, ret_answer);
    if (status != ENGINE_WAIT) {
        release_pins(w, batch);
    }
    return status;
}
