/*
 * The sockets that are listened on: TCP, one per worker and address by SO_REUSEPORT; unix
 * sockets and inherited ones, shared by the workers.
 */
#ifndef SR_SERVER_LISTENER_H
#define SR_SERVER_LISTENER_H

#include "base/result.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define LISTENERS_MAX 16
#define LISTEN_BACKLOG 4096 /* the kernel cuts it to net.core.somaxconn */

enum listener_kind {
    LISTENER_TCP,      /* a socket per worker */
    LISTENER_UNIX,     /* one socket, and a file */
    LISTENER_INHERITED /* one socket, which others may go on listening on after us */
};

struct listener {
    enum listener_kind kind;
    char url[144]; /* "http://127.0.0.1:3333", "unix:/path" */
    int *fds;      /* owned; -1: handed to a worker or closed */
    uint32_t fd_count;
    char *path; /* LISTENER_UNIX: owned; the file that goes with the socket */
    dev_t device;
    ino_t inode;
};

struct listeners {
    struct listener items[LISTENERS_MAX];
    uint32_t count;
};

struct listen_options {
    const char *addresses; /* comma list: IPv4, IPv6 with or without brackets, unix:PATH */
    uint16_t port;         /* 0: the kernel chooses one for the first address, used for all */
    uint32_t worker_count;
};

/* Fills ret_listeners (zeroed by this), all listening. Takes inherited sockets instead where
 * there are some. SR_INVALID, SR_EXISTS, SR_IO, SR_NO_MEMORY; then nothing stays open. */
enum sr_result listeners_open(const struct listen_options *options,
                              struct listeners *ret_listeners, struct sr_err *err) SR_MUST_USE;

/* Closes what was not handed to workers, and removes our files of unix sockets. */
void listeners_close(struct listeners *listeners);

/* ---- parts, for the listener's own files ---- */

/* A listener on one address of the list (not NUL-terminated: size bytes); *port may be set. */
enum sr_result listen_tcp(const char *address, uint16_t *port, uint32_t worker_count,
                          struct listener *listener, struct sr_err *err) SR_MUST_USE;
enum sr_result listen_unix(const char *path, struct listener *listener,
                           struct sr_err *err) SR_MUST_USE;

/* How many sockets LISTEN_FDS names, 0 where they are not for this process. */
long listen_inherited_count(void);

/* The sockets that LISTEN_FDS of sd_listen_fds(3) names; count 0 where there are none. */
enum sr_result listen_inherited(struct listeners *listeners, struct sr_err *err) SR_MUST_USE;

/* Gives the listener its array of descriptors, all -1. SR_NO_MEMORY. */
enum sr_result listener_init(struct listener *listener, enum listener_kind kind,
                             uint32_t fd_count, struct sr_err *err) SR_MUST_USE;

#endif
