/*
 * A simulated worker: turns of requests through the real engine. Its total of every change and
 * every read must be exactly what the judge's model holds at that moment.
 */
#include "world.h"

#include "base/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define KIND_READ 0
#define COUNTED_ROOM 8 /* for a batch */
#define LONG_KEY 480   /* of small tables: keys of all sizes, so that a few fill them */
#define SHORTER 19     /* each is that much shorter than the one before */

static uint64_t now_ms(struct instance *i)
{
    struct disk *disk = sim_disk_base(i->disk);

    return disk->now_ms(disk);
}

static int64_t draw_value(struct instance *i, unsigned key)
{
    struct world *w = i->world;

    if (w->edges && key < EDGE_KEYS) {
        int64_t half = INT64_MAX / 2 - (int64_t)world_draw(w, 1000);

        return world_draw(w, 2) == 0 ? half : -half;
    }
    switch (world_draw(w, 6)) {
    case 0:
        return 0;
    case 1:
        return -1 - (int64_t)world_draw(w, 20);
    case 2:
        return 1 + (int64_t)world_draw(w, 40);
    default:
        return 1;
    }
}

static uint8_t draw_kind(struct instance *i, unsigned key)
{
    struct world *w = i->world;
    uint64_t chance = world_draw(w, 12);

    if (chance < 2) {
        return KIND_READ;
    }
    if (chance < 4 && w->replaces && !(w->edges && key < EDGE_KEYS)) {
        return chance == 2 ? SR_CHANGE_SET : SR_CHANGE_DELETE;
    }
    return SR_CHANGE_ADD;
}

static enum engine_status run(struct instance *i, struct worker *worker,
                              const struct pending *request, struct engine_answer *ret_answer)
{
    struct sr_span key;
    char name[KEY_NAME_SIZE];

    key_name(i->world, request->key, name, sizeof(name));
    key = sr_span_text(name);
    switch (request->kind) {
    case KIND_READ:
        return engine_read(worker->engine, key, ret_answer);
    case SR_CHANGE_ADD:
        return engine_increment(worker->engine, key,
                                (int64_t)((uint64_t)request->value << (DIGIT_BITS * i->index)),
                                ret_answer);
    case SR_CHANGE_SET:
        return engine_set(worker->engine, key, request->value, ret_answer);
    default:
        return engine_delete(worker->engine, key, ret_answer);
    }
}

static void judge_total(struct instance *i, const struct pending *request,
                        enum engine_status status, const struct engine_answer *answer)
{
    const struct model *model = &i->judge.live[request->key];
    struct world *w = i->world;

    if (w->edges && request->key < EDGE_KEYS) {
        return; /* rows that the database refuses leave the total */
    }
    w->figures.totals++;
    if (status == ENGINE_ABSENT && i->judge.rows_known[request->key] && model->exists) {
        world_fail(w, "a key that is there was not found", request->key, (int64_t)model->value,
                   0);
    }
    if (status == ENGINE_DONE && model->value != digit_of(i, answer->total)) {
        judge_explain(&i->judge, i->judge.live);
        world_fail(w, "a total that no order explains", request->key,
                   digit_of(i, answer->total), (int64_t)model->value);
    }
}

static void count(struct instance *i, struct worker *worker, const struct pending *request)
{
    SR_CHECK(worker->counted_count < sizeof(worker->counted) / sizeof(worker->counted[0]));
    worker->counted[worker->counted_count++] = judge_now(&i->judge);
    judge_counted(&i->judge, &(struct operation){.key = request->key,
                                                 .kind = request->kind,
                                                 .value = request->value,
                                                 .epoch = worker->epoch});
}

static void note_rejection(struct world *w, enum engine_status status,
                           const struct engine_answer *answer)
{
    w->figures.overflows += status == ENGINE_OVERFLOW;
    if (status == ENGINE_REJECTED) {
        w->figures.journal_full += answer->rejection == ENGINE_REJECT_JOURNAL_FULL;
    }
}

static void request(struct instance *i, struct worker *worker, struct pending request)
{
    struct engine_answer answer = {0};
    enum engine_status status = run(i, worker, &request, &answer);

    switch (status) {
    case ENGINE_WAIT:
        i->world->figures.waits++;
        request.turn = PENDING_WAITS;
        request.wait = answer.wait;
        break;
    case ENGINE_DONE:
    case ENGINE_DONE_UNKNOWN:
    case ENGINE_ABSENT:
        if (request.kind != KIND_READ) {
            count(i, worker, &request);
        }
        judge_total(i, &request, status, &answer);
        i->world->figures.unknown += status == ENGINE_DONE_UNKNOWN;
        request.turn = PENDING_OPEN;
        request.now = judge_now(&i->judge);
        worker->answered = true;
        break;
    default:
        note_rejection(i->world, status, &answer);
        return; /* certainly not counted */
    }
    worker->pending[worker->pending_count++] = request;
}

static uint8_t draw_key(struct instance *i)
{
    unsigned key = (unsigned)world_draw(i->world, TOKEN_KEY_FIRST);

    if (!i->world->small_table && world_draw(i->world, 4) != 0) {
        key %= 6; /* most go to a few */
    }
    return (uint8_t)key;
}

static struct call *draw_batch(struct instance *i)
{
    struct call *call = call_plain();
    uint64_t items = 1 + world_draw(i->world, 5);

    while (items-- > 0) {
        unsigned key = draw_key(i);

        call_add(i, call, key, draw_value(i, key));
    }
    return call;
}

