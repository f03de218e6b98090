/*
 * Sockets that never block but in poll(2), which knows the deadline.
 */
#include "client/channel.h"

#include "base/clock.h"

#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct channel {
    int fd;
    SSL_CTX *context; /* NULL: plain */
    SSL *ssl;
};

/* Waits until fd is ready for `events`. */
static enum sr_result wait_ready(int fd, short events, uint64_t deadline_ms, struct sr_err *err)
{
    for (;;) {
        struct pollfd wanted = {.fd = fd, .events = events};
        uint64_t now = sr_clock_monotonic_ms();
        uint64_t left = now < deadline_ms ? deadline_ms - now : 0;
        int count = poll(&wanted, 1, left < INT_MAX ? (int)left : INT_MAX);

        if (count > 0) {
            return SR_OK;
        }
        if (count == 0 && left < INT_MAX) {
            return sr_fail(err, SR_TIMEOUT, "no answer in time");
        }
        if (count < 0 && errno != EINTR) {
            return sr_fail_errno(err, SR_IO, errno, "cannot wait for an answer");
        }
    }
}

/* ---- connecting ---- */

static enum sr_result connect_socket(int fd, const struct sockaddr *address, socklen_t size,
                                     uint64_t deadline_ms, struct sr_err *err)
{
    int why = 0;
    socklen_t why_size = sizeof(why);
    enum sr_result result;

    if (connect(fd, address, size) == 0) {
        return SR_OK;
    }
    if (errno != EINPROGRESS) {
        return sr_fail_errno(err, SR_UNAVAILABLE, errno, "cannot connect");
    }
    result = wait_ready(fd, POLLOUT, deadline_ms, err);
    if (result != SR_OK) {
        return result;
    }
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &why_size) != 0 || why != 0) {
        return sr_fail_errno(err, SR_UNAVAILABLE, why, "cannot connect");
    }
    return SR_OK;
}

static enum sr_result try_address(struct channel *c, const struct sockaddr *address,
                                  socklen_t size, uint64_t deadline_ms, struct sr_err *err)
{
    enum sr_result result;
    int one = 1;

    c->fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0) {
        return sr_fail_errno(err, SR_IO, errno, "cannot make a socket");
    }
    result = connect_socket(c->fd, address, size, deadline_ms, err);
    if (result != SR_OK) {
        (void)close(c->fd); /* nothing was written that could be lost */
        c->fd = -1;
        return result;
    }
    if (address->sa_family != AF_UNIX) {
        /* Only costs time where it fails. */
        (void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    }
    return SR_OK;
}

static enum sr_result connect_unix(struct channel *c, const struct endpoint *endpoint,
                                   uint64_t deadline_ms, struct sr_err *err)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    union {
        struct sockaddr_un name;
        struct sockaddr any;
    } address;

    memcpy(name.sun_path, endpoint->host, strlen(endpoint->host)); /* it fits: endpoint.c */
    address.name = name;
    return try_address(c, &address.any, sizeof(name), deadline_ms, err);
}

static enum sr_result connect_network(struct channel *c, const struct endpoint *endpoint,
                                      uint64_t deadline_ms, struct sr_err *err)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *list = NULL;
    int failed = getaddrinfo(endpoint->host, endpoint->port, &hints, &list);
    enum sr_result result = SR_UNAVAILABLE;

    if (failed != 0) {
        return sr_fail(err, SR_UNAVAILABLE, "cannot find the host: %s", gai_strerror(failed));
    }
    for (const struct addrinfo *i = list; i != NULL && result != SR_OK; i = i->ai_next) {
        result = try_address(c, i->ai_addr, i->ai_addrlen, deadline_ms, err);
    }
    freeaddrinfo(list);
    return result;
}

/* ---- TLS ---- */

static enum sr_result trust(SSL_CTX *context, const struct channel_tls *tls, struct sr_err *err)
{
    if (tls->unverified) {
        return SR_OK;
    }
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    if (tls->ca_file == NULL) {
        return SSL_CTX_set_default_verify_paths(context) == 1
                   ? SR_OK
                   : sr_fail(err, SR_INVALID, "cannot read the system's trusted certificates");
    }
    return SSL_CTX_load_verify_locations(context, tls->ca_file, NULL) == 1
               ? SR_OK
               : sr_fail(err, SR_INVALID, "%.200s: holds no certificate in PEM to trust",
                         tls->ca_file);
}

/* The name or address that the certificate must be for. */
static bool expect_peer(SSL *ssl, const char *host)
{
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
    char name[sizeof(((struct endpoint *)0)->host)]; /* the macro below takes no const */

    (void)snprintf(name, sizeof(name), "%s", host);
    if (X509_VERIFY_PARAM_set1_ip_asc(param, host) == 1) {
        return true;
    }
    return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1;
}

