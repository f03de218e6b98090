/*
 * The access log: a line a request, or one of so many. What a line needs of the request is
 * copied when it begins, since its bytes are gone when it has waited.
 */
#ifndef SR_SERVER_ACCESS_LOG_H
#define SR_SERVER_ACCESS_LOG_H

#include "http/parser.h"
#include "server/ip_address.h"
#include "server/request_id.h"
#include "server/tokens.h"

#include <stdbool.h>
#include <stdint.h>

#define ACCESS_TARGET_MAX 256 /* bytes of the target; the rest is left out */

struct access_record {
    bool wanted; /* false: no line, nothing else is set */
    bool has_client, has_trace;
    struct ip_address client;
    struct trace trace;
    uint16_t target_size;
    char target[ACCESS_TARGET_MAX];
    char request_id[REQUEST_ID_SIZE_MAX + 1];
    char token[TOKEN_NAME_MAX + 1]; /* its name; "" for none */
};

/* Copies the target. */
void access_record_begin(struct access_record *record, const struct http_request *request);

/* Writes the line. False where standard error would have blocked: the line is lost. */
bool access_log_write(const struct access_record *record, enum http_method method,
                      uint16_t status, uint64_t duration_ns);

#endif