/* The changes of a batch are the judge's operations, one by one. */
static void count_batch(struct instance *i, struct worker *worker, const struct call *call)
{
    for (uint32_t n = 0; n < call->batch.count; n++) {
        const struct counters_batch_item *item = &call->batch.items[n];
        struct pending one = {.key = (uint8_t)key_number(counters_batch_key(&call->batch, n)),
                              .kind = SR_CHANGE_ADD,
                              .value = item->value >> (DIGIT_BITS * i->index)};

        count(i, worker, &one);
        if (item->total_known) {
            judge_total(i, &one, ENGINE_DONE, &(struct engine_answer){.total = item->total});
        }
    }
}

static void run_call(struct instance *i, struct worker *worker, struct pending request)
{
    struct engine_answer answer = {0};
    enum engine_status status = call_run(i, worker, request.call, &request.wait, &answer);

    switch (status) {
    case ENGINE_WAIT:
        i->world->figures.waits++;
        request.turn = PENDING_WAITS;
        request.wait = answer.wait;
        break;
    case ENGINE_DONE:
    case ENGINE_DONE_UNKNOWN:
        if (request.call->number == CALL_PLAIN) {
            count_batch(i, worker, request.call);
        }
        request.turn = PENDING_OPEN;
        request.now = judge_now(&i->judge);
        worker->answered = true;
        break;
    default:
        note_rejection(i->world, status, &answer);
        call_free(&request.call);
        return;
    }
    worker->pending[worker->pending_count++] = request;
}

static void new_call(struct instance *i, struct worker *worker)
{
    struct pending fresh = {.call = NULL};

    if (worker->pending_count < PENDING_MAX &&
        worker->counted_count < PENDING_MAX * 4 - COUNTED_ROOM) {
        fresh.call = world_draw(i->world, 2) == 0 ? draw_batch(i) : call_with_token(i->world);
        run_call(i, worker, fresh);
    }
}

static void new_request(struct instance *i, struct worker *worker)
{
    struct pending fresh = {.key = draw_key(i)};

    fresh.kind = draw_kind(i, fresh.key);
    fresh.value = fresh.kind == SR_CHANGE_DELETE ? 0 : draw_value(i, fresh.key);
    if (worker->pending_count < PENDING_MAX) {
        request(i, worker, fresh);
    }
}

static void drop_pending(struct worker *worker, unsigned at)
{
    worker->pending_count--;
    memmove(&worker->pending[at], &worker->pending[at + 1],
            (worker->pending_count - at) * sizeof(worker->pending[0]));
}

static void retry_waiting(struct instance *i, struct worker *worker)
{
    for (unsigned at = 0; at < worker->pending_count; at++) {
        struct pending pending = worker->pending[at];

        if (pending.turn == PENDING_WAITS &&
            engine_wait_over(worker->engine, &pending.wait, now_ms(i))) {
            /* As the connection does: the entry stays held until the retry has run. */
            drop_pending(worker, at);
            if (pending.call != NULL) {
                run_call(i, worker, pending);
                return;
            }
            request(i, worker, pending);
            engine_wait_end(worker->engine, &pending.wait);
            return;
        }
    }
}

static void begin_turn(struct instance *i, struct worker *worker)
{
    worker->busy = true;
    i->busy++;
    engine_turn_begin(worker->engine, now_ms(i));
    i->busy--;
    worker->busy = false;
    worker->in_turn = true;
    worker->epoch = i->epoch;
}

static void end_turn(struct instance *i, struct worker *worker)
{
    uint64_t id;

    judge_hand_over(&i->judge, worker->counted, worker->counted_count);
    worker->counted_count = 0;
    worker->busy = true;
    i->busy++;
    id = engine_turn_end(worker->engine, worker->answered);
    i->busy--;
    worker->busy = false;
    for (unsigned at = 0; at < worker->pending_count; at++) {
        if (worker->pending[at].turn == PENDING_OPEN) {
            worker->pending[at].turn = id;
        }
    }
    worker->in_turn = false;
    worker->answered = false;
}

static void answered(struct instance *i, const struct pending *pending)
{
    struct figures *figures = &i->world->figures;

    if (pending->call != NULL) {
        call_answered(i, pending->call, pending->now);
        return;
    }
    judge_shown(&i->judge, pending->key, pending->now);
    figures->acknowledged += pending->kind != KIND_READ;
    figures->sets += pending->kind > SR_CHANGE_ADD;
    figures->reads += pending->kind == KIND_READ;
}

static void release(struct instance *i, struct worker *worker)
{
    uint64_t released;

    worker->busy = true;
    i->busy++;
    released = engine_released(worker->engine);
    i->busy--;
    worker->busy = false;
    for (unsigned at = 0; at < worker->pending_count;) {
        const struct pending *pending = &worker->pending[at];

        if (pending->turn != PENDING_WAITS && pending->turn <= released) {
            answered(i, pending);
            call_free(&worker->pending[at].call);
            drop_pending(worker, at);
        } else {
            at++;
        }
    }
}

void worker_step(struct instance *i, struct worker *worker)
{
    if (worker->busy) {
        return;
    }
    if (!worker->in_turn) {
        if (world_draw(i->world, 2) == 0) {
            release(i, worker);
        } else {
            begin_turn(i, worker);
        }
        return;
    }
    switch (world_draw(i->world, 4)) {
    case 0:
        end_turn(i, worker);
        break;
    case 1:
        retry_waiting(i, worker);
        break;
    default:
        if (i->world->with_tokens && world_draw(i->world, 4) == 0) {
            new_call(i, worker);
        } else {
            new_request(i, worker);
        }
    }
}

void worker_forget(struct worker *worker)
{
    for (unsigned at = 0; at < worker->pending_count; at++) {
        call_free(&worker->pending[at].call);
    }
    worker->pending_count = 0;
}

void worker_settle(struct instance *i, struct worker *worker)
{
    if (worker->in_turn) {
        end_turn(i, worker);
    }
    release(i, worker);
}
