/*
 * A client's connection: small while idle, with buffers only while bytes of an incomplete
 * request or of answers are there. One worker's thread.
 *
 * Life of a request: bytes are read (connection_input.c), parsed and answered by the api into
 * the output (connection_requests.c), held until the engine releases their turn or released at
 * once, and sent (connection_output.c). After each of these steps connection_update decides
 * what the connection waits for next, or that it is over.
 *
 *   output   | sent | released: may be sent | held | of the piece of work under way |
 *            0      output_sent             |      output_accounted                 size
 *                                           output_released
 */
#ifndef SR_SERVER_CONNECTION_H
#define SR_SERVER_CONNECTION_H

#include "base/buffer.h"
#include "http/parser.h"
#include "server/address_table.h"
#include "server/api.h"
#include "server/list.h"
#include "server/source.h"
#include "server/timers.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct worker;

/* A connection may have that many pieces of answered work that are not released; with one less
 * it is no longer read, so that a request that waits finds room for its answer. Bounds the
 * worker's ring of holds. */
#define CONNECTION_HOLDS_MAX 4

/* A request that waits for a load or a turn, with its key. */
struct waiting {
    struct waiting *next_free; /* while it is in the worker's stock */
    struct api_call call;      /* its key points to `key` */
    uint64_t since_ns;         /* when it was read */
    uint8_t key[SR_KEY_SIZE_MAX];
    struct guard_facts *facts; /* owned, the call's; NULL: it has none */
    struct api_token *token;   /* the same */
};

struct connection {
    struct event_source source; /* first: epoll gives it back */
    int fd;                     /* -1: closed */
    uint8_t holds;              /* in the worker's ring */
    bool readable;              /* the kernel may have bytes (edge-triggered) */
    bool unparsed;              /* input has bytes that the parser was not given */
    bool peer_half_closed;      /* EPOLLRDHUP: an end is to be read behind the bytes */
    bool peer_ended;            /* that end was read */
    bool send_blocked;          /* the kernel takes no more bytes */
    bool wants_writable;        /* EPOLLOUT is registered */
    bool closing;               /* no further request is taken */
    bool linger;                /* the client may be sending still: see it read our answer */
    bool lingering;             /* our end is shut, what comes is discarded */

    struct timer timer;
    struct list_link all_link;    /* worker's all */
    struct list_link queue_link;  /* worker's ready or waiting, or the free and dead lists */
    struct list_link send_link;   /* worker's sending */
    struct list_link stream_link; /* worker's streams */

    struct sr_buffer input; /* of the request that is not complete, and what follows it */
    size_t input_charged;   /* bytes taken from the budget for it */
    struct sr_buffer output;
    size_t output_charged; /* bytes taken from the budget for large answers in it */
    size_t output_sent;
    size_t output_released;
    size_t output_accounted;
    uint64_t blocked_since_ms; /* send_blocked: since when without having sent everything */
    uint32_t lingered_bytes;
    uint64_t stream_next;    /* of a stream: the row that is fed next; 0: it is none */
    struct waiting *waiting; /* NULL, or the request that waits; nothing is read meanwhile */
    struct address_key address;
    struct guard_peer peer;  /* where there is a guard */
    struct tls_session *tls; /* owned; NULL: plain */
    struct http_parser parser;
};

/* Takes over fd (accepted, admitted) and registers it; NULL, and fd still the caller's, where
 * there is no memory. */
struct connection *connection_open(struct worker *w, int fd,
                                   const struct sockaddr_storage *address);

/* Closes without more ado; the struct is freed when the loop turn ends and nothing holds it. */
void connection_close(struct worker *w, struct connection *c);

/* An event of epoll. */
void connection_event(struct worker *w, struct connection *c, uint32_t events);

/* Reads and answers what there is, a bounded piece: for a connection of the ready list. */
void connection_work(struct worker *w, struct connection *c);

/* The same where connection_input_receive was called already and gave `size` bytes. */
void connection_work_received(struct worker *w, struct connection *c, uint8_t *region,
                              size_t size);

/* Gives the waiting request again. */
void connection_retry(struct worker *w, struct connection *c);

/* Sends what is released: for a connection of the sending list. */
void connection_send(struct worker *w, struct connection *c);

/* Has epoll tell when the socket can be written. False, the connection closed, where it cannot.
 */
bool connection_watch_writable(struct worker *w, struct connection *c);

/* A deadline has passed; the timer says which. */
void connection_expired(struct worker *w, struct connection *c);

/* True where a client would notice nothing if the connection closed now. */
bool connection_idle(const struct connection *c);

/* ---- steps within connection_*.c ---- */

/* True where another request of the connection may be read and answered. */
bool connection_may_read(const struct worker *w, const struct connection *c);

/* Decides what the connection waits for, or ends it. May close it. */
void connection_update(struct worker *w, struct connection *c);

/* Parses the region and answers its requests; returns how many bytes of it are done with. What
 * is left belongs to an incomplete request, or, with c->unparsed, was not looked at. */
size_t connection_take_requests(struct worker *w, struct connection *c, uint8_t *region,
                                size_t size);

/* Answers what is no request with a status and closes after that. */
void connection_refuse(struct worker *w, struct connection *c, uint16_t status,
                       const char *detail);

/* Whether all there is to be done is receiving, since nothing is kept of what came before. */
bool connection_input_is_fresh(const struct worker *w, const struct connection *c);

/* Receives WORKER_READ_SIZE bytes at most. -1 where the connection failed and is closed. */
ssize_t connection_input_receive(struct worker *w, struct connection *c, uint8_t *at);

/* Parses what was received of a fresh connection, which the parser writes to; false where the
 * connection failed. */
bool connection_input_parse(struct worker *w, struct connection *c, uint8_t *region,
                            size_t size);

/* Has the connection's input read and parsed once; false where the connection failed. */
bool connection_input_step(struct worker *w, struct connection *c);

/* Gives the input's memory back. */
void connection_input_drop(struct worker *w, struct connection *c);

/* Makes sure that the output has memory, taken for about `size` bytes. False where there is
 * none. */
bool connection_output_open(struct worker *w, struct connection *c, size_t size);

/* Gives the output's memory back. */
void connection_output_drop(struct worker *w, struct connection *c);

/* The same where it is empty, and the front of it that is sent. */
void connection_output_trim(struct worker *w, struct connection *c);

/* Accounts the answers of a piece of work: to a hold, or released at once. since_ns: when their
 * requests were read. */
void connection_output_account(struct worker *w, struct connection *c, uint64_t since_ns);

/* Lets `bytes` more of the output be sent. */
void connection_output_release(struct worker *w, struct connection *c, size_t bytes);

/* ---- connection_stream.c ---- */

/* From now on the connection is fed, from a row on, behind what it was answered; it has joined
 * the feed, and leaves it when it closes. */
void connection_stream_begin(struct worker *w, struct connection *c, uint64_t next);
void connection_stream_leave(struct worker *w, struct connection *c);

/* Appends the next piece, if the one before it is sent. False where the connection closed. */
bool connection_stream_pump(struct worker *w, struct connection *c);

/* Reads and discards, so that closing does not reset what the client has yet to read. */
void connection_linger(struct worker *w, struct connection *c);

#endif
