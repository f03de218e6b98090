/*
 * The kernel's floor: a bare epoll server that answers every complete HTTP request with the
 * same bytes and keeps nothing. One thread, or several that share nothing but the port; one
 * read and one write per connection and loop turn; it parses no more than it must to know where
 * a request ends, so that what our server costs above it is what HTTP, JSON, counting and
 * journal cost.
 */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS_MAX 512
#define THREADS_MAX 64
#define IN_SIZE ((size_t)16384) /* a head that does not fit closes its connection */
#define REPLY_SIZE_MAX ((size_t)4096)
#define REPLY_COPIES ((size_t)1024) /* what one write can answer */

#define BODY "{\"data\":{\"key\":\"bench-key-0000000000\",\"value\":12345678}}"

static const char reply_default[] = "HTTP/1.1 200 OK\r\n"
                                    "Content-Type: application/json\r\n"
                                    "Content-Length: 56\r\n"
                                    "\r\n" BODY;

static_assert(sizeof(BODY) - 1 == 56, "Content-Length above");

struct connection {
    int fd;
    size_t in_size;   /* bytes of in that no complete request was made of yet */
    size_t body_left; /* bytes of the current request's body still to come */
    size_t owed;      /* bytes of replies not sent yet */
    size_t reply_at;  /* where in the reply the next byte to send lies */
    uint8_t in[IN_SIZE];
};

struct floor_server {
    int epoll_fd;
    int listen_fd;
    size_t reply_size;
    size_t replies_size; /* reply_size * REPLY_COPIES */
    uint8_t *replies;
};

_Noreturn static void die(const char *what)
{
    perror(what);
    exit(1);
}

/* The value of Content-Length within a head, 0 where there is none. */
static size_t content_length(const uint8_t *head, const uint8_t *end)
{
    static const char name[] = "\r\nContent-Length:";
    const size_t name_size = sizeof(name) - 1;

    for (const uint8_t *at = head; at + name_size < end; at++) {
        at = memchr(at, '\r', (size_t)(end - at) - name_size);
        if (at == NULL) {
            return 0;
        }
        if (strncasecmp((const char *)at, name, name_size) == 0) {
            return strtoul((const char *)at + name_size, NULL, 10);
        }
    }
    return 0;
}

/* Counts the requests that are complete with what was read; keeps the rest for the next. */
static size_t complete_requests(struct connection *c)
{
    size_t done = 0;
    size_t at = 0;

    for (;;) {
        size_t skip = c->in_size - at < c->body_left ? c->in_size - at : c->body_left;
        const uint8_t *head = c->in + at + skip;
        const uint8_t *end;

        at += skip;
        done += skip > 0 && skip == c->body_left;
        c->body_left -= skip;
        if (at == c->in_size) {
            break;
        }
        end = memmem(head, c->in_size - at, "\r\n\r\n", 4);
        if (end == NULL) {
            break;
        }
        c->body_left = content_length(head, end + 2);
        at = (size_t)(end + 4 - c->in);
        done += c->body_left == 0;
    }
    memmove(c->in, c->in + at, c->in_size - at);
    c->in_size -= at;
    return done;
}

/* Sends what is owed, in one write as long as the socket takes it. False: it broke. */
static bool send_owed(const struct floor_server *server, struct connection *c)
{
    while (c->owed > 0) {
        size_t run = server->replies_size - c->reply_at;
        ssize_t sent = send(c->fd, server->replies + c->reply_at, c->owed < run ? c->owed : run,
                            MSG_NOSIGNAL);

        if (sent < 0) {
            return errno == EAGAIN; /* EPOLLOUT will tell */
        }
        c->reply_at = (c->reply_at + (size_t)sent) % server->reply_size;
        c->owed -= (size_t)sent;
    }
    return true;
}

/* One ready connection. Edge-triggered: reads again only when the buffer was filled to its end
 * or the peer is gone. False: close it. */
static bool serve(const struct floor_server *server, struct connection *c, uint32_t events)
{
    bool drained = false;

    while (!drained) {
        size_t room = IN_SIZE - c->in_size;
        ssize_t got = recv(c->fd, c->in + c->in_size, room, 0);

        if (got == 0 || (got < 0 && errno != EAGAIN)) {
            return false;
        }
        if (got > 0) {
            c->in_size += (size_t)got;
            c->owed += complete_requests(c) * server->reply_size;
        }
        if (c->in_size == IN_SIZE || !send_owed(server, c)) {
            return false;
        }
        drained = got < 0 || ((size_t)got < room && (events & EPOLLRDHUP) == 0);
    }
    return true;
}

