/*
 * Buffers that connections hold only while they need them: a bounded stock per worker, by size,
 * so that the request path allocates nothing once the stock is warm. And the budget that bounds
 * what all connections of all workers keep of requests that are not complete.
 */
#ifndef SR_SERVER_BUFFER_POOL_H
#define SR_SERVER_BUFFER_POOL_H

#include "base/buffer.h"
#include "base/result.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BUFFER_SIZE_MIN 4096
#define BUFFER_CLASS_COUNT 5 /* 4, 8, 16, 32 and 64 KiB; larger ones are not kept */

/* One worker's stock. */
struct buffer_pool {
    void *free[BUFFER_CLASS_COUNT]; /* each links the next in its first bytes */
    size_t kept_bytes;              /* in all free lists */
    size_t kept_max;
};

void buffer_pool_init(struct buffer_pool *pool, size_t kept_max);
void buffer_pool_done(struct buffer_pool *pool);

/* Makes an empty, initialised buffer one of at least `size` bytes (and BUFFER_SIZE_MIN), from
 * the stock where there is one. SR_FULL beyond its size_max, SR_NO_MEMORY. */
enum sr_result buffer_pool_take(struct buffer_pool *pool, struct sr_buffer *buffer,
                                size_t size) SR_MUST_USE;

/* Takes the buffer's memory back, whatever it has grown to; the buffer is empty then. */
void buffer_pool_give(struct buffer_pool *pool, struct sr_buffer *buffer);

/* Bytes that may be in use by everybody. Any thread. */
struct buffer_budget {
    _Atomic size_t used;
    size_t max;
};

/* False, and nothing taken, where size more bytes would exceed the maximum. */
bool buffer_budget_take(struct buffer_budget *budget, size_t size);

void buffer_budget_give(struct buffer_budget *budget, size_t size);

#endif
