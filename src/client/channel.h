/*
 * A byte stream to an endpoint, plain or TLS, every step with a deadline (monotonic
 * milliseconds). Blocks the calling thread.
 */
#ifndef SR_CLIENT_CHANNEL_H
#define SR_CLIENT_CHANNEL_H

#include "base/result.h"
#include "client/endpoint.h"

#include <stddef.h>
#include <stdint.h>

struct channel;

struct channel_tls {
    const char *ca_file; /* certificates to trust; NULL: the system's; borrowed */
    bool unverified;     /* the peer is known otherwise: its certificate is not looked at */
};

/* Connects to the first address that answers. SR_UNAVAILABLE: nobody does, or the TLS handshake
 * failed; SR_TIMEOUT; SR_INVALID: ca_file. Owned by the caller. */
enum sr_result channel_open(const struct endpoint *endpoint, const struct channel_tls *tls,
                            uint64_t deadline_ms, struct channel **ret_channel,
                            struct sr_err *err) SR_MUST_USE;

/* Accepts NULL. */
void channel_close(struct channel **channel);

/* All bytes, or SR_CLOSED where the peer is gone, SR_TIMEOUT, SR_IO. */
enum sr_result channel_send(struct channel *channel, const void *bytes, size_t size,
                            uint64_t deadline_ms, struct sr_err *err) SR_MUST_USE;

/* What is there, waiting for the first byte; *ret_size 0: the peer ended. Errors as of
 * channel_send. */
enum sr_result channel_receive(struct channel *channel, void *ret_bytes, size_t size,
                               uint64_t deadline_ms, size_t *ret_size,
                               struct sr_err *err) SR_MUST_USE;

#endif
