/*
 * Threads with a name, which `ps -L`, `top -H` and `perf` show.
 */
#ifndef SR_BASE_THREAD_H
#define SR_BASE_THREAD_H

#include "base/result.h"

#include <pthread.h>

/* As pthread_create, whose error number is returned: 0, or EAGAIN for one thread too many. Of
 * the name at most 15 bytes are shown. */
int sr_thread_start(pthread_t *ret_thread, const char *name, void *(*run)(void *context),
                    void *context) SR_MUST_USE;

#endif
