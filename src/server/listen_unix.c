/*
 * Listeners on unix sockets: the file of a process that is gone is replaced, one that somebody
 * listens on is not.
 */
#include "server/descriptor.h"
#include "server/listener.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

/* True where the file at the address is a socket that nobody listens on. */
static bool is_stale(const struct sockaddr_un *address)
{
    struct stat found;
    bool refused;
    int fd;

    if (lstat(address->sun_path, &found) != 0 || !S_ISSOCK(found.st_mode)) {
        return false;
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return false;
    }
    refused = connect(fd, (const struct sockaddr *)address, sizeof(*address)) != 0 &&
              errno == ECONNREFUSED;
    descriptor_close(&fd);
    return refused;
}

static int bind_file(int fd, const struct sockaddr_un *address)
{
    if (bind(fd, (const struct sockaddr *)address, sizeof(*address)) == 0) {
        return 0;
    }
    if (errno != EADDRINUSE) {
        return errno;
    }
    if (!is_stale(address)) {
        return EADDRINUSE;
    }
    (void)unlink(address->sun_path); /* if that fails, so does bind */
    return bind(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ? 0 : errno;
}

static enum sr_result remember_file(const char *path, struct listener *listener,
                                    struct sr_err *err)
{
    struct stat made;

    listener->path = strdup(path);
    if (listener->path == NULL) {
        return sr_fail(err, SR_NO_MEMORY, "no memory for the path of a unix socket");
    }
    if (stat(path, &made) == 0) {
        listener->device = made.st_dev;
        listener->inode = made.st_ino;
    }
    (void)snprintf(listener->url, sizeof(listener->url), "unix:%s", path);
    return SR_OK;
}

enum sr_result listen_unix(const char *path, struct listener *listener, struct sr_err *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    enum sr_result result;
    int why;

    if (path[0] == '\0' || strlen(path) >= sizeof(address.sun_path)) {
        return sr_fail(err, SR_INVALID, "the path of a unix socket must have 1 to %zu bytes",
                       sizeof(address.sun_path) - 1);
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    result = listener_init(listener, LISTENER_UNIX, 1, err);
    if (result != SR_OK) {
        return result;
    }
    listener->fds[0] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    why = listener->fds[0] < 0 ? errno : bind_file(listener->fds[0], &address);
    if (why == EADDRINUSE) {
        return sr_fail(err, SR_EXISTS,
                       "cannot listen on unix:%s: another process listens there, or the file "
                       "is no socket",
                       path);
    }
    if (why != 0) {
        return sr_fail_errno(err, SR_IO, why, "cannot listen on unix:%s", path);
    }
    result = remember_file(path, listener, err);
    if (result == SR_OK && listen(listener->fds[0], LISTEN_BACKLOG) != 0) {
        return sr_fail_errno(err, SR_IO, errno, "cannot listen on unix:%s", path);
    }
    return result;
}
