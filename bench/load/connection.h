/*
 * One connection of the load generator: a burst of requests goes out in one write, then their
 * replies are read until all are there. Knows bytes, not time and not what is to be sent next.
 */
#ifndef BENCH_LOAD_CONNECTION_H
#define BENCH_LOAD_CONNECTION_H

#include "base/result.h"
#include "load/options.h"
#include "load/request.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOAD_IN_SIZE ((size_t)32768) /* the head of a reply must fit */

struct load_connection {
    int fd; /* -1: closed */

    char *out;       /* owned: `depth` requests, one after the other */
    size_t out_size; /* bytes of the current burst */
    size_t out_sent; /* of which the socket took */

    uint32_t *indexes; /* owned: key indexes of the burst, `batch` for each request */
    uint32_t burst;    /* requests of the burst */
    uint32_t answered; /* of which were answered */
    uint32_t kept;     /* of which are to be repeated; their indexes stand first */
    bool busy;         /* a burst is out; the client's matter */
    uint64_t due_ns;   /* when the burst was sent, or should have been */
    uint64_t wait_ns;  /* until when the next burst is put off; 0: it is not */

    unsigned status;  /* of the reply whose body is being skipped; 0: a head comes next */
    size_t body_left; /* bytes of that body */
    size_t in_at;     /* in[in_at .. in_size) was read and not looked at */
    size_t in_size;
    char in[LOAD_IN_SIZE];
};

/* Connects and takes the memory for bursts of options->depth requests. SR_UNAVAILABLE,
 * SR_NO_MEMORY. To be closed by load_connection_close after failure too. */
enum sr_result load_connection_open(struct load_connection *c,
                                    const struct load_options *options,
                                    const struct load_request *request,
                                    struct sr_err *err) SR_MUST_USE;

/* Closes the socket, if open, and frees the memory. */
void load_connection_close(struct load_connection *c);

/* Makes the burst of the first `burst` requests in `out`, to be sent from its start. */
void load_connection_begin(struct load_connection *c, const struct load_request *request,
                           uint32_t burst);

/* Sends what the socket takes of the burst. SR_OK though some may be left: the next edge of
 * EPOLLOUT calls again. SR_CLOSED: the connection broke. */
enum sr_result load_connection_send(struct load_connection *c) SR_MUST_USE;

/* Reads once. SR_OK: bytes came and more may be there; SR_AGAIN: everything was read;
 * SR_CLOSED: the peer closed or the connection broke. */
enum sr_result load_connection_fill(struct load_connection *c) SR_MUST_USE;

/* Takes one complete reply out of what was read. SR_AGAIN: there is none; SR_INVALID: these
 * bytes are no reply. */
enum sr_result load_connection_next(struct load_connection *c,
                                    unsigned *ret_status) SR_MUST_USE;

/* Key indexes of request `slot` of the burst. */
static inline uint32_t *load_connection_indexes(const struct load_connection *c,
                                                const struct load_request *request,
                                                uint32_t slot)
{
    return c->indexes + slot * request->items;
}

#endif
