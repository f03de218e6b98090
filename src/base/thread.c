/*
 * Starting threads.
 */
#include "base/thread.h"

#include <stdio.h>

#define NAME_SIZE 16 /* of the kernel: TASK_COMM_LEN */

int sr_thread_start(pthread_t *ret_thread, const char *name, void *(*run)(void *context),
                    void *context)
{
    char shown[NAME_SIZE];
    int why = pthread_create(ret_thread, NULL, run, context);

    if (why == 0) {
        (void)snprintf(shown, sizeof(shown), "%s", name);
        (void)pthread_setname_np(*ret_thread, shown); /* only for people's eyes */
    }
    return why;
}
