/*
 * What keeps one repeated event from flooding the log: each event name may write a number of
 * lines a second, the rest is counted and told in one line when the second is over. Time is an
 * argument. Part of base/log, which locks.
 */
#ifndef SR_BASE_LOG_LIMIT_H
#define SR_BASE_LOG_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#define SR_LOG_LIMIT_PER_SECOND 20
#define SR_LOG_LIMIT_NAMES                                                                     \
    64 /* event names watched at a time; beyond it an event is not limited */

struct sr_log_limit_name {
    const char *event; /* static text; NULL: free */
    uint64_t since_ms; /* start of its second */
    uint32_t taken;    /* lines written in it */
    uint64_t suppressed;
};

/* All zero at first. */
struct sr_log_limit {
    struct sr_log_limit_name names[SR_LOG_LIMIT_NAMES];
};

/* Whether a line of this event may be written at now_ms; counts it either way. event outlives
 * the limiter. */
bool sr_log_limit_take(struct sr_log_limit *limit, const char *event, uint64_t now_ms);

/* Takes out one event whose second is over (or any, where `all`) and whose lines were
 * suppressed: its name and their number. False where there is none. */
bool sr_log_limit_summary(struct sr_log_limit *limit, uint64_t now_ms, bool all,
                          const char **ret_event, uint64_t *ret_suppressed);

#endif
