/*
 * From the background threads' events to the log.
 */
#ifndef SR_COMMAND_EVENTS_H
#define SR_COMMAND_EVENTS_H

#include "sync/event.h"

/* A sync_event_fn; context is not used. */
void events_log(void *context, const struct sync_event *event);

#endif
