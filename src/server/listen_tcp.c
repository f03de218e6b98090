/*
 * TCP listeners. The first socket of an address is bound without SO_REUSEPORT: that fails where
 * anybody holds the port, also somebody who would share it. Only then it is told to share with
 * the sockets of our other workers; the port is never let go in between.
 */
#include "server/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

struct tcp_address {
    struct sockaddr_storage storage;
    socklen_t size;
};

static bool parse_v4(const char *text, struct tcp_address *ret_address)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};

    if (inet_pton(AF_INET, text, &v4.sin_addr) != 1) {
        return false;
    }
    memcpy(&ret_address->storage, &v4, sizeof(v4));
    ret_address->size = sizeof(v4);
    return true;
}

static bool parse_v6(const char *text, struct tcp_address *ret_address)
{
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    char bare[INET6_ADDRSTRLEN];
    size_t size = strlen(text);

    if (size >= 2 && text[0] == '[' && text[size - 1] == ']') {
        text++;
        size -= 2;
    }
    if (size >= sizeof(bare)) {
        return false;
    }
    memcpy(bare, text, size);
    bare[size] = '\0';
    if (inet_pton(AF_INET6, bare, &v6.sin6_addr) != 1) {
        return false;
    }
    memcpy(&ret_address->storage, &v6, sizeof(v6));
    ret_address->size = sizeof(v6);
    return true;
}

static void set_port(struct tcp_address *address, uint16_t port)
{
    if (address->storage.ss_family == AF_INET) {
        ((struct sockaddr_in *)(void *)&address->storage)->sin_port = htons(port);
    } else {
        ((struct sockaddr_in6 *)(void *)&address->storage)->sin6_port = htons(port);
    }
}

static uint16_t bound_port(int fd)
{
    struct sockaddr_storage storage;
    socklen_t size = sizeof(storage);

    memset(&storage, 0, sizeof(storage));
    if (getsockname(fd, (struct sockaddr *)&storage, &size) != 0) {
        return 0;
    }
    return storage.ss_family == AF_INET
               ? ntohs(((struct sockaddr_in *)(void *)&storage)->sin_port)
               : ntohs(((struct sockaddr_in6 *)(void *)&storage)->sin6_port);
}

static void write_url(const struct tcp_address *address, uint16_t port,
                      struct listener *listener)
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)&address->storage;
    const struct sockaddr_in6 *v6 =
        (const struct sockaddr_in6 *)(const void *)&address->storage;
    char text[INET6_ADDRSTRLEN] = "?";

    if (address->storage.ss_family == AF_INET) {
        (void)inet_ntop(AF_INET, &v4->sin_addr, text, sizeof(text));
        (void)snprintf(listener->url, sizeof(listener->url), "http://%s:%u", text, port);
    } else {
        (void)inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof(text));
        (void)snprintf(listener->url, sizeof(listener->url), "http://[%s]:%u", text, port);
    }
}

static bool switch_on(int fd, int level, int option)
{
    int on = 1;

    return setsockopt(fd, level, option, &on, sizeof(on)) == 0;
}

/* shares: bind beside sockets of ours that are there already. */
static bool bind_socket(int fd, const struct tcp_address *address, bool shares)
{
    if (!switch_on(fd, SOL_SOCKET, SO_REUSEADDR)) { /* connections in TIME_WAIT */
        return false;
    }
    if (address->storage.ss_family == AF_INET6 && !switch_on(fd, IPPROTO_IPV6, IPV6_V6ONLY)) {
        return false;
    }
    if (shares && !switch_on(fd, SOL_SOCKET, SO_REUSEPORT)) {
        return false;
    }
    return bind(fd, (const struct sockaddr *)&address->storage, address->size) == 0;
}

/* Accepted sockets inherit TCP_NODELAY: answers are sent whole, nothing is to be waited for. */
static bool listen_socket(int fd, const struct tcp_address *address, bool first)
{
    return bind_socket(fd, address, !first) && switch_on(fd, SOL_SOCKET, SO_REUSEPORT) &&
           switch_on(fd, IPPROTO_TCP, TCP_NODELAY) && listen(fd, LISTEN_BACKLOG) == 0;
}

static enum sr_result fail_listen(const char *address, uint16_t port, struct sr_err *err)
{
    if (errno == EADDRINUSE) {
        return sr_fail(err, SR_EXISTS,
                       "cannot listen on %s port %u: another process listens there; stop it or "
                       "choose another --port",
                       address, port);
    }
    return sr_fail_errno(err, SR_IO, errno, "cannot listen on %s port %u", address, port);
}

enum sr_result listen_tcp(const char *address, uint16_t *port, uint32_t worker_count,
                          struct listener *listener, struct sr_err *err)
{
    struct tcp_address parsed = {0};
    enum sr_result result;

    if (!parse_v4(address, &parsed) && !parse_v6(address, &parsed)) {
        return sr_fail(err, SR_INVALID,
                       "cannot listen on \"%s\": not an IPv4 or IPv6 address or unix:PATH",
                       address);
    }
    result = listener_init(listener, LISTENER_TCP, worker_count, err);
    if (result != SR_OK) {
        return result;
    }
    for (uint32_t i = 0; i < worker_count; i++) {
        int fd =
            socket(parsed.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

        listener->fds[i] = fd;
        set_port(&parsed, *port);
        if (fd < 0 || !listen_socket(fd, &parsed, i == 0)) {
            return fail_listen(address, *port, err);
        }
        if (*port == 0) {
            *port = bound_port(fd);
        }
    }
    write_url(&parsed, *port, listener);
    return SR_OK;
}
