/*
 * sd_notify(3) without libsystemd. The address is looked up anew for each datagram: a manager
 * that executed itself again has a new socket under the same name.
 */
#include "command/notify.h"

#include "base/check.h"
#include "server/descriptor.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#define SEND_TIMEOUT_S 1 /* a manager that hangs does not hang the service */

static bool is_set(const char *text)
{
    return text != NULL && text[0] != '\0';
}

static enum sr_result read_address(const char *name, struct notify *n, struct sr_err *err)
{
    size_t size = strlen(name);

    if ((name[0] != '/' && name[0] != '@') || size < 2) {
        return sr_fail(err, SR_INVALID, "NOTIFY_SOCKET is neither a path nor '@' and a name");
    }
    if (size >= sizeof(n->address.sun_path)) {
        return sr_fail(err, SR_INVALID, "NOTIFY_SOCKET has %zu bytes; a socket's name has %zu",
                       size, sizeof(n->address.sun_path) - 1);
    }
    n->address.sun_family = AF_UNIX;
    memcpy(n->address.sun_path, name, size);
    n->address_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
    if (name[0] == '@') {
        n->address.sun_path[0] = '\0'; /* the abstract namespace: no file, and no end mark */
    } else {
        n->address_size++;
    }
    return SR_OK;
}

static bool is_watched(sr_option_environment_fn *environment, long pid)
{
    const char *interval = environment("WATCHDOG_USEC");
    const char *watched = environment("WATCHDOG_PID");

    return is_set(interval) && (!is_set(watched) || strtol(watched, NULL, 10) == pid);
}

enum sr_result notify_open(struct notify *ret_notify, sr_option_environment_fn *environment,
                           long pid, struct sr_err *err)
{
    const struct timeval patience = {.tv_sec = SEND_TIMEOUT_S};
    const char *name = environment("NOTIFY_SOCKET");
    struct notify n = {.fd = -1};
    enum sr_result result = SR_OK;

    *ret_notify = n;
    if (!is_set(name)) {
        return SR_OK;
    }
    result = read_address(name, &n, err);
    if (result != SR_OK) {
        return result;
    }
    n.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (n.fd < 0) {
        return sr_fail_errno(err, SR_IO, errno, "cannot make a socket for NOTIFY_SOCKET");
    }
    (void)setsockopt(n.fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    n.watched = is_watched(environment, pid);
    *ret_notify = n;
    return SR_OK;
}

void notify_close(struct notify *notify)
{
    descriptor_close(&notify->fd);
}

/* A datagram that does not go through is the manager's loss: it has its own timeouts. */
static void tell(const struct notify *n, const char *text)
{
    if (n->fd >= 0) {
        (void)sendto(n->fd, text, strlen(text), MSG_NOSIGNAL,
                     (const struct sockaddr *)&n->address, n->address_size);
    }
}

void notify_ready(struct notify *notify, const char *status)
{
    char text[512];

    SR_CHECK(strchr(status, '\n') == NULL); /* it would be another assignment */
    (void)snprintf(text, sizeof(text), "READY=1\nSTATUS=%.400s", status);
    tell(notify, text);
}

void notify_alive(struct notify *notify)
{
    if (notify->watched) {
        tell(notify, "WATCHDOG=1");
    }
}

void notify_reloading(struct notify *notify, uint64_t now_us)
{
    char text[128];

    (void)snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, now_us);
    tell(notify, text);
}

void notify_stopping(struct notify *notify)
{
    tell(notify, "STOPPING=1\nSTATUS=answering and flushing what is in flight");
}
