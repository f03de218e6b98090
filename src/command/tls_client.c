/*
 * A TLS client of few words.
 */
#include "command/tls_client.h"

#include "base/clock.h"

#include <fcntl.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

/* Every single read and write is given up after the time. */
static bool make_blocking(int fd, uint32_t timeout_ms)
{
    struct timeval timeout = {.tv_sec = timeout_ms / 1000U,
                              .tv_usec = (suseconds_t)(timeout_ms % 1000U) * 1000};
    int flags = fcntl(fd, F_GETFL);

    return flags >= 0 && fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) == 0 &&
           setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) == 0 &&
           setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) == 0;
}

static enum sr_result exchange(SSL *ssl, uint64_t deadline_ms, const char *request,
                               char *ret_text, size_t size, struct sr_err *err)
{
    size_t used = 0;
    int got = 1;

    if (SSL_connect(ssl) != 1) {
        return sr_fail(err, SR_UNAVAILABLE, "the TLS handshake failed");
    }
    if (SSL_write(ssl, request, (int)strlen(request)) <= 0) {
        return sr_fail(err, SR_UNAVAILABLE, "cannot send the request");
    }
    while (got > 0 && used + 1 < size) {
        if (sr_clock_monotonic_ms() > deadline_ms) {
            return sr_fail(err, SR_TIMEOUT, "no whole answer in time");
        }
        got = SSL_read(ssl, ret_text + used, (int)(size - used - 1));
        used += got > 0 ? (size_t)got : 0;
    }
    ret_text[used] = '\0';
    return SR_OK;
}

enum sr_result tls_client_ask(int fd, uint32_t timeout_ms, const char *request, char *ret_text,
                              size_t size, struct sr_err *err)
{
    uint64_t deadline_ms = sr_clock_monotonic_ms() + timeout_ms;
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL *ssl = context == NULL ? NULL : SSL_new(context);
    enum sr_result result;

    if (ssl == NULL || SSL_set_fd(ssl, fd) != 1 || !make_blocking(fd, timeout_ms)) {
        result = sr_fail(err, SR_NO_MEMORY, "cannot prepare TLS");
    } else {
        result = exchange(ssl, deadline_ms, request, ret_text, size, err);
    }
    SSL_free(ssl);
    SSL_CTX_free(context);
    return result;
}
