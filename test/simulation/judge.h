/*
 * The judge of one instance: what its clients were told against what is there.
 *
 * Each change that the engine counted is an operation in the order of counting; a turn's
 * operations are handed to the journal together. Whatever a crash leaves must be exactly the
 * operations of the first N turns handed over, for one N over all keys: nothing torn, reordered
 * or doubled. N must reach every operation that a reply has shown.
 *
 *   counted  a:+1  b:-7  a:=5  a:+2  ...     the model: what the keys hold
 *   turn       1     2     1   open          handed over in the order of turns' ends
 *   shown      x     x     x                 a reply with it, or computed over it, has left
 */
#ifndef SR_TEST_SIMULATION_JUDGE_H
#define SR_TEST_SIMULATION_JUDGE_H

#include "base/arith.h"
#include "core/change.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEYS 24
#define OPERATIONS_MAX 8192

/* A key's value; wide, since refused rows may take it beyond what the database can hold. */
struct model {
    sr_wide value;
    bool exists;
};

struct operation {
    uint64_t turn; /* number of its hand-over; TURN_OPEN: not handed over */
    uint64_t epoch;
    int64_t value;
    uint8_t key;
    uint8_t kind; /* enum sr_change_kind */
    bool shown;
};

#define TURN_OPEN UINT64_MAX

struct judge {
    struct model settled[KEYS]; /* of the operations that are not listed any more */
    struct model live[KEYS];    /* of all that were counted */
    struct operation operations[OPERATIONS_MAX];
    size_t count;
    uint64_t first; /* number of the first one that is listed */
    uint64_t turns; /* handed over */
    uint64_t settled_turn;
    bool rows_known[KEYS]; /* whether the row is there means something: no other instance, and
                              nothing that the database refuses */
};

/* What a crash may take. */
enum judge_promise {
    PROMISE_SHOWN,  /* turns at the end, none that a reply has shown */
    PROMISE_PREFIX, /* turns at the end: durability write, power loss */
    PROMISE_EPOCHS  /* whole epochs at the end: durability none */
};

void model_change(struct model *model, enum sr_change_kind kind, sr_wide value);

/* Number of the next operation: what is computed now includes all lower ones. */
uint64_t judge_now(const struct judge *judge);

/* Counts an operation in a turn that is open. */
void judge_counted(struct judge *judge, const struct operation *operation);

/* These operations, by number, are handed over as one turn. */
void judge_hand_over(struct judge *judge, const uint64_t *numbers, size_t count);

/* A reply about the key left, which was computed at `number`. */
void judge_shown(struct judge *judge, unsigned key, uint64_t number);

/* Whether `found`, of KEYS keys, is what a crash may leave. */
bool judge_allows(const struct judge *judge, enum judge_promise promise,
                  const struct model *found);

/* The instance goes on with what was found. */
void judge_restart(struct judge *judge, const struct model *found);

/* All of epochs up to this one is in the database: no crash takes it. */
void judge_flushed(struct judge *judge, enum judge_promise promise, uint64_t epoch);

/* Prints what was found beside the nearest that is allowed. */
void judge_explain(const struct judge *judge, const struct model *found);

#endif
