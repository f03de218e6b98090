/*
 * What the running service does once a second, on the main thread: brings what the workers
 * counted onto the board of the hottest keys, and has the dashboard's next row made and fed.
 */
#ifndef SR_COMMAND_PULSE_H
#define SR_COMMAND_PULSE_H

#include "base/buffer.h"
#include "metrics/live.h"
#include "server/feed.h"
#include "server/hot.h"

#include <stdint.h>

struct service;

/* The service's; zeroed at first. */
struct pulse {
    struct hot_board hot;
    struct feed *feed; /* owned */
    struct live live;
    struct sr_buffer row, top; /* of the beat under way */
    uint64_t beat_ns;          /* when it beat last; 0: never */
};

/* Behind the engine and the server's metrics have their place in the service. SR_NO_MEMORY. */
enum sr_result pulse_open(struct service *service, struct sr_err *err) SR_MUST_USE;

/* Accepts what was never opened. No stream may be open. */
void pulse_close(struct pulse *pulse);

/* One beat. Those that follow the last one too soon to tell rates are passed over. */
void pulse_beat(struct service *service);

#endif