static enum sr_result prepare_tls(struct channel *c, const struct endpoint *endpoint,
                                  const struct channel_tls *tls, struct sr_err *err)
{
    c->context = SSL_CTX_new(TLS_client_method());
    if (c->context == NULL) {
        return sr_fail(err, SR_NO_MEMORY, "cannot prepare TLS");
    }
    if (trust(c->context, tls, err) != SR_OK) {
        return SR_INVALID;
    }
    SSL_CTX_set_mode(c->context,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    c->ssl = SSL_new(c->context);
    if (c->ssl == NULL || SSL_set_fd(c->ssl, c->fd) != 1 ||
        !expect_peer(c->ssl, endpoint->host)) {
        return sr_fail(err, SR_NO_MEMORY, "cannot prepare TLS");
    }
    return SR_OK;
}

/* Waits for what the TLS layer lacks after it returned `got`; SR_CLOSED where it is at an end.
 */
static enum sr_result wait_tls(struct channel *c, int got, uint64_t deadline_ms,
                               struct sr_err *err)
{
    switch (SSL_get_error(c->ssl, got)) {
    case SSL_ERROR_WANT_READ:
        return wait_ready(c->fd, POLLIN, deadline_ms, err);
    case SSL_ERROR_WANT_WRITE:
        return wait_ready(c->fd, POLLOUT, deadline_ms, err);
    default:
        return sr_fail(err, SR_CLOSED, "the connection was lost");
    }
}

static enum sr_result shake_hands(struct channel *c, uint64_t deadline_ms, struct sr_err *err)
{
    enum sr_result result = SR_OK;
    int got;

    while (result == SR_OK && (got = SSL_connect(c->ssl)) != 1) {
        result = wait_tls(c, got, deadline_ms, err);
    }
    if (result == SR_CLOSED) {
        long verified = SSL_get_verify_result(c->ssl);

        return sr_fail(err, SR_UNAVAILABLE, "the TLS handshake failed%s%s",
                       verified == X509_V_OK ? "" : ": ",
                       verified == X509_V_OK ? "" : X509_verify_cert_error_string(verified));
    }
    return result;
}

/* ---- public ---- */

enum sr_result channel_open(const struct endpoint *endpoint, const struct channel_tls *tls,
                            uint64_t deadline_ms, struct channel **ret_channel,
                            struct sr_err *err)
{
    struct channel *c = calloc(1, sizeof(*c));
    enum sr_result result;

    if (c == NULL) {
        return sr_fail(err, SR_NO_MEMORY, "no memory for a connection");
    }
    c->fd = -1;
    result = endpoint->is_unix ? connect_unix(c, endpoint, deadline_ms, err)
                               : connect_network(c, endpoint, deadline_ms, err);
    if (result == SR_OK && endpoint->tls) {
        result = prepare_tls(c, endpoint, tls, err);
    }
    if (result == SR_OK && endpoint->tls) {
        result = shake_hands(c, deadline_ms, err);
    }
    if (result != SR_OK) {
        channel_close(&c);
        return result;
    }
    *ret_channel = c;
    return SR_OK;
}

void channel_close(struct channel **channel)
{
    struct channel *c = *channel;

    if (c == NULL) {
        return;
    }
    SSL_free(c->ssl);
    SSL_CTX_free(c->context);
    if (c->fd >= 0) {
        (void)close(c->fd); /* whatever mattered was answered */
    }
    free(c);
    *channel = NULL;
}

static enum sr_result broken(int errno_value, struct sr_err *err)
{
    return sr_fail_errno(err, SR_CLOSED, errno_value, "the connection was lost");
}

/* Some of the bytes. */
static enum sr_result send_some(struct channel *c, const void *bytes, size_t size,
                                uint64_t deadline_ms, size_t *ret_sent, struct sr_err *err)
{
    *ret_sent = 0;
    if (c->ssl != NULL) {
        int got = SSL_write_ex(c->ssl, bytes, size, ret_sent);

        return got == 1 ? SR_OK : wait_tls(c, got, deadline_ms, err);
    }
    for (;;) {
        ssize_t got = send(c->fd, bytes, size, MSG_NOSIGNAL);

        if (got >= 0) {
            *ret_sent = (size_t)got;
            return SR_OK;
        }
        if (errno == EAGAIN) {
            return wait_ready(c->fd, POLLOUT, deadline_ms, err);
        }
        if (errno != EINTR) {
            return broken(errno, err);
        }
    }
}

enum sr_result channel_send(struct channel *c, const void *bytes, size_t size,
                            uint64_t deadline_ms, struct sr_err *err)
{
    const char *at = bytes;
    enum sr_result result = SR_OK;

    while (result == SR_OK && size > 0) {
        size_t sent;

        result = send_some(c, at, size, deadline_ms, &sent, err);
        at += sent;
        size -= sent;
    }
    return result;
}

static enum sr_result receive_tls(struct channel *c, void *ret_bytes, size_t size,
                                  uint64_t deadline_ms, size_t *ret_size, struct sr_err *err)
{
    enum sr_result result = SR_OK;
    int got;

    while ((got = SSL_read_ex(c->ssl, ret_bytes, size, ret_size)) != 1) {
        if (SSL_get_error(c->ssl, got) == SSL_ERROR_ZERO_RETURN) {
            *ret_size = 0;
            return SR_OK;
        }
        result = wait_tls(c, got, deadline_ms, err);
        if (result != SR_OK) {
            return result;
        }
    }
    return SR_OK;
}

enum sr_result channel_receive(struct channel *c, void *ret_bytes, size_t size,
                               uint64_t deadline_ms, size_t *ret_size, struct sr_err *err)
{
    if (c->ssl != NULL) {
        return receive_tls(c, ret_bytes, size, deadline_ms, ret_size, err);
    }
    for (;;) {
        enum sr_result result = wait_ready(c->fd, POLLIN, deadline_ms, err);
        ssize_t got;

        if (result != SR_OK) {
            return result;
        }
        got = recv(c->fd, ret_bytes, size, 0);
        if (got >= 0) {
            *ret_size = (size_t)got;
            return SR_OK;
        }
        if (errno != EINTR && errno != EAGAIN) {
            return broken(errno, err);
        }
    }
}
