/*
 * An import's batches as requests to the service.
 */
#ifndef SR_COMMAND_IMPORT_SEND_H
#define SR_COMMAND_IMPORT_SEND_H

#include "command/client_command.h"
#include "transfer/sender.h"
#include "transfer/token.h"

#include <stdatomic.h>

struct import_send {
    const struct client_command *command;
    const char *name; /* of the source */
    bool sets;
    char prefix[TOKEN_PREFIX_SIZE]; /* of the batches' keys */
    uint32_t retry_ms;
    unsigned connections;
    struct client *clients[SENDER_CONNECTIONS_MAX]; /* owned, one a connection */
    atomic_uint_fast64_t counted, replayed;         /* items */
};

/* The fields above `connections` are the caller's to fill. SR_NO_MEMORY. */
enum sr_result import_send_open(struct import_send *send, unsigned connections,
                                struct sr_err *err) SR_MUST_USE;
void import_send_close(struct import_send *send);

/* As sender_calls wants it; the context is a struct import_send. Waits where the service is
 * busy, is started again, or counts the same batch at this moment. Errors name lines. */
enum sr_result import_send_batch(void *context, unsigned connection, const struct batch *batch,
                                 struct sr_err *err) SR_MUST_USE;

/* Sets a batch's totals over all connections; the caller's batches come one after another. */
enum sr_result import_set_batch(struct import_send *send, const struct batch *batch,
                                struct sr_err *err) SR_MUST_USE;

#endif
