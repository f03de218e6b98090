/*
 * Events that background threads report to whoever logs (main): below server/ nobody logs.
 */
#ifndef SR_SYNC_EVENT_H
#define SR_SYNC_EVENT_H

#include <stdint.h>

enum sync_event_level { SYNC_EVENT_INFO, SYNC_EVENT_WARN, SYNC_EVENT_ERROR };

struct sync_event {
    enum sync_event_level level;
    const char *name;    /* dotted and fixed, e.g. "sync.store_down" */
    const char *text;    /* for people, borrowed for the call */
    uint64_t epoch;      /* 0: not about an epoch */
    uint64_t rows;       /* 0: not about rows */
    uint64_t elapsed_ms; /* 0: not about time */
};

typedef void sync_event_fn(void *context, const struct sync_event *event);

#endif
