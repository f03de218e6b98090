/*
 * One simulated instance: the real core, journal, flusher, loader and engine over a fake disk
 * and a fake store.
 */
#include "world.h"

#include "base/check.h"
#include "sync/restore.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t now_ms(struct instance *i)
{
    struct disk *disk = sim_disk_base(i->disk);

    return disk->now_ms(disk);
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

static bool close_turns(void *context, uint64_t epoch)
{
    struct instance *i = context;

    i->epoch = epoch;
    return engine_close_turns(i->engine, epoch);
}

static uint64_t accepted(void *context, uint64_t epoch)
{
    return engine_accepted(((struct instance *)context)->engine, epoch);
}

struct journal_options instance_journal_options(struct instance *i, struct disk *disk)
{
    const struct world *w = i->world;

    return (struct journal_options){.disk = disk,
                                    .durability = w->durability,
                                    .limit_bytes = w->limit_bytes,
                                    .file_bytes = w->file_bytes,
                                    .retention_ms = w->retention_ms,
                                    .retention_bytes = w->retention_bytes,
                                    .progress = on_progress,
                                    .context = i};
}

static bool start_journal(struct instance *i, struct journal_recovery *recovery,
                          struct sr_err *err)
{
    struct journal_options options = instance_journal_options(i, sim_disk_base(i->disk));
    struct dedup_options window = {.entries_max = 64, .window_ms = i->world->window_ms};

    if (datadir_open_on(options.disk, &i->datadir, err) != SR_OK) {
        return false;
    }
    options.instance = datadir_instance(i->datadir);
    return journal_open(&options, &i->journal, recovery, err) == SR_OK &&
           restore_window(&window, i->journal, options.disk, now_ms(i), &i->dedup, err) ==
               SR_OK;
}

static void open_sync(struct instance *i, const struct journal_recovery *recovery)
{
    struct sr_uuid instance = datadir_instance(i->datadir);
    struct sr_err err;
    struct flusher_options flusher = {.counters = i->counters,
                                      .journal = i->journal,
                                      .datadir = i->datadir,
                                      .dedup = i->dedup,
                                      .newest_epoch = recovery->newest_epoch,
                                      .open_epoch = recovery->open_epoch,
                                      .sealed_epoch = recovery->sealed_epoch,
                                      .changes_journaled = i->world->durability != JOURNAL_NONE,
                                      .interval_ms = 100,
                                      .retention_ms = 3600000,
                                      .close_turns = close_turns,
                                      .accepted = accepted,
                                      .turns_context = i,
                                      .event = on_event,
                                      .event_context = i};
    struct loader_options loader = {.counters = i->counters,
                                    .dedup = i->dedup,
                                    .queue_max = 256,
                                    .batch_max = 64,
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
    i->epoch = recovery->open_epoch;
    engine_attach(i->engine, i->flusher, i->loader, recovery->open_epoch);
}

static void open_engine(struct instance *i)
{
    struct counters_options table = {.memory_max = i->world->small_table ? COUNTERS_MEMORY_MIN
                                                                         : (size_t)256 << 10,
                                     .shard_count = i->world->small_table ? 1 : 4};
    struct engine_options options;
    struct sr_err err;

    SR_CHECK(counters_open(&table, &i->counters, &err) == SR_OK);
    options = (struct engine_options){.counters = i->counters,
                                      .journal = i->journal,
                                      .dedup = i->dedup,
                                      .worker_count = WORKERS,
                                      .durability = i->world->durability};
    SR_CHECK(engine_open(&options, &i->engine, &err) == SR_OK);
}

/* In a world that flaps, how long this life may last. */
static void draw_life(struct world *w)
{
    static const uint64_t crashes[] = {6, 30, 120};

    if (w->flaps) {
        w->crash_every = crashes[world_draw(w, 3)];
    }
}

void instance_start(struct instance *i)
{
    struct journal_recovery recovery;
    struct sr_err err;
    bool started;

    draw_life(i->world);
    i->starting = true;
    i->busy++;
    started = start_journal(i, &recovery, &err);
    i->busy--;
    i->starting = false;
    if (!started) {
        if (!i->world->disk_faults && !i->dead) {
            (void)fprintf(stderr, "start: %s\n", err.text);
            world_fail(i->world, "a start was refused", -1, (int64_t)err.code, 0);
        }
        i->dead = true; /* nothing runs on it until the crash that follows */
        return;
    }
    open_engine(i);
    open_sync(i, &recovery);
    for (unsigned n = 0; n < WORKERS; n++) {
        i->workers[n] = (struct worker){.engine = engine_worker(i->engine, n)};
        engine_worker_on_wake(i->workers[n].engine, no_wake, NULL);
    }
    i->up = true;
}

void instance_close(struct instance *i)
{
    figures_add(i);
    loader_close(&i->loader);
    flusher_close(&i->flusher);
    engine_close(&i->engine);
    counters_close(&i->counters);
    dedup_close(&i->dedup);
    for (unsigned n = 0; n < WORKERS; n++) {
        worker_forget(&i->workers[n]);
    }
    store_close(&i->flusher_store);
    store_close(&i->loader_store);
    journal_close(&i->journal);
    datadir_close(&i->datadir);
    i->up = false;
}

static enum sim_loss draw_loss(struct world *w)
{
    static const enum sim_loss losses[] = {SIM_KEEP, SIM_DROP, SIM_MIX, SIM_MIX, SIM_MIX};

    return losses[world_draw(w, sizeof(losses) / sizeof(losses[0]))];
}

static void crash_now(struct instance *i)
{
    uint64_t seed = world_draw(i->world, UINT32_MAX);
    enum sim_loss loss = draw_loss(i->world);
    struct model found[KEYS];
    struct sim_disk *image;

    i->world->figures.crashes++;
    image_judge(i, loss, seed, found);
    instance_close(i);
    image = sim_disk_image(i->disk, loss, seed);
    sim_disk_take(i->disk, image);
    sim_disk_free(&image);
    judge_restart(&i->judge, found);
    if (image_promise(i, loss) != PROMISE_SHOWN) {
        tokens_forget_answers(i->world);
    }
    i->dead = false;
}

void instance_crash(struct instance *i)
{
    if (i->busy > 0) {
        i->dead = true;
        sim_disk_die(i->disk);
        i->world->figures.crashes_at_start += i->starting;
        return;
    }
    crash_now(i);
}

/* ---- background ---- */

static void flusher_turn(struct instance *i)
{
    if (i->in_flusher) {
        return;
    }
    i->in_flusher = true;
    i->busy++;
    (void)flusher_step(i->flusher);
    i->busy--;
    i->in_flusher = false;
}

static void loader_turn(struct instance *i)
{
    if (i->in_loader) {
        return;
    }
    i->in_loader = true;
    i->busy++;
    (void)loader_step(i->loader);
    i->busy--;
    i->in_loader = false;
}

static void disk_turn(struct instance *i)
{
    struct sr_err err;
    enum sr_result result;

    if (i->in_journal) {
        return;
    }
    if (i->world->disk_faults && world_draw(i->world, 40) == 0) {
        sim_disk_fail_at(i->disk, 1 + world_draw(i->world, 6),
                         world_draw(i->world, 2) == 0 ? SR_IO : SR_FULL);
    }
    i->in_journal = true;
    i->busy++;
    result = world_draw(i->world, 4) == 0 ? journal_keep(i->journal, &err)
                                          : journal_commit(i->journal, &err);
    i->busy--;
    i->in_journal = false;
    (void)result; /* failures are part of the history */
}

/* A look at how far the database is: what is in it no crash takes. */
static void note_flushed(struct instance *i)
{
    struct sr_uuid instance = datadir_instance(i->datadir);
    struct sr_uuid owner;
    uint64_t epoch;

    if (fake_database_writer(i->world->database, &instance, &epoch, &owner)) {
        judge_flushed(&i->judge, image_promise(i, SIM_DROP), epoch);
    }
}

void instance_step(struct instance *i)
{
    if (i->dead) {
        if (i->busy == 0) {
            crash_now(i);
        }
        return;
    }
    if (!i->up) {
        if (!i->starting) {
            instance_start(i);
        }
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
        sim_disk_advance(i->disk, world_draw(i->world, 40));
        note_flushed(i);
        break;
    default:
        worker_step(i, &i->workers[world_draw(i->world, WORKERS)]);
    }
    if (world_draw(i->world, i->world->crash_every) == 0 && !i->dead) {
        instance_crash(i);
    }
}

void instance_settle(struct instance *i)
{
    struct sr_err err;

    sim_disk_fail_at(i->disk, 0, SR_OK);
    if (i->dead) {
        crash_now(i);
    }
    if (!i->up) {
        instance_start(i);
    }
    for (unsigned n = 0; n < WORKERS; n++) {
        worker_settle(i, &i->workers[n]);
    }
    /* A failed journal is mended by the next call. */
    (void)(journal_commit(i->journal, &err) == SR_OK);
    flusher_turn(i);
    loader_turn(i);
    sim_disk_advance(i->disk, 20);
}

bool instance_quiet(struct instance *i)
{
    return i->up && flusher_idle(i->flusher);
}
