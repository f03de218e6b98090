/*
 * Condition variables on the monotonic clock.
 */
#include "base/condition.h"

#include "base/check.h"

#include <errno.h>
#include <time.h>

void sr_condition_init(pthread_cond_t *condition)
{
    pthread_condattr_t monotonic;

    SR_CHECK(pthread_condattr_init(&monotonic) == 0);
    SR_CHECK(pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) == 0);
    SR_CHECK(pthread_cond_init(condition, &monotonic) == 0);
    SR_CHECK(pthread_condattr_destroy(&monotonic) == 0);
}

bool sr_condition_wait_until(pthread_cond_t *condition, pthread_mutex_t *lock,
                             uint64_t deadline_ms)
{
    struct timespec until = {.tv_sec = (time_t)(deadline_ms / 1000U),
                             .tv_nsec = (long)(deadline_ms % 1000U) * 1000000L};
    int why = pthread_cond_timedwait(condition, lock, &until);

    SR_CHECK(why == 0 || why == ETIMEDOUT);
    return why == 0;
}
