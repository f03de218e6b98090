/*
 * File descriptors are closed through this, so that none is closed twice.
 */
#ifndef SR_SERVER_DESCRIPTOR_H
#define SR_SERVER_DESCRIPTOR_H

#include <unistd.h>

/* Closes *fd unless it is -1, which it is afterwards. */
static inline void descriptor_close(int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd); /* sockets and eventfds: nothing is left to be written */
        *fd = -1;
    }
}

#endif
