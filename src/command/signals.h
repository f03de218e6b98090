/*
 * The process's signals: which are ignored, which end it, and how the main thread waits for
 * them.
 */
#ifndef SR_COMMAND_SIGNALS_H
#define SR_COMMAND_SIGNALS_H

#include <stdbool.h>
#include <stdint.h>

/* Before any thread is started: ignores SIGPIPE and SIGXFSZ (both then come as errors of a
 * call), blocks SIGTERM and SIGINT in this thread and those it starts. */
void signals_prepare(void);

/* Waits that many milliseconds; true at once where SIGTERM or SIGINT comes: the process ends.
 */
bool signals_come_within(uint32_t ms);

/* Waits for SIGTERM or SIGINT and returns its name. From then on another one ends the process
 * at once. `each_second` runs about once a second meanwhile. */
const char *signals_wait(void (*each_second)(void));

#endif
