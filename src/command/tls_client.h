/*
 * One request and its answer through TLS, for the health check: the peer is this machine's own
 * service, so its certificate is not looked at.
 */
#ifndef SR_COMMAND_TLS_CLIENT_H
#define SR_COMMAND_TLS_CLIENT_H

#include "base/result.h"

#include <stddef.h>
#include <stdint.h>

/* On a connected socket, which becomes a blocking one. Reads until the peer ends or there is no
 * room; the text ends with NUL. SR_TIMEOUT: not done after about timeout_ms. SR_UNAVAILABLE. */
enum sr_result tls_client_ask(int fd, uint32_t timeout_ms, const char *request, char *ret_text,
                              size_t size, struct sr_err *err) SR_MUST_USE;

#endif
