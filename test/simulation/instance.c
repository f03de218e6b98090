/*
 * One simulated instance: the real core, journal, flusher, loader and engine over a fake disk
 * and a fake store.
 */
#include "world.h"

#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t now_ms(struct instance *i)
{
    return fake_disk_base(i->disk)->now_ms(fake_disk_base(i->disk));
}

static void on_event(void *context, const struct sync_event *event)
{
    struct instance *i = context;

    if (strcmp(event->name, "ledger.mismatch") == 0) {
        (void)fprintf(stderr, "%s\n", event->text);
        world_fail(i->world, "the ledger does not balance", -1, 0, 0);
    }
    if (strcmp(event->name, "sync.stopped") == 0) {
        i->stopped = true;
        (void)snprintf(i->stop_reason, sizeof(i->stop_reason), "%s", event->text);
    }
}

static uint32_t tick_of(void *context)
{
    return flusher_tick(((struct instance *)context)->flusher);
}

static uint64_t clock_of(void *context)
{
    return now_ms(context);
}

static void look_soon(void *context)
{
    flusher_look_soon(((struct instance *)context)->flusher);
}

static void on_progress(void *context)
{
    struct instance *i = context;

    if (i->engine != NULL) {
        engine_progress(i->engine);
    }
}

static void on_loaded(void *context)
{
    engine_loaded(((struct instance *)context)->engine);
}

static void no_wake(void *context)
{
    (void)context; /* the simulation looks at every worker anyway */
}

static bool start_journal(struct instance *i, struct journal_recovery *recovery,
                          struct sr_err *err)
{
    struct journal_options options = {.disk = fake_disk_base(i->disk),
                                      .durability = i->world->durability,
                                      .limit_bytes = 8U * 1024U * 1024U,
                                      .file_bytes = 128U * 1024U,
                                      .retention_ms = 3600000,
                                      .retention_bytes = 4U * 1024U * 1024U,
                                      .progress = on_progress,
                                      .context = i};

    if (datadir_open_on(fake_disk_base(i->disk), &i->datadir, err) != SR_OK) {
        return false;
    }
    options.instance = datadir_instance(i->datadir);
    return journal_open(&options, &i->journal, recovery, err) == SR_OK;
}

static void open_sync(struct instance *i, const struct journal_recovery *recovery)
{
    struct sr_uuid instance = datadir_instance(i->datadir);
    struct sr_err err;
    struct flusher_options flusher = {.counters = i->counters,
                                      .journal = i->journal,
                                      .datadir = i->datadir,
                                      .newest_epoch = recovery->newest_epoch,
                                      .open_epoch = recovery->open_epoch,
                                      .changes_journaled = i->world->durability != JOURNAL_NONE,
                                      .interval_ms = 100,
                                      .retention_ms = 3600000,
                                      .close_turns = engine_close_turns,
                                      .accepted = engine_accepted,
                                      .turns_context = i->engine,
                                      .event = on_event,
                                      .event_context = i};
    struct loader_options loader = {.counters = i->counters,
                                    .tick = tick_of,
                                    .now_ms = clock_of,
                                    .claim_soon = look_soon,
                                    .loaded = on_loaded,
                                    .context = i,
                                    .event = on_event,
                                    .event_context = i};

    i->flusher_store = fake_store_open(i->world->database, &instance);
    i->loader_store = fake_store_open(i->world->database, &instance);
    flusher.store = i->flusher_store;
    loader.store = i->loader_store;
    SR_CHECK(flusher_open(&flusher, &i->flusher, &err) == SR_OK);
    SR_CHECK(loader_open(&loader, &i->loader, &err) == SR_OK);
    engine_attach(i->engine, i->flusher, i->loader, recovery->open_epoch);
}

void instance_start(struct instance *i)
{
    struct counters_options table = {.memory_max = 4U * 1024U * 1024U, .shard_count = 4};
    struct journal_recovery recovery;
    struct engine_options options;
    struct sr_err err;

    if (!start_journal(i, &recovery, &err)) {
        if (!i->world->disk_faults) {
            (void)fprintf(stderr, "start: %s\n", err.text);
            world_fail(i->world, "a start was refused", -1, (int64_t)err.code, 0);
        }
        instance_close(i); /* tried again later */
        return;
    }
    SR_CHECK(counters_open(&table, &i->counters, &err) == SR_OK);
    options = (struct engine_options){.counters = i->counters,
                                      .journal = i->journal,
                                      .worker_count = WORKERS,
                                      .durability = i->world->durability};
    SR_CHECK(engine_open(&options, &i->engine, &err) == SR_OK);
    open_sync(i, &recovery);
    for (unsigned n = 0; n < WORKERS; n++) {
        i->workers[n] = (struct worker){.engine = engine_worker(i->engine, n)};
        engine_worker_on_wake(i->workers[n].engine, no_wake, NULL);
    }
    i->up = true;
}

void instance_close(struct instance *i)
{
    loader_close(&i->loader);
    flusher_close(&i->flusher);
    engine_close(&i->engine);
    counters_close(&i->counters);
    store_close(&i->flusher_store);
    store_close(&i->loader_store);
    journal_close(&i->journal);
    datadir_close(&i->datadir);
    i->up = false;
}

