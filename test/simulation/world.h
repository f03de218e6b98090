/*
 * The simulated world: instances on fake disks over one fake database, driven step by step by a
 * seed. Single-threaded; whoever is in a call of the database may be interleaved with all
 * others.
 */
#ifndef SR_TEST_SIMULATION_WORLD_H
#define SR_TEST_SIMULATION_WORLD_H

#include "server/engine.h"
#include "store/fake_store.h"
#include "support/fake_disk.h"

#include <stdbool.h>
#include <stdint.h>

#define KEYS 6
#define INSTANCES_MAX 3
#define WORKERS 3
#define PENDING_MAX 256

struct world;

/* An increment that was counted and is not answered, or that waits. */
struct pending {
    uint64_t turn; /* 0: waits, not counted */
    int key;
    int64_t total;
    bool total_known;
    struct engine_wait wait;
};

struct worker {
    struct engine_worker *engine;
    bool in_turn;
    bool answered; /* in the open turn */
    struct pending pending[PENDING_MAX];
    unsigned pending_count;
    unsigned turn_from; /* pending entries of the open turn begin here */
};

struct instance {
    struct world *world;
    unsigned index;
    struct fake_disk *disk;
    struct datadir *datadir;
    struct journal *journal;
    struct counters *counters;
    struct engine *engine;
    struct flusher *flusher;
    struct loader *loader;
    struct store *flusher_store, *loader_store;
    struct worker workers[WORKERS];
    bool up;
    bool in_flusher, in_loader; /* within a database call: must not be entered again */
    bool crash_pending;
    bool stopped; /* the flusher refuses to go on: must not happen in these histories */
    char stop_reason[360];
};

struct judge {
    int64_t acknowledged[KEYS]; /* increments of 1 that were answered */
    int64_t unanswered[KEYS];   /* counted, or maybe counted, and never answered */
    int64_t highest[KEYS];      /* of the totals that were answered */
    uint8_t *seen[KEYS];        /* single instance: which totals were answered */
    bool exact_totals;          /* single instance and no fallback: totals are unique */
};

struct world {
    uint64_t random;
    uint64_t seed;
    struct fake_database *database;
    struct instance instances[INSTANCES_MAX];
    unsigned instance_count;
    enum journal_durability durability;
    bool faults; /* database faults may be drawn */
    bool disk_faults;
    bool fallbacks;
    bool kept;      /* there is a snapshot to fall back to */
    unsigned depth; /* of nested steps */
    struct judge judge;
    uint64_t crashes, flushes;
};

uint64_t world_draw(struct world *w, uint64_t below);
_Noreturn void world_fail(const struct world *w, const char *what, int key, int64_t a,
                          int64_t b);

/* Runs the history of a seed in *w; a violation ends the process with its seed. *w holds the
 * figures afterwards. */
void world_history(uint64_t seed, struct world *w);

/* instance.c */
void instance_start(struct instance *i);
void instance_crash(struct instance *i);
void instance_close(struct instance *i);
/* One random step of the instance. */
void instance_step(struct instance *i);
void instance_settle(struct instance *i);
bool instance_quiet(struct instance *i);

/* judge.c */
void judge_counted(struct world *w, int key);
void judge_answered(struct world *w, const struct pending *pending);
void judge_verdict(struct world *w);

#endif
