/*
 * A proxy on loopback that cuts a connection after so many bytes.
 */
#include "store/cutting_proxy.h"

#include "base/check.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

struct cutting_proxy {
    int listener, stop_fd;
    unsigned port, server_port;
    pthread_t thread;
    pthread_mutex_t lock; /* over what follows */
    bool armed, has_cut;
    enum cutting_direction direction;
    size_t size; /* bytes that still pass */
};

static struct sockaddr_in loopback(unsigned port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

/* How much of what came may pass; says whether the connection ends with it. */
static size_t allowed(struct cutting_proxy *proxy, enum cutting_direction direction,
                      size_t size, bool *ret_cut)
{
    SR_CHECK(pthread_mutex_lock(&proxy->lock) == 0);
    *ret_cut = false;
    if (proxy->armed && proxy->direction == direction) {
        *ret_cut = size >= proxy->size;
        size = *ret_cut ? proxy->size : size;
        proxy->size -= size;
        proxy->has_cut = proxy->has_cut || *ret_cut;
        proxy->armed = !*ret_cut;
    }
    SR_CHECK(pthread_mutex_unlock(&proxy->lock) == 0);
    return size;
}

/* False when the connection is over. */
static bool forward(struct cutting_proxy *proxy, int from, int to,
                    enum cutting_direction direction)
{
    static char buffer[65536];
    ssize_t got = recv(from, buffer, sizeof(buffer), 0);
    bool cut;
    size_t passes;

    if (got <= 0) {
        return false;
    }
    passes = allowed(proxy, direction, (size_t)got, &cut);
    return send(to, buffer, passes, MSG_NOSIGNAL) == (ssize_t)passes && !cut;
}

/* Forwards until an end closes, a cut, or stop; false to stop. */
static bool serve(struct cutting_proxy *proxy, int client, int server)
{
    for (;;) {
        struct pollfd fds[] = {{.fd = client, .events = POLLIN},
                               {.fd = server, .events = POLLIN},
                               {.fd = proxy->stop_fd, .events = POLLIN}};

        SR_CHECK(poll(fds, 3, -1) > 0);
        if (fds[2].revents != 0) {
            return false;
        }
        if (fds[0].revents != 0 && !forward(proxy, client, server, CUTTING_TO_SERVER)) {
            return true;
        }
        if (fds[1].revents != 0 && !forward(proxy, server, client, CUTTING_TO_CLIENT)) {
            return true;
        }
    }
}

static void *run(void *context)
{
    struct cutting_proxy *proxy = context;
    struct sockaddr_in address = loopback(proxy->server_port);
    bool goes_on = true;

    while (goes_on) {
        struct pollfd fds[] = {{.fd = proxy->listener, .events = POLLIN},
                               {.fd = proxy->stop_fd, .events = POLLIN}};
        int client;
        int server;

        SR_CHECK(poll(fds, 2, -1) > 0);
        if (fds[1].revents != 0) {
            break;
        }
        client = accept4(proxy->listener, NULL, NULL, SOCK_CLOEXEC);
        server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        SR_CHECK(client >= 0 && server >= 0);
        if (connect(server, (struct sockaddr *)&address, sizeof(address)) == 0) {
            goes_on = serve(proxy, client, server);
        }
        (void)close(client); /* both are only sockets */
        (void)close(server);
    }
    return NULL;
}

struct cutting_proxy *cutting_proxy_open(unsigned server_port)
{
    struct cutting_proxy *proxy = calloc(1, sizeof(*proxy));
    struct sockaddr_in address = loopback(0);
    socklen_t size = sizeof(address);

    SR_CHECK(proxy != NULL);
    proxy->server_port = server_port;
    proxy->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    proxy->stop_fd = eventfd(0, EFD_CLOEXEC);
    SR_CHECK(proxy->listener >= 0 && proxy->stop_fd >= 0);
    SR_CHECK(bind(proxy->listener, (struct sockaddr *)&address, size) == 0);
    SR_CHECK(listen(proxy->listener, 8) == 0);
    SR_CHECK(getsockname(proxy->listener, (struct sockaddr *)&address, &size) == 0);
    proxy->port = ntohs(address.sin_port);
    SR_CHECK(pthread_mutex_init(&proxy->lock, NULL) == 0);
    SR_CHECK(pthread_create(&proxy->thread, NULL, run, proxy) == 0);
    return proxy;
}

void cutting_proxy_close(struct cutting_proxy **proxy)
{
    SR_CHECK(eventfd_write((*proxy)->stop_fd, 1) == 0);
    SR_CHECK(pthread_join((*proxy)->thread, NULL) == 0);
    SR_CHECK(pthread_mutex_destroy(&(*proxy)->lock) == 0);
    (void)close((*proxy)->listener);
    (void)close((*proxy)->stop_fd);
    free(*proxy);
    *proxy = NULL;
}

unsigned cutting_proxy_port(const struct cutting_proxy *proxy)
{
    return proxy->port;
}

void cutting_proxy_arm(struct cutting_proxy *proxy, enum cutting_direction direction,
                       size_t size)
{
    SR_CHECK(pthread_mutex_lock(&proxy->lock) == 0);
    proxy->armed = true;
    proxy->has_cut = false;
    proxy->direction = direction;
    proxy->size = size;
    SR_CHECK(pthread_mutex_unlock(&proxy->lock) == 0);
}

bool cutting_proxy_disarm(struct cutting_proxy *proxy)
{
    bool has_cut;

    SR_CHECK(pthread_mutex_lock(&proxy->lock) == 0);
    has_cut = proxy->has_cut;
    proxy->armed = false;
    SR_CHECK(pthread_mutex_unlock(&proxy->lock) == 0);
    return has_cut;
}