static void accept_all(const struct floor_server *server)
{
    int fd;
    int on = 1;

    while ((fd = accept4(server->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct connection *c = calloc(1, sizeof(*c));
        struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                    .data.ptr = c};

        if (c == NULL) {
            die("floor: connection");
        }
        c->fd = fd;
        if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0 ||
            epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) {
            die("floor: accepted socket");
        }
    }
    if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR) {
        die("floor: accept");
    }
}

_Noreturn static void run(const struct floor_server *server)
{
    struct epoll_event events[EVENTS_MAX];

    for (;;) {
        int count = epoll_wait(server->epoll_fd, events, EVENTS_MAX, -1);

        for (int i = 0; i < count; i++) {
            struct connection *c = events[i].data.ptr;

            if (c == NULL) {
                accept_all(server);
            } else if (!serve(server, c, events[i].events)) {
                (void)close(c->fd); /* which takes it out of epoll */
                free(c);
            }
        }
    }
}

/* Listens on 127.0.0.1, on a port that others of this program may share; returns it. */
static uint16_t listen_on(struct floor_server *server, uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    socklen_t size = sizeof(address);
    struct epoll_event event = {.events = EPOLLIN};
    int on = 1;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    server->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    server->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (server->epoll_fd < 0 || server->listen_fd < 0 ||
        setsockopt(server->listen_fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) != 0 ||
        bind(server->listen_fd, (const struct sockaddr *)&address, size) != 0 ||
        listen(server->listen_fd, SOMAXCONN) != 0 ||
        getsockname(server->listen_fd, (struct sockaddr *)&address, &size) != 0 ||
        epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, server->listen_fd, &event) != 0) {
        die("floor: listen");
    }
    return ntohs(address.sin_port);
}

/* Fills reply (REPLY_SIZE_MAX bytes) from a file or, for NULL, the default; its size. */
static size_t load_reply(const char *path, char *reply)
{
    size_t size = sizeof(reply_default) - 1;
    FILE *file;

    if (path == NULL) {
        memcpy(reply, reply_default, size);
        return size;
    }
    file = fopen(path, "rbe");
    if (file == NULL) {
        die(path);
    }
    size = fread(reply, 1, REPLY_SIZE_MAX, file);
    (void)fclose(file); /* only read */
    if (size == 0 || size == REPLY_SIZE_MAX) {
        fprintf(stderr, "floor: %s: not a reply of 1 to %zu bytes\n", path, REPLY_SIZE_MAX - 1);
        exit(2);
    }
    return size;
}

static void prepare_replies(struct floor_server *server, const char *path)
{
    char reply[REPLY_SIZE_MAX];

    server->reply_size = load_reply(path, reply);
    server->replies_size = server->reply_size * REPLY_COPIES;
    server->replies = malloc(server->replies_size);
    if (server->replies == NULL) {
        die("floor: replies");
    }
    for (size_t at = 0; at < server->replies_size; at += server->reply_size) {
        memcpy(server->replies + at, reply, server->reply_size);
    }
}

static void *run_thread(void *server)
{
    run(server);
}

/* floor [PORT [THREADS [FILE]]]: FILE holds the bytes of the reply. Prints the URL as
 * simple-request does. */
int main(int argc, char **argv)
{
    static struct floor_server servers[THREADS_MAX];
    unsigned long port = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
    unsigned long threads = argc > 2 ? strtoul(argv[2], NULL, 10) : 1;
    pthread_t thread;

    if (argc > 4 || port > UINT16_MAX || threads < 1 || threads > THREADS_MAX) {
        fprintf(stderr, "usage: floor [PORT [THREADS [FILE]]]\n");
        return 2;
    }
    prepare_replies(&servers[0], argc > 3 ? argv[3] : NULL);
    for (unsigned long i = 0; i < threads; i++) {
        servers[i] = servers[0];
        port = listen_on(&servers[i], (uint16_t)port);
    }
    for (unsigned long i = 1; i < threads; i++) {
        if (pthread_create(&thread, NULL, run_thread, &servers[i]) != 0) {
            die("floor: thread");
        }
    }
    printf("  url   http://127.0.0.1:%lu\n", port);
    (void)fflush(stdout);
    run(&servers[0]);
}
