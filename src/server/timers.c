/*
 * Deadlines of connections: one list in order of deadline per kind.
 */
#include "server/timers.h"

#include "base/check.h"

void timers_init(struct timers *timers, const uint32_t timeouts_ms[TIMER_KIND_COUNT])
{
    for (int kind = 0; kind < TIMER_KIND_COUNT; kind++) {
        list_init(&timers->lists[kind]);
        timers->timeouts_ms[kind] = timeouts_ms[kind];
    }
}

void timers_set(struct timers *timers, struct timer *timer, enum timer_kind kind,
                uint64_t now_ms)
{
    SR_CHECK(kind < TIMER_KIND_COUNT);
    list_remove(&timer->link);
    timer->kind = kind;
    if (kind != TIMER_NONE) {
        timer->deadline_ms = now_ms + timers->timeouts_ms[kind];
        list_append(&timers->lists[kind], &timer->link);
    }
}

struct timer *timers_take_expired(struct timers *timers, uint64_t now_ms)
{
    for (int kind = TIMER_NONE + 1; kind < TIMER_KIND_COUNT; kind++) {
        struct list_link *link = list_first(&timers->lists[kind]);
        struct timer *timer;

        if (link == NULL) {
            continue;
        }
        timer = LIST_OWNER(link, struct timer, link);
        if (timer->deadline_ms <= now_ms) {
            list_remove(link);
            return timer;
        }
    }
    return NULL;
}

uint64_t timers_next_ms(const struct timers *timers)
{
    uint64_t next_ms = UINT64_MAX;

    for (int kind = TIMER_NONE + 1; kind < TIMER_KIND_COUNT; kind++) {
        const struct list_link *head = &timers->lists[kind];
        const struct timer *timer;

        if (head->next == head) {
            continue;
        }
        timer = LIST_OWNER(head->next, struct timer, link);
        next_ms = timer->deadline_ms < next_ms ? timer->deadline_ms : next_ms;
    }
    return next_ms;
}
