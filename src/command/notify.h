/*
 * What the service tells a service manager of type "notify", by the protocol of sd_notify(3):
 * datagrams to the socket that NOTIFY_SOCKET names. Without that variable all of it does
 * nothing. Called on the main thread alone.
 */
#ifndef SR_COMMAND_NOTIFY_H
#define SR_COMMAND_NOTIFY_H

#include "base/options.h"

#include <sys/socket.h>
#include <sys/un.h>

struct notify {
    int fd; /* -1: nobody wants to be told */
    struct sockaddr_un address;
    socklen_t address_size;
    bool watched; /* the manager's watchdog waits for notify_alive */
};

/*
 * Reads NOTIFY_SOCKET (a path, or '@' and a name), WATCHDOG_USEC and WATCHDOG_PID. The latter
 * two count where WATCHDOG_PID is `pid` or not set. SR_INVALID for an address of another kind,
 * SR_IO without a socket: then nobody is told anything. notify_close undoes it in any case.
 */
enum sr_result notify_open(struct notify *ret_notify, sr_option_environment_fn *environment,
                           long pid, struct sr_err *err) SR_MUST_USE;
void notify_close(struct notify *notify);

/* The start is done; `status` is a line for people. */
void notify_ready(struct notify *notify, const char *status);

/* For the watchdog: call it more often than the manager asks for. */
void notify_alive(struct notify *notify);

/* Files are being read again; notify_ready tells the end of it. now_us: the monotonic clock. */
void notify_reloading(struct notify *notify, uint64_t now_us);

/* The orderly end has begun. */
void notify_stopping(struct notify *notify);

#endif
