/*
 * Host names to addresses without blocking: getaddrinfo runs in a thread of its own that is
 * left behind when it takes too long, since nothing can interrupt it. libpq then gets
 * addresses, and every address its own attempt, so that a silent host does not keep us from the
 * next.
 */
#include "store/store_postgres_internal.h"

#include "base/check.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define ADDRESSES_MAX 8

/* Shared by the caller and its thread; the last one to leave frees it. */
struct lookup {
    atomic_int users;
    atomic_bool done;
    int done_fd; /* eventfd */
    int error;   /* of getaddrinfo */
    char host[256];
    size_t count;
    char addresses[ADDRESSES_MAX][72];
};

static void leave(struct lookup *lookup)
{
    if (atomic_fetch_sub(&lookup->users, 1) == 1) {
        (void)close(lookup->done_fd);
        free(lookup);
    }
}

static void look_up(struct lookup *lookup)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    struct addrinfo *found = NULL;

    lookup->error = getaddrinfo(lookup->host, NULL, &hints, &found);
    if (lookup->error == EAI_NONAME) { /* AI_ADDRCONFIG finds no localhost without a network */
        hints.ai_flags = 0;
        lookup->error = getaddrinfo(lookup->host, NULL, &hints, &found);
    }
    for (struct addrinfo *at = lookup->error == 0 ? found : NULL;
         at != NULL && lookup->count < ADDRESSES_MAX; at = at->ai_next) {
        char *address = lookup->addresses[lookup->count];

        lookup->count +=
            getnameinfo(at->ai_addr, at->ai_addrlen, address, sizeof(lookup->addresses[0]),
                        NULL, 0, NI_NUMERICHOST) == 0;
    }
    if (lookup->error == 0) {
        freeaddrinfo(found);
    }
}

static void *look_up_thread(void *context)
{
    struct lookup *lookup = context;

    look_up(lookup);
    atomic_store(&lookup->done, true);
    (void)eventfd_write(lookup->done_fd, 1); /* only a full counter fails */
    leave(lookup);
    return NULL;
}

/* Signals are for the other threads. */
static int start_detached(struct lookup *lookup)
{
    pthread_t thread;
    sigset_t all;
    sigset_t before;
    int error;

    (void)sigfillset(&all);
    SR_CHECK(pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
    error = pthread_create(&thread, NULL, look_up_thread, lookup);
    SR_CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    if (error == 0) {
        SR_CHECK(pthread_detach(thread) == 0);
    }
    return error;
}

static struct lookup *start_lookup(const char *host)
{
    struct lookup *lookup = calloc(1, sizeof(*lookup));

    if (lookup == NULL) {
        return NULL;
    }
    lookup->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    (void)snprintf(lookup->host, sizeof(lookup->host), "%s", host);
    atomic_store(&lookup->users, 2);
    if (lookup->done_fd < 0 || start_detached(lookup) != 0) {
        atomic_store(&lookup->users, 1);
        leave(lookup);
        return NULL;
    }
    return lookup;
}

static void add_target(struct pg_target *targets, size_t *count, const struct pg_target *like,
                       const char *address)
{
    size_t size = strlen(address) + 1;

    /* A numeric address always fits: what does not is none. */
    if (*count < PG_TARGETS_MAX && size <= sizeof(targets[0].address)) {
        targets[*count] = *like;
        memcpy(targets[*count].address, address, size);
        (*count)++;
    }
}

/* Waits for one host's addresses. A name that is unknown is no reason to skip the others. */
static enum sr_result resolve_one(struct store_postgres *store, const struct pg_target *target,
                                  struct pg_target *targets, size_t *count, struct sr_err *err)
{
    struct lookup *lookup = start_lookup(target->host);
    enum sr_result res;
    short events = 0;

    if (lookup == NULL) {
        return sr_fail(err, SR_UNAVAILABLE, "%s: no memory or thread to resolve '%s'",
                       store->where, target->host);
    }
    res = pg_poll(store, lookup->done_fd, POLLIN, 0, &events, err);
    if (res == SR_OK && !atomic_load(&lookup->done)) {
        (void)sr_fail(err, SR_UNAVAILABLE, "%s: name '%s' not resolved within the timeout",
                      store->where, target->host);
    } else if (res == SR_OK && lookup->error != 0) {
        (void)sr_fail(err, SR_UNAVAILABLE, "%s: name '%s' not resolved: %s", store->where,
                      target->host, gai_strerror(lookup->error));
    } else if (res == SR_OK) {
        for (size_t i = 0; i < lookup->count; i++) {
            add_target(targets, count, target, lookup->addresses[i]);
        }
    }
    leave(lookup);
    return res;
}

/* Takes the next item of a comma-separated list; "" at its end. */
static void next_item(const char **list, char *ret_item, size_t size)
{
    size_t length = strcspn(*list, ",");
    size_t kept = length < size ? length : size - 1;

    memcpy(ret_item, *list, kept);
    ret_item[kept] = '\0';
    *list += length + ((*list)[length] == ',');
}

static bool is_numeric(const char *host)
{
    struct in6_addr space;

    return inet_pton(AF_INET, host, &space) == 1 || inet_pton(AF_INET6, host, &space) == 1;
}

static size_t count_items(const char *list)
{
    size_t count = 1;

    for (; *list != '\0'; list++) {
        count += *list == ',';
    }
    return count;
}

enum sr_result pg_resolve(struct store_postgres *store, struct pg_target *ret_targets,
                          size_t *ret_count, struct sr_err *err)
{
    const char *hosts = store->hosts;
    const char *addresses = store->addresses;
    const char *ports = store->ports;
    bool one_port = strchr(ports, ',') == NULL;
    size_t wanted = count_items(hosts[0] != '\0' ? hosts : addresses);
    size_t count = 0;
    enum sr_result res = SR_OK;

    for (size_t i = 0; res == SR_OK && i < wanted; i++) {
        struct pg_target target = {.host = ""};

        next_item(&hosts, target.host, sizeof(target.host));
        next_item(&addresses, target.address, sizeof(target.address));
        next_item(&ports, target.port, sizeof(target.port));
        if (one_port) {
            ports = store->ports;
        }
        if (target.address[0] != '\0' || target.host[0] == '\0' || target.host[0] == '/' ||
            target.host[0] == '@') {
            add_target(ret_targets, &count, &target, target.address);
        } else if (is_numeric(target.host)) {
            add_target(ret_targets, &count, &target, target.host);
        } else {
            res = resolve_one(store, &target, ret_targets, &count, err);
        }
    }
    *ret_count = count;
    return res != SR_OK ? res : count > 0 ? SR_OK : SR_UNAVAILABLE;
}
