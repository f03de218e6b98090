/*
 * A growable byte buffer with a maximum. One owner, no locking.
 */
#ifndef SR_BASE_BUFFER_H
#define SR_BASE_BUFFER_H

#include "base/result.h"
#include "base/span.h"

#include <stddef.h>
#include <stdint.h>

/*
 *   data                size              capacity        size_max
 *    |---- filled -------|----- free -------|  (may grow)   |
 */
struct sr_buffer {
    uint8_t *data;   /* owned, NULL while capacity is 0 */
    size_t size;     /* bytes filled */
    size_t capacity; /* bytes allocated */
    size_t size_max; /* never grows beyond */
};

/* An empty buffer of at most size_max bytes; allocates nothing. */
void sr_buffer_init(struct sr_buffer *buffer, size_t size_max);

/* Frees the memory; the buffer is empty and usable again. */
void sr_buffer_done(struct sr_buffer *buffer);

/* Makes room for `size` more bytes. SR_FULL beyond size_max, SR_NO_MEMORY. */
enum sr_result sr_buffer_reserve(struct sr_buffer *buffer, size_t size) SR_MUST_USE;

/* Appends size bytes. Errors as of sr_buffer_reserve, then nothing was appended. */
enum sr_result sr_buffer_append(struct sr_buffer *buffer, const void *data,
                                size_t size) SR_MUST_USE;

/* Appends formatted text without its NUL. Errors as of sr_buffer_reserve. */
enum sr_result sr_buffer_printf(struct sr_buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3))) SR_MUST_USE;

/* Drops the first `size` bytes and moves the rest to the front. */
void sr_buffer_consume(struct sr_buffer *buffer, size_t size);

static inline struct sr_span sr_buffer_span(const struct sr_buffer *buffer)
{
    return (struct sr_span){.data = buffer->data, .size = buffer->size};
}

#endif
