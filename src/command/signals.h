/*
 * The process's signals: which are ignored, which end it, and how the main thread waits for
 * them.
 */
#ifndef SR_COMMAND_SIGNALS_H
#define SR_COMMAND_SIGNALS_H

#include <stdbool.h>
#include <stdint.h>

/* Before any thread is started: ignores SIGPIPE and SIGXFSZ (both then come as errors of a
 * call), blocks SIGTERM, SIGINT and SIGHUP in this thread and those it starts. */
void signals_prepare(void);

/* Waits that many milliseconds; true at once where SIGTERM or SIGINT comes: the process ends.
 */
bool signals_come_within(uint32_t ms);

/* What the main thread does while it waits. */
struct signals_tasks {
    void (*each_second)(void *context); /* about once a second */
    void (*reload)(void *context);      /* SIGHUP */
    void *context;
};

/* Waits for SIGTERM or SIGINT and returns its name. From then on another one ends the process
 * at once. */
const char *signals_wait(const struct signals_tasks *tasks);

#endif
