/*
 * The list of addresses and the life of what listens on them.
 */
#include "server/listener.h"

#include "server/descriptor.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PORT_TRIES 16 /* where any free port is asked for */

enum sr_result listener_init(struct listener *listener, enum listener_kind kind,
                             uint32_t fd_count, struct sr_err *err)
{
    memset(listener, 0, sizeof(*listener));
    listener->kind = kind;
    listener->fds = malloc(fd_count * sizeof(*listener->fds));
    if (listener->fds == NULL) {
        return sr_fail(err, SR_NO_MEMORY, "no memory for listening sockets");
    }
    listener->fd_count = fd_count;
    for (uint32_t i = 0; i < fd_count; i++) {
        listener->fds[i] = -1;
    }
    return SR_OK;
}

static enum sr_result listen_on(const char *address, const struct listen_options *options,
                                uint16_t *port, struct listener *listener, struct sr_err *err)
{
    if (strncmp(address, "unix:", 5) == 0) {
        return listen_unix(address + 5, listener, err);
    }
    return listen_tcp(address, port, options->worker_count, listener, err);
}

static enum sr_result listen_on_all(char *list, const struct listen_options *options,
                                    struct listeners *listeners, struct sr_err *err)
{
    uint16_t port = options->port;
    char *rest = list;
    char *address;

    while ((address = strsep(&rest, ",")) != NULL) {
        enum sr_result result;

        address += strspn(address, " ");
        address[strcspn(address, " ")] = '\0';
        if (listeners->count == LISTENERS_MAX) {
            return sr_fail(err, SR_INVALID, "more than %d addresses to listen on",
                           LISTENERS_MAX);
        }
        /* Counted first: what a failure leaves half open is closed with the rest. */
        result = listen_on(address, options, &port, &listeners->items[listeners->count++], err);
        if (result != SR_OK) {
            return result;
        }
    }
    return SR_OK;
}

/* A port that was drawn for the first address may be held by others on the next one. */
static enum sr_result listen_anywhere(const struct listen_options *options,
                                      struct listeners *listeners, struct sr_err *err)
{
    enum sr_result result = SR_EXISTS;

    for (int i = 0; i < PORT_TRIES && result == SR_EXISTS; i++) {
        char *list = strdup(options->addresses);

        if (list == NULL) {
            return sr_fail(err, SR_NO_MEMORY, "no memory for the list of addresses");
        }
        listeners_close(listeners);
        result = listen_on_all(list, options, listeners, err);
        free(list);
        if (options->port != 0) {
            break;
        }
    }
    return result;
}

enum sr_result listeners_open(const struct listen_options *options,
                              struct listeners *ret_listeners, struct sr_err *err)
{
    enum sr_result result;

    memset(ret_listeners, 0, sizeof(*ret_listeners));
    result = listen_inherited(ret_listeners, err);
    if (result == SR_OK && ret_listeners->count == 0) {
        result = listen_anywhere(options, ret_listeners, err);
    }
    if (result != SR_OK) {
        listeners_close(ret_listeners);
    }
    return result;
}

/* A new process may have put its own file at the path: that one stays. */
static void remove_file(const struct listener *listener)
{
    struct stat now;

    if (listener->inode != 0 && stat(listener->path, &now) == 0 &&
        now.st_dev == listener->device && now.st_ino == listener->inode) {
        (void)unlink(listener->path); /* it would be taken for stale at the next start */
    }
}

void listeners_close(struct listeners *listeners)
{
    for (uint32_t i = 0; i < listeners->count; i++) {
        struct listener *listener = &listeners->items[i];

        if (listener->path != NULL) {
            remove_file(listener);
        }
        for (uint32_t k = 0; k < listener->fd_count; k++) {
            descriptor_close(&listener->fds[k]);
        }
        free(listener->fds);
        free(listener->path);
        memset(listener, 0, sizeof(*listener));
    }
    listeners->count = 0;
}
