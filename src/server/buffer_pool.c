/*
 * A stock of buffers by size, and a budget.
 */
#include "server/buffer_pool.h"

#include "base/check.h"

#include <stdlib.h>
#include <string.h>

void buffer_pool_init(struct buffer_pool *pool, size_t kept_max)
{
    *pool = (struct buffer_pool){.kept_max = kept_max};
}

static void *pop(struct buffer_pool *pool, unsigned kind)
{
    void *data = pool->free[kind];

    memcpy(&pool->free[kind], data, sizeof(void *));
    pool->kept_bytes -= (size_t)BUFFER_SIZE_MIN << kind;
    return data;
}

void buffer_pool_done(struct buffer_pool *pool)
{
    for (unsigned kind = 0; kind < BUFFER_CLASS_COUNT; kind++) {
        while (pool->free[kind] != NULL) {
            free(pop(pool, kind));
        }
    }
    SR_CHECK(pool->kept_bytes == 0);
}

/* The smallest kind that holds size bytes; BUFFER_CLASS_COUNT where none does. */
static unsigned class_for(size_t size)
{
    unsigned kind = 0;

    while (kind < BUFFER_CLASS_COUNT && (size_t)BUFFER_SIZE_MIN << kind < size) {
        kind++;
    }
    return kind;
}

enum sr_result buffer_pool_take(struct buffer_pool *pool, struct sr_buffer *buffer, size_t size)
{
    unsigned kind = class_for(size);
    size_t capacity = (size_t)BUFFER_SIZE_MIN << kind;

    SR_CHECK(buffer->data == NULL && buffer->size == 0);
    if (kind == BUFFER_CLASS_COUNT || capacity > buffer->size_max) {
        return sr_buffer_reserve(buffer, size);
    }
    if (pool->free[kind] != NULL) {
        buffer->data = pop(pool, kind);
        buffer->capacity = capacity;
        return SR_OK;
    }
    return sr_buffer_reserve(buffer, capacity);
}

void buffer_pool_give(struct buffer_pool *pool, struct sr_buffer *buffer)
{
    unsigned kind = class_for(buffer->capacity);

    if (buffer->capacity != (size_t)BUFFER_SIZE_MIN << kind || kind == BUFFER_CLASS_COUNT ||
        pool->kept_bytes + buffer->capacity > pool->kept_max) {
        sr_buffer_done(buffer);
        return;
    }
    memcpy(buffer->data, &pool->free[kind], sizeof(void *));
    pool->free[kind] = buffer->data;
    pool->kept_bytes += buffer->capacity;
    sr_buffer_init(buffer, buffer->size_max);
}

bool buffer_budget_take(struct buffer_budget *budget, size_t size)
{
    size_t before = atomic_fetch_add_explicit(&budget->used, size, memory_order_relaxed);

    if (before + size <= budget->max) {
        return true;
    }
    buffer_budget_give(budget, size);
    return false;
}

void buffer_budget_give(struct buffer_budget *budget, size_t size)
{
    size_t before = atomic_fetch_sub_explicit(&budget->used, size, memory_order_relaxed);

    SR_CHECK(before >= size);
}
