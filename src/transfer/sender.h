/*
 * Sends batches over several connections at once. Of the batches behind those that are settled,
 * all counted and written down as such, never more than sender_ahead() are sent: so it is known
 * what may have been counted when the process is gone.
 */
#ifndef SR_TRANSFER_SENDER_H
#define SR_TRANSFER_SENDER_H

#include "base/result.h"
#include "transfer/batches.h"

#define SENDER_CONNECTIONS_MAX 16

struct sender_calls {
    void *context;
    /* On one of the sender's threads, `connection` being its number; ends when the batch is
     * counted, or fails for good. */
    enum sr_result (*send)(void *context, unsigned connection, const struct batch *batch,
                           struct sr_err *err);
    /* On the caller's thread: all before `place` is counted; of what is behind it nothing was
     * sent before since_ms. Writes that down. */
    enum sr_result (*settle)(void *context, const struct batch_place *place, uint64_t since_ms,
                             struct sr_err *err);
    uint64_t (*now_ms)(void); /* wall clock; on any thread */
};

/* How many batches are sent at most beyond the settled ones. */
uint32_t sender_ahead(unsigned connections);

/*
 * Sends all that is left. Where a batch fails no further one is begun, those under way are
 * waited for, and the failure is that of the first failed one. SR_NO_MEMORY; errors of
 * batches_next, of send and of settle.
 */
enum sr_result sender_run(struct batches *batches, unsigned connections,
                          const struct sender_calls *calls, struct sr_err *err) SR_MUST_USE;

#endif
