/*
 * simulate SEEDS [FIRST]: that many histories from FIRST (1) on. Prints the seed of a violation
 * and exits 1.
 */
#include "world.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEPS 3000
#define SETTLE_STEPS 20000
#define DEPTH_MAX 3

uint64_t world_draw(struct world *w, uint64_t below)
{
    w->random = w->random * 6364136223846793005U + 1442695040888963407U; /* Knuth's MMIX */
    return (w->random >> 33) % below;
}

_Noreturn void world_fail(const struct world *w, const char *what, int key, int64_t a,
                          int64_t b)
{
    (void)fprintf(stderr,
                  "VIOLATION seed %" PRIu64 ": %s (key %d, %" PRId64 " against %" PRId64 ")\n",
                  w->seed, what, key, a, b);
    exit(1);
}

static enum fake_fault decide(void *context, const struct fake_call *call)
{
    struct world *w = context;

    (void)call;
    if (!w->faults || world_draw(w, 8) != 0) {
        return FAKE_NONE;
    }
    switch (world_draw(w, 8)) {
    case 0:
        return FAKE_FAIL_BEFORE;
    case 1:
        return FAKE_FAIL_MIDWAY;
    case 2:
        return FAKE_LOSE_COMMIT;
    case 3:
        return FAKE_LOSE_ANSWER;
    case 4:
        return FAKE_COMMIT_LATE;
    case 5:
        return FAKE_RESTART;
    case 6:
        return w->kept && world_draw(w, 4) == 0 ? FAKE_FALL_BACK : FAKE_NONE;
    default:
        return FAKE_NONE;
    }
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

static void step(struct world *w)
{
    instance_step(&w->instances[world_draw(w, w->instance_count)]);
    if (w->fallbacks && world_draw(w, 200) == 0) {
        keep_snapshot(w);
    }
}

/* Others act while somebody is in a call of the database. */
static void moment(void *context, const struct fake_call *call, enum fake_moment at)
{
    struct world *w = context;
    uint64_t steps = world_draw(w, 12);

    (void)call;
    (void)at;
    if (w->depth >= DEPTH_MAX) {
        return;
    }
    w->depth++;
    while (steps-- > 0) {
        step(w);
    }
    w->depth--;
}

static void draw_world(struct world *w)
{
    struct fake_hooks hooks = {.context = w, .decide = decide, .moment = moment};

    w->database = fake_database_open();
    fake_database_hook(w->database, &hooks);
    w->instance_count = world_draw(w, 3) == 0 ? 1 + (unsigned)world_draw(w, INSTANCES_MAX) : 1;
    w->durability = JOURNAL_FSYNC;
    w->faults = world_draw(w, 4) != 0;
    w->disk_faults = world_draw(w, 3) == 0;
    w->fallbacks = w->instance_count == 1 && world_draw(w, 4) == 0;
    w->judge.exact_totals = w->instance_count == 1 && !w->fallbacks;
    for (unsigned n = 0; n < w->instance_count; n++) {
        w->instances[n] = (struct instance){.world = w,
                                            .index = n,
                                            .disk = fake_disk_new(w->seed * INSTANCES_MAX + n)};
    }
}

static void settle(struct world *w)
{
    unsigned steps = 0;
    bool quiet = false;

    w->faults = false;
    w->fallbacks = false;
    w->kept = false;
    w->disk_faults = false;
    w->depth = DEPTH_MAX; /* nobody interferes any more */
    while (!quiet) {
        quiet = true;
        for (unsigned n = 0; n < w->instance_count; n++) {
            struct instance *i = &w->instances[n];

            if (i->crash_pending) {
                instance_crash(i);
            }
            instance_settle(i);
            quiet = quiet && instance_quiet(i);
            if (i->stopped) {
                (void)fprintf(stderr, "stopped: %s\n", i->stop_reason);
                world_fail(w, "an instance stopped flushing", -1, 0, 0);
            }
        }
        if (steps++ == SETTLE_STEPS) {
            world_fail(w, "the world does not come to rest", -1, 0, 0);
        }
    }
}

void world_history(uint64_t seed, struct world *w)
{
    *w = (struct world){.seed = seed, .random = seed * 0x9E3779B97F4A7C15U};
    draw_world(w);
    for (int n = 0; n < STEPS; n++) {
        step(w);
    }
    settle(w);
    judge_verdict(w);
    for (unsigned n = 0; n < w->instance_count; n++) {
        instance_close(&w->instances[n]);
        fake_disk_free(&w->instances[n].disk);
    }
    fake_database_close(&w->database);
}
