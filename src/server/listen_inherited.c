/*
 * Sockets inherited from a service manager or from our predecessor in a rolling restart, by the
 * protocol of sd_listen_fds(3): descriptors from 3 on, LISTEN_FDS of them, for process
 * LISTEN_PID.
 */
#include "server/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define FIRST_FD 3

/* The number in an environment variable, 0 where there is none. */
static long number_of(const char *name)
{
    const char *text = getenv(name);
    char *end;
    long number;

    if (text == NULL || text[0] == '\0') {
        return 0;
    }
    errno = 0;
    number = strtol(text, &end, 10);
    return errno == 0 && *end == '\0' && number > 0 ? number : 0;
}

/* The variables are not for our children. */
static void forget(void)
{
    static const char *const names[] = {"LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        /* Called at start, before there are threads. NOLINTNEXTLINE(concurrency-mt-unsafe) */
        (void)unsetenv(names[i]);
    }
}

static void write_url(int fd, struct listener *listener)
{
    struct sockaddr_storage storage;
    socklen_t size = sizeof(storage);
    char text[INET6_ADDRSTRLEN];

    memset(&storage, 0, sizeof(storage));
    (void)snprintf(listener->url, sizeof(listener->url), "inherited:%d", fd);
    if (getsockname(fd, (struct sockaddr *)&storage, &size) != 0) {
        return;
    }
    if (storage.ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)&storage;

        (void)snprintf(listener->url, sizeof(listener->url), "http://%s:%u",
                       inet_ntop(AF_INET, &v4->sin_addr, text, sizeof(text)),
                       ntohs(v4->sin_port));
    } else if (storage.ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)&storage;

        (void)snprintf(listener->url, sizeof(listener->url), "http://[%s]:%u",
                       inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof(text)),
                       ntohs(v6->sin6_port));
    } else if (storage.ss_family == AF_UNIX) {
        const struct sockaddr_un *local = (const struct sockaddr_un *)(const void *)&storage;

        (void)snprintf(listener->url, sizeof(listener->url), "unix:%.107s", local->sun_path);
    }
}

static bool has_option(int fd, int option, int expected)
{
    int value = 0;
    socklen_t size = sizeof(value);

    return getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 && value == expected;
}

static bool prepare(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    int on = 1;

    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
        fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) {
        return false;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on,
                     sizeof(on)); /* fails for unix sockets */
    return true;
}

static enum sr_result take(int fd, struct listener *listener, struct sr_err *err)
{
    enum sr_result result;

    if (!has_option(fd, SO_ACCEPTCONN, 1) || !has_option(fd, SO_TYPE, SOCK_STREAM)) {
        return sr_fail(err, SR_INVALID,
                       "descriptor %d of LISTEN_FDS is no listening stream socket", fd);
    }
    if (!prepare(fd)) {
        return sr_fail_errno(err, SR_IO, errno, "descriptor %d of LISTEN_FDS", fd);
    }
    result = listener_init(listener, LISTENER_INHERITED, 1, err);
    if (result != SR_OK) {
        return result;
    }
    listener->fds[0] = fd;
    write_url(fd, listener);
    return SR_OK;
}

long listen_inherited_count(void)
{
    return number_of("LISTEN_PID") == (long)getpid() ? number_of("LISTEN_FDS") : 0;
}

enum sr_result listen_inherited(struct listeners *listeners, struct sr_err *err)
{
    long count = listen_inherited_count();

    forget();
    if (count == 0) {
        return SR_OK;
    }
    if (count > LISTENERS_MAX) {
        return sr_fail(err, SR_INVALID, "LISTEN_FDS is %ld; at most %d sockets are taken",
                       count, LISTENERS_MAX);
    }
    for (int i = 0; i < (int)count; i++) {
        enum sr_result result = take(FIRST_FD + i, &listeners->items[listeners->count++], err);

        if (result != SR_OK) {
            return result;
        }
    }
    return SR_OK;
}
