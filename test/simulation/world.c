/*
 * What kind of world a seed makes, who acts when, and the end.
 */
#include "world.h"

#include "interleave.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEPS 3000
#define SETTLE_STEPS 20000
#define SETTLE_LEAST 20 /* of 20 ms: who is idle has looked at its row, and seen a fallback */
#define DEPTH_MAX 3
#define STATES_AT_DISK 6 /* crash states of one moment at most */
#define STATES_AT_STEP 4

static struct world *interleaved; /* engine_turn.c knows of no world */

uint64_t world_draw(struct world *w, uint64_t below)
{
    w->random = w->random * 6364136223846793005U + 1442695040888963407U; /* Knuth's MMIX */
    return (w->random >> 33) % below;
}

_Noreturn void world_fail(const struct world *w, const char *what, int key, int64_t a,
                          int64_t b)
{
    (void)fprintf(stderr,
                  "VIOLATION seed %" PRIu64 ": %s (%d, %" PRId64 " against %" PRId64 ")\n",
                  w->seed, what, key, a, b);
    (void)fprintf(stderr, "a world of %u instances, durability %d%s%s%s%s%s%s%s\n",
                  w->instance_count, (int)w->durability, w->faults ? ", database faults" : "",
                  w->disk_faults ? ", disk faults" : "", w->fallbacks ? ", fallbacks" : "",
                  w->edges ? ", edges" : "", w->replaces ? ", sets and deletes" : "",
                  w->small_table ? ", small table" : "", w->with_tokens ? ", tokens" : "");
    _Exit(1);
}

/* ---- the database ---- */

/* A machine that is off sends nothing any more. */
static bool is_off(const struct world *w, const struct store *store)
{
    for (unsigned n = 0; n < w->instance_count; n++) {
        const struct instance *i = &w->instances[n];

        if (i->dead && (i->flusher_store == store || i->loader_store == store)) {
            return true;
        }
    }
    return false;
}

static enum fake_fault decide(void *context, const struct fake_call *call)
{
    static const enum fake_fault faults[] = {FAKE_FAIL_BEFORE, FAKE_FAIL_MIDWAY,
                                             FAKE_LOSE_COMMIT, FAKE_LOSE_ANSWER,
                                             FAKE_COMMIT_LATE, FAKE_RESTART};
    struct world *w = context;

    if (is_off(w, call->store)) {
        return FAKE_FAIL_BEFORE;
    }
    if (!w->faults || world_draw(w, 8) != 0) {
        return FAKE_NONE;
    }
    if (w->kept && world_draw(w, 24) == 0) {
        w->figures.fallbacks++;
        return FAKE_FALL_BACK;
    }
    return faults[world_draw(w, sizeof(faults) / sizeof(faults[0]))];
}

/* A standby that lacks the writer's row itself is a stop by design: such histories are not
 * drawn. */
static void keep_snapshot(struct world *w)
{
    for (unsigned n = 0; n < w->instance_count; n++) {
        struct sr_uuid instance;
        struct sr_uuid owner;
        uint64_t epoch;

        if (!w->instances[n].up) {
            return;
        }
        instance = datadir_instance(w->instances[n].datadir);
        if (!fake_database_writer(w->database, &instance, &epoch, &owner) ||
            !datadir_fenced(w->instances[n].datadir)) {
            return;
        }
    }
    fake_database_keep(w->database);
    w->kept = true;
}

/* The database goes for a while, falls back behind a pooler that hides it, or is copied. */
static void database_step(struct world *w)
{
    if (w->outage > 0 && --w->outage == 0) {
        fake_database_set_down(w->database, false);
    }
    if (w->faults && w->outage == 0 && world_draw(w, w->outages ? 300 : 1000) == 0) {
        w->outage = w->outages ? 800 + world_draw(w, 1600) : 1 + world_draw(w, 500);
        fake_database_set_down(w->database, true);
    }
    if (w->fallbacks && world_draw(w, 200) == 0) {
        keep_snapshot(w);
    }
    if (w->fallbacks && w->kept && world_draw(w, 400) == 0) {
        w->figures.fallbacks++;
        fake_database_fall_back(w->database);
    }
}

/* ---- who acts when ---- */

static void step(struct world *w)
{
    struct instance *i = &w->instances[world_draw(w, w->instance_count)];

    instance_step(i);
    database_step(w);
    if (world_draw(w, 4) == 0 && !i->dead) {
        image_judge_many(i, STATES_AT_STEP);
    }
}

void world_interrupt(struct world *w, unsigned steps_max)
{
    uint64_t steps = world_draw(w, steps_max);

    if (w->depth >= DEPTH_MAX || w->judging || w->settling) {
        return;
    }
    w->depth++;
    while (steps-- > 0) {
        step(w);
    }
    w->depth--;
}

/* Others act while somebody is in a call of the database. */
static void database_moment(void *context, const struct fake_call *call, enum fake_moment at)
{
    (void)call;
    (void)at;
    world_interrupt(context, 12);
}

void simulation_interleave(void)
{
    if (interleaved != NULL && interleaved->durability != JOURNAL_NONE &&
        world_draw(interleaved, 16) == 0) {
        world_interrupt(interleaved, 8);
    }
}

