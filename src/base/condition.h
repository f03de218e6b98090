/*
 * Waiting for a condition variable until a deadline of the monotonic clock. By default such
 * deadlines are of the wall clock: one that is set back by hours would prolong a wait by hours.
 */
#ifndef SR_BASE_CONDITION_H
#define SR_BASE_CONDITION_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* For sr_condition_wait_until; destroyed by pthread_cond_destroy. */
void sr_condition_init(pthread_cond_t *condition);

/* Waits, with the lock held, for a signal; false where deadline_ms (sr_clock_monotonic_ms) has
 * passed. May return true for no reason, as pthread_cond_wait(3) may. */
bool sr_condition_wait_until(pthread_cond_t *condition, pthread_mutex_t *lock,
                             uint64_t deadline_ms);

#endif
