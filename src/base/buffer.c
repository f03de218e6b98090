/*
 * A growable byte buffer with a maximum.
 */
#include "base/buffer.h"

#include "base/arith.h"
#include "base/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void sr_buffer_init(struct sr_buffer *buffer, size_t size_max)
{
    *buffer = (struct sr_buffer){.size_max = size_max};
}

void sr_buffer_done(struct sr_buffer *buffer)
{
    free(buffer->data);
    sr_buffer_init(buffer, buffer->size_max);
}

enum sr_result sr_buffer_reserve(struct sr_buffer *buffer, size_t size)
{
    size_t needed;
    size_t capacity = buffer->capacity < 256 ? 256 : buffer->capacity;
    uint8_t *data;

    SR_CHECK(buffer->size <= buffer->capacity);
    if (!sr_add_size(buffer->size, size, &needed) || needed > buffer->size_max) {
        return SR_FULL;
    }
    if (needed <= buffer->capacity) {
        return SR_OK;
    }
    while (capacity < needed) {
        capacity *= 2;
    }
    if (capacity > buffer->size_max) {
        capacity = buffer->size_max;
    }
    data = realloc(buffer->data, capacity);
    if (data == NULL) {
        return SR_NO_MEMORY;
    }
    buffer->data = data;
    buffer->capacity = capacity;
    return SR_OK;
}

enum sr_result sr_buffer_append(struct sr_buffer *buffer, const void *data, size_t size)
{
    enum sr_result result = sr_buffer_reserve(buffer, size);

    if (result != SR_OK) {
        return result;
    }
    if (size > 0) {
        memcpy(buffer->data + buffer->size, data, size);
    }
    buffer->size += size;
    return SR_OK;
}

enum sr_result sr_buffer_printf(struct sr_buffer *buffer, const char *format, ...)
{
    va_list args;
    enum sr_result result;
    int size;

    va_start(args, format);
    size = vsnprintf(NULL, 0, format, args);
    va_end(args);
    SR_CHECK(size >= 0);
    /* vsnprintf wants room for the NUL, which is not counted as content. */
    result = sr_buffer_reserve(buffer, (size_t)size + 1);
    if (result != SR_OK) {
        return result;
    }
    va_start(args, format);
    (void)vsnprintf((char *)buffer->data + buffer->size, (size_t)size + 1, format, args);
    va_end(args);
    buffer->size += (size_t)size;
    return SR_OK;
}

void sr_buffer_consume(struct sr_buffer *buffer, size_t size)
{
    SR_CHECK(size <= buffer->size);
    if (size == 0) {
        return;
    }
    memmove(buffer->data, buffer->data + size, buffer->size - size);
    buffer->size -= size;
}
