/*
 * The bytes of a connection's socket, plain or through TLS: the one place where that differs.
 * recv(2) and send(2) in meaning; the plain way costs a test of a pointer.
 */
#ifndef SR_SERVER_TRANSPORT_H
#define SR_SERVER_TRANSPORT_H

#include "server/connection.h"
#include "server/tls.h"

#include <sys/socket.h>
#include <sys/types.h>

/* Less than `size` only where no more is there now. */
static inline ssize_t transport_receive(struct connection *c, void *at, size_t size)
{
    ssize_t got;

    /* What a peer sends after our end is discarded unread. */
    if (c->tls == NULL || c->lingering) {
        return recv(c->fd, at, size, 0);
    }
    got = tls_receive(c->tls, at, size);
    c->peer_half_closed = c->peer_half_closed || tls_session_ended(c->tls);
    return got;
}

static inline ssize_t transport_send(struct connection *c, const void *data, size_t size)
{
    return c->tls == NULL ? send(c->fd, data, size, MSG_NOSIGNAL)
                          : tls_send(c->tls, data, size);
}

/* No more comes from us. False where the peer is gone already. */
static inline bool transport_shut(struct connection *c)
{
    if (c->tls != NULL) {
        tls_session_shut(c->tls);
    }
    return shutdown(c->fd, SHUT_WR) == 0;
}

/* Nothing but the handshake may be read or sent. */
static inline bool transport_prepares(const struct connection *c)
{
    return c->tls != NULL && tls_session_handshakes(c->tls);
}

/* A receive that had nothing goes on when the socket can be written. */
static inline bool transport_receive_wants_writable(const struct connection *c)
{
    return c->tls != NULL && tls_session_wants_writable(c->tls);
}

#endif
