/*
 * The limit on repeated events.
 */
#include "base/log_limit.h"

#include <stddef.h>
#include <string.h>

static bool is_over(const struct sr_log_limit_name *name, uint64_t now_ms)
{
    return now_ms - name->since_ms >= 1000;
}

/* The event's own place, else one that is free or has nothing more to tell, else NULL. */
static struct sr_log_limit_name *find(struct sr_log_limit *limit, const char *event,
                                      uint64_t now_ms)
{
    struct sr_log_limit_name *free_one = NULL;

    for (int i = 0; i < SR_LOG_LIMIT_NAMES; i++) {
        struct sr_log_limit_name *name = &limit->names[i];

        if (name->event != NULL && strcmp(name->event, event) == 0) {
            return name;
        }
        if (name->event == NULL || (name->suppressed == 0 && is_over(name, now_ms))) {
            free_one = free_one == NULL ? name : free_one;
        }
    }
    if (free_one != NULL) {
        *free_one = (struct sr_log_limit_name){.event = event, .since_ms = now_ms};
    }
    return free_one;
}

bool sr_log_limit_take(struct sr_log_limit *limit, const char *event, uint64_t now_ms)
{
    struct sr_log_limit_name *name = find(limit, event, now_ms);

    if (name == NULL) {
        return true;
    }
    if (is_over(name, now_ms)) {
        name->since_ms = now_ms;
        name->taken = 0;
    }
    if (name->taken < SR_LOG_LIMIT_PER_SECOND) {
        name->taken++;
        return true;
    }
    name->suppressed++;
    return false;
}

bool sr_log_limit_summary(struct sr_log_limit *limit, uint64_t now_ms, bool all,
                          const char **ret_event, uint64_t *ret_suppressed)
{
    for (int i = 0; i < SR_LOG_LIMIT_NAMES; i++) {
        struct sr_log_limit_name *name = &limit->names[i];

        if (name->suppressed > 0 && (all || is_over(name, now_ms))) {
            *ret_event = name->event;
            *ret_suppressed = name->suppressed;
            name->suppressed = 0;
            return true;
        }
    }
    return false;
}
