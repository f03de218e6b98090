/*
 * Included in front of server/engine_turn.c, which the simulation compiles a second time: after
 * each atomic load others may act, as other threads could.
 */
#ifndef SR_TEST_SIMULATION_INTERLEAVE_H
#define SR_TEST_SIMULATION_INTERLEAVE_H

#include <stdatomic.h>

void simulation_interleave(void);

#undef atomic_load
#define atomic_load(object)                                                                    \
    __extension__({                                                                            \
        __auto_type loaded_ = atomic_load_explicit(object, memory_order_seq_cst);              \
        simulation_interleave();                                                               \
        loaded_;                                                                               \
    })

#endif
