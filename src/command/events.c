/*
 * From the background threads' events to the log.
 */
#include "command/events.h"

#include "base/log.h"

void events_log(void *context, const struct sync_event *event)
{
    static const enum sr_log_level levels[] = {
        [SYNC_EVENT_INFO] = SR_LOG_INFO,
        [SYNC_EVENT_WARN] = SR_LOG_WARN,
        [SYNC_EVENT_ERROR] = SR_LOG_ERROR,
    };
    struct sr_log_field fields[4] = {{0}}; /* the last one's NULL name ends the list */
    size_t count = 0;

    (void)context;
    if (event->epoch != 0) {
        fields[count++] = sr_log_number("epoch", (int64_t)event->epoch);
    }
    if (event->rows != 0) {
        fields[count++] = sr_log_number("rows", (int64_t)event->rows);
    }
    if (event->elapsed_ms != 0) {
        fields[count++] = sr_log_number("elapsed_ms", (int64_t)event->elapsed_ms);
    }
    sr_log_event(levels[event->level], event->name, event->text, fields);
}
