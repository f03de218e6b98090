/*
 * A change of one key within one epoch, and how two changes of the same key become one. Pure.
 */
#ifndef SR_CORE_CHANGE_H
#define SR_CORE_CHANGE_H

#include "base/arith.h"
#include "base/limits.h"
#include "base/span.h"

#include <stdint.h>

/* What is done to a key. The numbers are on disk: never renumber. */
enum sr_change_kind {
    SR_CHANGE_ADD = 1,    /* total += value */
    SR_CHANGE_SET = 2,    /* total  = value (a set and the adds that came over it) */
    SR_CHANGE_DELETE = 3, /* the row goes; value is 0 */
};

/*
 * generation: how many sets and deletes of this key the epoch had seen when the change was
 * counted, itself included where it is one. The higher generation wins whatever the order in
 * the journal; adds of the same generation lie over it.
 */
struct sr_change {
    struct sr_span key; /* borrowed */
    sr_wide value;      /* wide: sums of adds may leave 64 bits before the last one is in */
    uint32_t generation;
    enum sr_change_kind kind;
};

/*
 * Merges `later` into `*into` (same key, same epoch); the key of `*into` stays. Commutative and
 * associative, so that the order of journal, runs and workers does not matter:
 *
 *   generations differ   the higher one, alone
 *   add, add             add of the sum
 *   set, add             set of the sum
 *   delete, add          set of the add's value: it started from 0 again
 */
void sr_change_merge(struct sr_change *into, const struct sr_change *later);

#endif
