/*
 * The text that counter_requests keeps of a first answer: "200 17 -3", or "202 null" where the
 * totals were not known. Pure.
 */
#ifndef SR_STORE_STORE_ANSWER_H
#define SR_STORE_STORE_ANSWER_H

#include "base/buffer.h"
#include "store/store.h"

/* Appends the text. Errors of the buffer. */
enum sr_result store_answer_write(struct sr_buffer *out,
                                  const struct store_request *request) SR_MUST_USE;

/* Fills status and totals of *ret_request from a text, the totals lying in `totals` (emptied
 * first). SR_DAMAGED: it is none of ours. SR_NO_MEMORY. */
enum sr_result store_answer_read(struct sr_span text, struct sr_buffer *totals,
                                 struct store_request *ret_request) SR_MUST_USE;

/* Steps at expired requests in a transaction that brought `count` new ones: more than come, and
 * enough to catch up. */
static inline uint64_t store_expire_steps(uint64_t count)
{
    return 1000 + 2 * count;
}

#endif
