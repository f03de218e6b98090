/*
 * The hottest keys as JSON: what GET /top answers, and what open dashboards are told.
 */
#ifndef SR_SERVER_TOP_H
#define SR_SERVER_TOP_H

#include "base/buffer.h"
#include "server/hot.h"

/* Appends {"data":[...],...} with at most `limit` keys. board may be NULL: none. Errors of the
 * buffer. Any thread. */
enum sr_result top_write(struct hot_board *board, uint32_t limit,
                         struct sr_buffer *out) SR_MUST_USE;

#endif