void instance_crash(struct instance *i)
{
    uint64_t how = world_draw(i->world, 3);

    if (i->in_flusher || i->in_loader) {
        i->crash_pending = true;
        return;
    }
    i->crash_pending = false;
    i->world->crashes++;
    instance_close(i);
    fake_disk_crash(i->disk, how == 0   ? FAKE_CRASH_KEEP
                             : how == 1 ? FAKE_CRASH_DROP
                                        : FAKE_CRASH_RANDOM);
}

/* ---- workers ---- */

static void increment(struct instance *i, struct worker *worker, int key)
{
    struct engine_answer answer;
    char name[16];
    struct pending *pending;
    enum engine_status status;

    if (worker->pending_count == PENDING_MAX) {
        return;
    }
    (void)snprintf(name, sizeof(name), "key%d", key);
    status = engine_increment(worker->engine, sr_span_text(name), 1, &answer);
    if (status != ENGINE_DONE && status != ENGINE_DONE_UNKNOWN && status != ENGINE_WAIT) {
        return; /* rejected: certainly not counted */
    }
    pending = &worker->pending[worker->pending_count++];
    *pending = (struct pending){.key = key};
    if (status == ENGINE_WAIT) {
        pending->wait = answer.wait;
        return;
    }
    pending->turn = UINT64_MAX; /* known at the turn's end */
    pending->total_known = status == ENGINE_DONE;
    pending->total = answer.total;
    worker->answered = true;
    judge_counted(i->world, key);
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

        if (pending.turn == 0 && engine_wait_over(worker->engine, &pending.wait, now_ms(i))) {
            engine_wait_end(worker->engine, &pending.wait);
            drop_pending(worker, at);
            increment(i, worker, pending.key);
            return;
        }
    }
}

static void end_turn(struct worker *worker)
{
    uint64_t id = engine_turn_end(worker->engine, worker->answered);

    for (unsigned at = 0; at < worker->pending_count; at++) {
        if (worker->pending[at].turn == UINT64_MAX) {
            worker->pending[at].turn = id;
        }
    }
    worker->in_turn = false;
    worker->answered = false;
}

static void release(struct instance *i, struct worker *worker)
{
    uint64_t released = engine_released(worker->engine);

    for (unsigned at = 0; at < worker->pending_count;) {
        if (worker->pending[at].turn != 0 && worker->pending[at].turn <= released) {
            judge_answered(i->world, &worker->pending[at]);
            drop_pending(worker, at);
        } else {
            at++;
        }
    }
}

static void worker_step(struct instance *i, struct worker *worker)
{
    if (!worker->in_turn) {
        if (world_draw(i->world, 2) == 0) {
            release(i, worker);
            return;
        }
        engine_turn_begin(worker->engine, now_ms(i));
        worker->in_turn = true;
        return;
    }
    switch (world_draw(i->world, 4)) {
    case 0:
        end_turn(worker);
        return;
    case 1:
        retry_waiting(i, worker);
        return;
    default:
        increment(i, worker, (int)world_draw(i->world, KEYS));
    }
}

/* ---- background ---- */

static void flusher_turn(struct instance *i)
{
    if (i->in_flusher) {
        return;
    }
    i->in_flusher = true;
    (void)flusher_step(i->flusher);
    i->in_flusher = false;
}

static void loader_turn(struct instance *i)
{
    if (i->in_loader) {
        return;
    }
    i->in_loader = true;
    (void)loader_step(i->loader);
    i->in_loader = false;
}

static void disk_turn(struct instance *i)
{
    struct sr_err err;
    enum sr_result result;

    if (i->world->disk_faults && world_draw(i->world, 40) == 0) {
        fake_disk_fail_at(i->disk, 1 + world_draw(i->world, 6),
                          world_draw(i->world, 2) == 0 ? SR_IO : SR_FULL);
    }
    result = world_draw(i->world, 4) == 0 ? journal_keep(i->journal, &err)
                                          : journal_commit(i->journal, &err);
    (void)result; /* failures are part of the history */
}

void instance_step(struct instance *i)
{
    if (!i->up) {
        instance_start(i);
        return;
    }
    switch (world_draw(i->world, 8)) {
    case 0:
        disk_turn(i);
        break;
    case 1:
        flusher_turn(i);
        break;
    case 2:
        loader_turn(i);
        break;
    case 3:
        fake_disk_advance(i->disk, world_draw(i->world, 40));
        break;
    default:
        worker_step(i, &i->workers[world_draw(i->world, WORKERS)]);
    }
    if (i->crash_pending || world_draw(i->world, 400) == 0) {
        instance_crash(i);
    }
}

void instance_settle(struct instance *i)
{
    struct sr_err err;

    fake_disk_fail_at(i->disk, 0, SR_OK);
    if (!i->up) {
        instance_start(i);
    }
    for (unsigned n = 0; n < WORKERS; n++) {
        if (i->workers[n].in_turn) {
            end_turn(&i->workers[n]);
        }
        release(i, &i->workers[n]);
    }
    /* A failed journal is mended by the next call. */
    (void)(journal_commit(i->journal, &err) == SR_OK);
    flusher_turn(i);
    loader_turn(i);
    fake_disk_advance(i->disk, 20);
}

bool instance_quiet(struct instance *i)
{
    return i->up && flusher_idle(i->flusher);
}
