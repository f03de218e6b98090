/*
 * A run of the counter table beside the model: what both share, and requests to both.
 */
#ifndef TEST_CORE_MODEL_RUN_H
#define TEST_CORE_MODEL_RUN_H

#include "model.h"
#include "table.h"

#define KEYS_MAX 2000U
#define LOADS_MAX 64U

struct row {
    bool exists;
    int64_t value;
};

struct load {
    counters_ref ref; /* 0: free */
    uint32_t key;
    bool taken; /* the snapshot is there */
    struct row snapshot;
    uint64_t epoch;
};

/* Where the flush of epoch open - 1 stands. */
enum stage { STAGE_IDLE, STAGE_OPENED, STAGE_COLLECTED, STAGE_COMMITTED };

struct run {
    struct table t;
    struct model model;
    uint64_t seed;
    uint32_t key_count;
    struct model_key *keys;
    struct row *rows; /* the database */
    uint64_t row_epoch;
    enum stage stage;
    struct counters_sealed sealed;
    uint32_t *sealed_keys; /* by sealed index */
    struct counters_base *bases;
    bool answer_lost;
    struct load loads[LOADS_MAX];
    struct {
        uint32_t key;
        counters_ref ref;
    } pins[256];
    uint32_t pin_count;
    uint64_t statuses[16]; /* how often each was answered */
    uint64_t stale;
};

/* A random number below a bound, the same at every run. */
uint64_t run_draw(struct run *r, uint64_t below);
int64_t run_draw_value(struct run *r);

/* The key of a number, of 8 to 107 bytes, in the order of the numbers. */
struct sr_span run_key(char buffer[SR_KEY_SIZE_MAX], uint32_t number);

/* The table's entry of a key, 0 where there is none. What the table evicted must have been
 * clean; then the model forgets it too. */
counters_ref run_look(struct run *r, uint32_t number);

/* One random request; the answers must be the same. */
void run_request(struct run *r);

#endif