static void disk_moment(void *context)
{
    struct instance *i = context;
    struct world *w = i->world;

    image_judge_many(i, STATES_AT_DISK);
    if (w->settling || w->judging) {
        return;
    }
    if (world_draw(w, 8) == 0) {
        world_interrupt(w, 4);
    }
    if (world_draw(w, w->crash_every) == 0 && !i->dead) {
        w->figures.crashes_at_disk++;
        instance_crash(i);
    }
}

/* ---- a history ---- */

static void draw_instance(struct world *w, unsigned n)
{
    struct instance *i = &w->instances[n];
    struct sim_disk_options options = {.seed = w->seed * INSTANCES_MAX + n,
                                       .direct = world_draw(w, 2) == 0,
                                       .moment = disk_moment,
                                       .context = i};

    i->world = w;
    i->index = n;
    i->disk = sim_disk_new(&options);
    for (unsigned key = 0; key < KEYS; key++) {
        i->judge.rows_known[key] =
            w->instance_count == 1 && !(w->edges && key < EDGE_KEYS) && key < TOKEN_KEY_FIRST;
        i->judge.live[key].exists = !i->judge.rows_known[key];
        i->judge.settled[key].exists = !i->judge.rows_known[key];
    }
}

static void draw_world(struct world *w)
{
    static const enum journal_durability durabilities[] = {JOURNAL_FSYNC, JOURNAL_FSYNC,
                                                           JOURNAL_FSYNC, JOURNAL_FSYNC,
                                                           JOURNAL_WRITE, JOURNAL_NONE};
    static const uint64_t crashes[] = {40, 400, 400, 4000};
    struct fake_hooks hooks = {.context = w, .decide = decide, .moment = database_moment};

    w->database = fake_database_open();
    fake_database_hook(w->database, &hooks);
    w->instance_count = world_draw(w, 3) == 0 ? 1 + (unsigned)world_draw(w, INSTANCES_MAX) : 1;
    w->durability = durabilities[world_draw(w, 6)];
    w->faults = world_draw(w, 4) != 0;
    w->disk_faults = world_draw(w, 3) == 0;
    /* A state file that a full disk does not take is given up, and with it what a fallback
     * needs. */
    w->fallbacks = !w->disk_faults && world_draw(w, 3) == 0;
    w->edges = w->instance_count == 1 && world_draw(w, 4) == 0;
    w->replaces = w->instance_count == 1 && world_draw(w, 2) == 0;
    /* A crash ends what an outage piles up. */
    w->outages = w->instance_count == 1 && w->faults && world_draw(w, 3) == 0;
    w->crash_every = w->outages ? 4000 : crashes[world_draw(w, 4)];
    w->flaps = !w->outages && world_draw(w, 4) == 0;
    if (w->flaps) {
        w->durability = world_draw(w, 3) == 0 ? JOURNAL_FSYNC : JOURNAL_WRITE;
    }
    w->small_table = world_draw(w, 3) == 0;
    w->with_tokens = world_draw(w, 2) == 0;
    w->window_ms = world_draw(w, 2) == 0 ? 300 : 3600000;
    w->file_bytes = (uint64_t)(world_draw(w, 3) == 0 ? 128 : 64) << 10;
    w->limit_bytes = w->fallbacks ? 16U << 20 : w->file_bytes * (8 + world_draw(w, 3) * 8);
    if (w->outages && !w->fallbacks) {
        w->file_bytes = 64U << 10;
        w->limit_bytes = 6 * w->file_bytes;
    }
    w->retention_ms = w->fallbacks ? 3600000 : 200 + world_draw(w, 800);
    w->retention_bytes = w->fallbacks || world_draw(w, 2) == 0 ? 4U << 20 : 64U << 10;
    for (unsigned n = 0; n < w->instance_count; n++) {
        draw_instance(w, n);
    }
}

static bool settle_instance(struct world *w, struct instance *i)
{
    instance_settle(i);
    if (i->stopped) {
        (void)fprintf(stderr, "stopped: %s\n", i->stop_reason);
        world_fail(w, "an instance stopped flushing", -1, 0, 0);
    }
    return instance_quiet(i);
}

static void settle(struct world *w)
{
    unsigned steps = 0;
    bool quiet = false;

    w->faults = false;
    w->fallbacks = false;
    w->kept = false;
    w->disk_faults = false;
    w->settling = true;
    fake_database_set_down(w->database, false);
    while (!quiet || steps < SETTLE_LEAST) {
        quiet = true;
        for (unsigned n = 0; n < w->instance_count; n++) {
            quiet = settle_instance(w, &w->instances[n]) && quiet;
        }
        if (steps++ == SETTLE_STEPS) {
            world_fail(w, "the world does not come to rest", -1, 0, 0);
        }
    }
}

void world_history(uint64_t seed, struct world *w)
{
    memset(w, 0, sizeof(*w));
    w->seed = seed;
    w->random = seed * 0x9E3779B97F4A7C15U;
    w->figures.histories = 1;
    simulation_random(seed);
    draw_world(w);
    interleaved = w;
    for (int n = 0; n < STEPS; n++) {
        step(w);
    }
    settle(w);
    for (unsigned n = 0; n < w->instance_count; n++) {
        image_judge_end(&w->instances[n]);
    }
    for (unsigned n = 0; n < w->instance_count; n++) {
        instance_close(&w->instances[n]);
        w->figures.removed += sim_disk_removed(w->instances[n].disk);
        sim_disk_free(&w->instances[n].disk);
    }
    fake_database_close(&w->database);
    interleaved = NULL;
}
