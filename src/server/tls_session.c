/*
 * One connection's TLS: SSL_read and SSL_write with the meaning of recv and send. OpenSSL's
 * queue of errors is the thread's: it is empty before each call, so that what is found in it
 * after one belongs to that.
 */
#include "base/check.h"
#include "server/tls_internal.h"

#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct tls_session {
    SSL *ssl; /* owned */
    bool ended;
    bool failed; /* OpenSSL allows no further call but the last */
    bool shut;
    bool wants_writable;
};

struct tls_session *tls_session_open(struct tls *tls, int fd)
{
    struct tls_session *session = calloc(1, sizeof(*session));

    ERR_clear_error();
    if (session != NULL) {
        session->ssl = tls_new_ssl(tls);
    }
    if (session == NULL || session->ssl == NULL || SSL_set_fd(session->ssl, fd) != 1) {
        if (session != NULL) {
            SSL_free(session->ssl);
        }
        free(session);
        ERR_clear_error();
        return NULL;
    }
    SSL_set_accept_state(session->ssl);
    return session;
}

bool tls_session_ended(const struct tls_session *session)
{
    return session->ended;
}

bool tls_session_handshakes(const struct tls_session *session)
{
    return SSL_is_init_finished(session->ssl) == 0;
}

bool tls_session_wants_writable(const struct tls_session *session)
{
    return session->wants_writable;
}

void tls_session_shut(struct tls_session *session)
{
    if (!session->shut && !session->failed && !tls_session_handshakes(session)) {
        session->shut = true;
        ERR_clear_error();
        /* What the socket does not take now is not told: the end of the stream says as much. */
        (void)SSL_shutdown(session->ssl);
        ERR_clear_error();
    }
}

void tls_session_close(struct tls_session **session)
{
    if (*session == NULL) {
        return;
    }
    tls_session_shut(*session);
    SSL_free((*session)->ssl);
    free(*session);
    *session = NULL;
}

/* So that who forgot the s of https reads why. */
static void answer_plain_http(const struct tls_session *session)
{
    static const char text[] =
        "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: 65\r\n"
        "Connection: close\r\n\r\n"
        "{\"errors\":{\"detail\":\"this port speaks TLS: ask for it by https\"}}";

    (void)send(SSL_get_fd(session->ssl), text, sizeof(text) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* What a call that returned `result`, no number of bytes, means for its caller: 0 the end, or
 * -1 with errno. */
static ssize_t no_bytes(struct tls_session *session, int result)
{
    int what = SSL_get_error(session->ssl, result);

    if (what == SSL_ERROR_WANT_READ || what == SSL_ERROR_WANT_WRITE) {
        session->wants_writable = what == SSL_ERROR_WANT_WRITE;
        errno = EAGAIN;
        return -1;
    }
    if (what == SSL_ERROR_ZERO_RETURN) {
        session->ended = true;
        return 0;
    }
    session->failed = true;
    if (what == SSL_ERROR_SSL && ERR_GET_REASON(ERR_peek_error()) == SSL_R_HTTP_REQUEST) {
        answer_plain_http(session);
    }
    ERR_clear_error();
    errno = EPROTO;
    return -1;
}

static int int_size(size_t size)
{
    return size < INT_MAX ? (int)size : INT_MAX;
}

ssize_t tls_receive(struct tls_session *session, void *at, size_t size)
{
    size_t got = 0;

    session->wants_writable = false;
    while (got < size && !session->failed && !session->ended) {
        int result;

        ERR_clear_error();
        result = SSL_read(session->ssl, (char *)at + got, int_size(size - got));
        if (result > 0) {
            got += (size_t)result;
            continue;
        }
        if (no_bytes(session, result) < 0 && got == 0) {
            return -1;
        }
        break;
    }
    /* A failure behind bytes that came whole is told when they are read. */
    return (ssize_t)got;
}

ssize_t tls_send(struct tls_session *session, const void *data, size_t size)
{
    int result;

    SR_CHECK(size > 0);
    if (session->failed) {
        errno = EPROTO;
        return -1;
    }
    ERR_clear_error();
    result = SSL_write(session->ssl, data, int_size(size));
    if (result > 0) {
        return result;
    }
    if (no_bytes(session, result) == 0) {
        errno = EPIPE;
    }
    return -1;
}
