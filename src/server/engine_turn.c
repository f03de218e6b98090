/*
 * Turns: which epoch they count in, what they hand over, and when their replies may leave.
 *
 * A reply of worker W may contain an increment of worker V whose turn is open and not handed
 * over yet. So at its turn's end W notes which other turns are open; its replies leave when
 * those have ended and everything is durable that was handed over until then.
 */
#include "server/engine_internal.h"

#include "base/check.h"

#include <string.h>

bool engine_store_answers(const struct engine *e, uint64_t now_ms)
{
    return flusher_store_up(e->options.flusher) && loader_answers(e->options.loader, now_ms);
}

void engine_turn_begin(struct engine_worker *w, uint64_t now_ms)
{
    struct engine *e = w->engine;
    uint64_t turn = atomic_load_explicit(&w->turn, memory_order_relaxed);
    uint64_t epoch = atomic_load(&e->epoch);

    SR_CHECK((turn & 1) == 0);
    for (;;) {
        uint64_t again;

        atomic_store(&w->epoch, epoch);
        atomic_store(&w->turn, turn + 1);
        /* The second look: the flusher may have published the next epoch and looked at us
         * between. The stores before it and the flusher's are sequentially consistent, so one
         * of the two looks sees the other's store; no fence is needed, and ThreadSanitizer
         * knows none. */
        again = atomic_load(&e->epoch);
        if (again == epoch) {
            break;
        }
        epoch = again;
    }
    w->counters_turn =
        (struct counters_turn){.epoch = epoch,
                               .tick = flusher_tick(e->options.flusher),
                               .may_wait = engine_store_answers(e, now_ms),
                               .stale_will_do = !loader_prompt(e->options.loader, now_ms)};
    w->now_ms = now_ms;
    hot_look(&w->hot);
    engine_bump(&w->turns, 1);
}

bool engine_close_turns(void *engine, uint64_t epoch)
{
    struct engine *e = engine;

    if (atomic_load(&e->epoch) != epoch) {
        counters_open_epoch(e->options.counters, epoch);
        atomic_store(&e->epoch, epoch);
    }
    for (uint32_t i = 0; i < e->options.worker_count; i++) {
        struct engine_worker *w = &e->workers[i];

        if ((atomic_load(&w->turn) & 1) != 0 && atomic_load(&w->epoch) < epoch) {
            return false;
        }
    }
    return true;
}

/* Notes which other turns are open now; returns how many. */
static uint32_t note_open_turns(struct engine_worker *w, uint64_t *row)
{
    const struct engine *e = w->engine;
    uint32_t count = 0;

    for (uint32_t i = 0; i < e->options.worker_count; i++) {
        uint64_t turn = i == w->index ? 0 : atomic_load(&e->workers[i].turn);

        if ((turn & 1) != 0) {
            row[i] = turn;
            count++;
        }
    }
    return count;
}

/* The ring's entry for a new turn: the last one again when the ring is full, which then waits
 * for both. */
static struct held_turn *new_held(struct engine_worker *w, uint64_t **ret_row)
{
    bool full = w->held_size == ENGINE_HELD_MAX;
    uint32_t at = (w->held_first + w->held_size - (full ? 1 : 0)) % ENGINE_HELD_MAX;

    *ret_row = &w->open[(size_t)at * w->engine->options.worker_count];
    if (!full) {
        w->held_size++;
        w->held[at] = (struct held_turn){0};
        memset(*ret_row, 0, w->engine->options.worker_count * sizeof(**ret_row));
    }
    return &w->held[at];
}

static void hold(struct engine_worker *w, uint64_t id)
{
    uint64_t *row;
    struct held_turn *held = new_held(w, &row);

    held->id = id;
    /* First the others' turns, then the queue: a turn that ended before the look has handed
     * over before it. */
    (void)note_open_turns(w, row);
    held->open_count = 0;
    for (uint32_t i = 0; i < w->engine->options.worker_count; i++) {
        held->open_count += row[i] != 0;
    }
    held->position = journal_handed(w->engine->options.journal);
    atomic_store(&w->holds, true);
    if (held->open_count > 0) {
        atomic_store(&w->waits_for_turns, true);
    }
}

static void wake_waiters(struct engine_worker *w)
{
    struct engine *e = w->engine;

    for (uint32_t i = 0; i < e->options.worker_count; i++) {
        if (i != w->index && atomic_load(&e->workers[i].waits_for_turns)) {
            e->workers[i].wake(e->workers[i].wake_context);
        }
    }
}

static void hand_over(struct engine_worker *w)
{
    struct journal *journal = w->engine->options.journal;

    if (w->record_count > 0) {
        atomic_store(&w->handed, journal_hand_over(journal, sr_buffer_span(&w->records),
                                                   w->record_count, w->counters_turn.epoch));
    }
    SR_CHECK(w->reserved >= w->records.size);
    if (w->reserved > w->records.size) {
        journal_unreserve(journal, w->reserved - w->records.size);
    }
    w->reserved = 0;
    w->records.size = 0;
    w->record_count = 0;
}

uint64_t engine_turn_end(struct engine_worker *w, bool held)
{
    uint64_t id = w->next_id++;
    uint64_t turn = atomic_load_explicit(&w->turn, memory_order_relaxed);

    SR_CHECK((turn & 1) != 0);
    hand_over(w);
    if (held && w->engine->options.durability != JOURNAL_NONE) {
        hold(w, id);
    }
    atomic_store(&w->turn, turn + 1);
    wake_waiters(w);
    atomic_store_explicit(&w->held_count, w->held_size, memory_order_relaxed);
    return id;
}

/* Whether the turns that were open have ended; raises the position by what they handed over. */
static bool turns_ended(struct engine_worker *w, struct held_turn *held, uint64_t *row)
{
    const struct engine *e = w->engine;

    for (uint32_t i = 0; i < e->options.worker_count && held->open_count > 0; i++) {
        uint64_t handed;

        if (row[i] == 0 || atomic_load(&e->workers[i].turn) == row[i]) {
            continue;
        }
        handed = atomic_load(&e->workers[i].handed);
        held->position = handed > held->position ? handed : held->position;
        row[i] = 0;
        held->open_count--;
    }
    return held->open_count == 0;
}

static void release_ready(struct engine_worker *w)
{
    while (w->held_size > 0) {
        struct held_turn *held = &w->held[w->held_first];
        uint64_t *row = &w->open[(size_t)w->held_first * w->engine->options.worker_count];

        if (!turns_ended(w, held, row) ||
            journal_durable(w->engine->options.journal) < held->position) {
            return;
        }
        w->held_first = (w->held_first + 1) % ENGINE_HELD_MAX;
        w->held_size--;
    }
    atomic_store(&w->holds, false);
    atomic_store(&w->waits_for_turns, false);
}

uint64_t engine_released(struct engine_worker *w)
{
    if (w->held_size > 0) {
        release_ready(w);
        atomic_store_explicit(&w->held_count, w->held_size, memory_order_relaxed);
    }
    /* Turns behind the oldest held one wait for it, even those that held nothing. */
    return w->held_size > 0 ? w->held[w->held_first].id - 1 : w->next_id - 1;
}
