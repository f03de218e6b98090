/*
 * The simulated world: instances on fake disks over one fake database, driven step by step by a
 * seed. Single-threaded; whoever is in a call of the database or the disk, or between two loads
 * of a turn, may be interleaved with all others, and a crash may strike there.
 */
#ifndef SR_TEST_SIMULATION_WORLD_H
#define SR_TEST_SIMULATION_WORLD_H

#include "calls.h"
#include "disk.h"
#include "judge.h"
#include "server/engine.h"
#include "store/fake_store.h"

#include <stdbool.h>
#include <stdint.h>

#define INSTANCES_MAX 3
#define WORKERS 3
#define PENDING_MAX 64
#define EDGE_KEYS 2  /* of the histories with edges: changed by huge values, never set */
#define TOKEN_KEYS 4 /* the last ones: changed by requests with a token only */
#define TOKEN_KEY_FIRST (KEYS - TOKEN_KEYS)
#define DIGIT_BITS 20 /* of several instances each adds to digits of its own */

/* What happened in histories; each must, or they prove little. X(name, text). */
#define FIGURES(X)                                                                             \
    X(histories, "histories")                                                                  \
    X(crashes, "crashes")                                                                      \
    X(states, "crash states judged")                                                           \
    X(acknowledged, "acknowledged changes")                                                    \
    X(sets, "acknowledged sets and deletes")                                                   \
    X(batches, "batches answered")                                                             \
    X(tokens, "requests with a token answered")                                                \
    X(replays, "answers given again")                                                          \
    X(taken_back, "lives in which a duplicate was taken back")                                 \
    X(reads, "reads answered")                                                                 \
    X(totals, "totals judged")                                                                 \
    X(crashes_at_disk, "crashes within a call of the disk")                                    \
    X(crashes_at_start, "crashes during recovery")                                             \
    X(waits, "misses")                                                                         \
    X(loads_stale, "stale loads")                                                              \
    X(loads_failed, "failed loads")                                                            \
    X(unknown, "changes answered without a total")                                             \
    X(evictions, "evictions")                                                                  \
    X(overflows, "totals that would not fit")                                                  \
    X(refused, "refused rows")                                                                 \
    X(journal_full, "rejections by a full journal")                                            \
    X(journal_failed, "failed writes and syncs")                                               \
    X(flushes, "flushes")                                                                      \
    X(flushes_unknown, "commits without an answer")                                            \
    X(replayed, "epochs applied from state files")                                             \
    X(compactions, "compactions")                                                              \
    X(retired, "retired journal files")                                                        \
    X(removed, "state files removed")                                                          \
    X(fallbacks, "fallbacks of the database")                                                  \
    X(torn, "recoveries that cut a torn tail")

struct figures {
#define FIGURE_FIELD(name, text) uint64_t name;
    FIGURES(FIGURE_FIELD)
#undef FIGURE_FIELD
};

struct world;

/* A request that is counted or read and not answered, or that waits. */
struct pending {
    uint64_t turn; /* PENDING_WAITS, PENDING_OPEN, or the engine's id */
    uint64_t now;  /* the judge's number when it was computed */
    int64_t value;
    uint8_t key;
    uint8_t kind;      /* 0: a read */
    struct call *call; /* NULL, or a batch or a request with a token instead; owned */
    struct engine_wait wait;
};

#define PENDING_WAITS 0
#define PENDING_OPEN UINT64_MAX

struct worker {
    struct engine_worker *engine;
    bool in_turn, busy; /* busy: within a call that others may interrupt */
    bool answered;      /* in the open turn */
    uint64_t epoch;     /* of the open turn */
    struct pending pending[PENDING_MAX];
    unsigned pending_count;
    uint64_t counted[PENDING_MAX * 4]; /* numbers of the open turn's operations */
    size_t counted_count;
};

struct instance {
    struct world *world;
    unsigned index;
    struct sim_disk *disk;
    struct datadir *datadir;
    struct journal *journal;
    struct counters *counters;
    struct engine *engine;
    struct dedup *dedup;
    struct flusher *flusher;
    struct loader *loader;
    struct store *flusher_store, *loader_store;
    struct worker workers[WORKERS];
    struct judge judge;
    bool up, starting;
    bool in_flusher, in_loader, in_journal; /* within a call: must not be entered again */
    unsigned busy;                          /* calls of this instance under way */
    bool dead;          /* the machine is off; the crash follows when they returned */
    enum sim_loss loss; /* of that crash */
    uint64_t epoch;     /* published to workers */
    uint64_t judged_version, judged_now, judged_calls; /* of the last crash state */
    bool stopped; /* the flusher refuses to go on: must not happen in these histories */
    char stop_reason[360];
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
    bool edges;       /* totals near the ends of 64 bits */
    bool replaces;    /* sets and deletes */
    bool small_table; /* keys are evicted */
    bool kept;        /* there is a snapshot to fall back to */
    bool judging;     /* no moments within the judge */
    bool settling;
    bool with_tokens;     /* batches, and requests with a token */
    uint64_t window_ms;   /* of the tokens */
    struct tokens tokens; /* what clients know */
    bool outages;         /* long ones, in which the journal is compacted and full */
    bool flaps;           /* many a life is short: files are reused before they are full */
    uint64_t crash_every; /* steps, and calls of the disk, on average */
    uint64_t outage;      /* steps until the database is back; 0: it is there */
    uint64_t file_bytes, limit_bytes, retention_ms, retention_bytes;
    unsigned depth; /* of nested steps */
    struct figures figures;
};

uint64_t world_draw(struct world *w, uint64_t below);
_Noreturn void world_fail(const struct world *w, const char *what, int key, int64_t a,
                          int64_t b);

/* Runs the history of a seed in *w; a violation ends the process with its seed. *w holds the
 * figures afterwards. */
void world_history(uint64_t seed, struct world *w);
/* One step of somebody, within somebody else's call. */
void world_interrupt(struct world *w, unsigned steps_max);

/* random.c */
void simulation_random(uint64_t seed);

/* instance.c */
struct journal_options instance_journal_options(struct instance *i, struct disk *disk);
void instance_start(struct instance *i);
/* Crashes now, or as soon as the calls under way have returned. */
void instance_crash(struct instance *i);
void instance_close(struct instance *i);
/* One random step of the instance. */
void instance_step(struct instance *i);
void instance_settle(struct instance *i);
bool instance_quiet(struct instance *i);

/* worker.c */
void worker_step(struct instance *i, struct worker *worker);
void worker_settle(struct instance *i, struct worker *worker);
/* The process died: nobody answers what was under way. */
void worker_forget(struct worker *worker);

/* keys.c */
#define KEY_NAME_SIZE 512
void key_name(const struct world *w, unsigned key, char *ret_name, size_t size);
/* The number of such a name. */
unsigned key_number(struct sr_span key);
/* The instance's own part of a value that several add to. */
int64_t digit_of(const struct instance *i, int64_t value);

/* figures.c: what the parts of an instance that goes have counted. */
void figures_add(struct instance *i);

/* image.c */
enum judge_promise image_promise(const struct instance *i, enum sim_loss loss);
/* Recovers what a crash at this moment may leave and judges it; ret_found (may be NULL) is what
 * the keys then hold, of this instance. */
void image_judge(struct instance *i, enum sim_loss loss, uint64_t seed,
                 struct model *ret_found);
/* Judges several crash states of this moment, unless nothing happened since the last ones. */
void image_judge_many(struct instance *i, unsigned count_max);
/* Judges what the database holds now that all is flushed. */
void image_judge_end(struct instance *i);

#endif
