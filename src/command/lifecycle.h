/*
 * Annotations in Grafana that tell when this process starts and ends. A thread of its own sends
 * them: nobody waits for Grafana but lifecycle_close, and that for LIFECYCLE_PATIENCE_MS alone.
 */
#ifndef SR_COMMAND_LIFECYCLE_H
#define SR_COMMAND_LIFECYCLE_H

#include "command/config.h"

#include <stdbool.h>

/* How much later the process ends at most, where Grafana has not answered by then. */
#define LIFECYCLE_PATIENCE_MS 1000U

enum lifecycle_moment { LIFECYCLE_START, LIFECYCLE_STOP, LIFECYCLE_MOMENT_COUNT };

struct lifecycle;

/* Whether the options of annotations make sense. SR_INVALID names the one that does not. */
enum sr_result lifecycle_check(const struct config *config, struct sr_err *err) SR_MUST_USE;

/* Starts the thread where --grafana-url is given. NULL where it is not, and where there is no
 * thread to be had, which is logged. Signals must be blocked already; the configuration must
 * outlive the process' other threads. */
struct lifecycle *lifecycle_open(const struct config *config);

/* Hands the moment over: it is now. Accepts NULL; never waits. */
void lifecycle_tell(struct lifecycle *lifecycle, enum lifecycle_moment moment);

/* Waits until all that was told has been sent or has failed. False where that takes too long:
 * the thread then goes on, and the process must end by _exit(2), since exit handlers would take
 * libraries from under it. Accepts NULL. */
bool lifecycle_close(struct lifecycle **lifecycle) SR_MUST_USE;

#endif
