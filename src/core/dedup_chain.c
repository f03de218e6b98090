/*
 * Chains of chunks: what is not of one size in the idempotency window.
 */
#include "core/dedup_internal.h"

#include "base/check.h"

#include <string.h>

static uint32_t chunks_of(size_t size)
{
    return (uint32_t)((size + DEDUP_CHUNK_BYTES - 1) / DEDUP_CHUNK_BYTES);
}

static uint32_t take_chunk(struct dedup *d)
{
    uint32_t chunk = d->chunks_free;

    if (chunk != 0) {
        d->chunks_free = d->chunks[chunk].next;
    } else {
        SR_CHECK(d->chunks_used < d->chunks_all);
        chunk = ++d->chunks_used;
    }
    d->chunks_count++;
    return chunk;
}

uint32_t dedup_chain_make(struct dedup *d, size_t size)
{
    uint32_t count = chunks_of(size);
    uint32_t first = 0;

    SR_CHECK(size > 0);
    if (count > d->chunks_all - d->chunks_count) {
        return 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t chunk = take_chunk(d);

        d->chunks[chunk].next = first;
        first = chunk;
    }
    return first;
}

void dedup_chain_free(struct dedup *d, uint32_t first)
{
    while (first != 0) {
        uint32_t next = d->chunks[first].next;

        d->chunks[first].next = d->chunks_free;
        d->chunks_free = first;
        SR_CHECK(d->chunks_count > 0);
        d->chunks_count--;
        first = next;
    }
}

/* One piece of a chain that a copy goes over. */
struct piece {
    uint32_t chunk;
    size_t at;   /* in the chunk */
    size_t size; /* 0: nothing is left */
};

static struct piece piece_at(const struct dedup *d, uint32_t first, size_t offset, size_t size)
{
    struct piece piece = {.chunk = first};

    for (; offset >= DEDUP_CHUNK_BYTES; offset -= DEDUP_CHUNK_BYTES) {
        piece.chunk = d->chunks[piece.chunk].next;
    }
    piece.at = offset;
    piece.size = size < DEDUP_CHUNK_BYTES - offset ? size : DEDUP_CHUNK_BYTES - offset;
    return piece;
}

/* The piece behind one, of `size` bytes that are left with it. */
static struct piece piece_next(const struct dedup *d, struct piece piece, size_t size)
{
    size_t left = size - piece.size;

    return (struct piece){.chunk = d->chunks[piece.chunk].next,
                          .size = left < DEDUP_CHUNK_BYTES ? left : DEDUP_CHUNK_BYTES};
}

void dedup_chain_write(struct dedup *d, uint32_t first, size_t offset, struct sr_span bytes)
{
    struct piece piece = piece_at(d, first, offset, bytes.size);

    while (piece.size > 0) {
        memcpy(d->chunks[piece.chunk].bytes + piece.at, bytes.data, piece.size);
        bytes.data += piece.size;
        bytes.size -= piece.size;
        piece = piece_next(d, piece, bytes.size + piece.size);
    }
}

void dedup_chain_read(const struct dedup *d, uint32_t first, size_t offset, uint8_t *ret_bytes,
                      size_t size)
{
    struct piece piece = piece_at(d, first, offset, size);

    while (piece.size > 0) {
        memcpy(ret_bytes, d->chunks[piece.chunk].bytes + piece.at, piece.size);
        ret_bytes += piece.size;
        size -= piece.size;
        piece = piece_next(d, piece, size + piece.size);
    }
}

bool dedup_chain_equal(const struct dedup *d, uint32_t first, struct sr_span bytes)
{
    struct piece piece = piece_at(d, first, 0, bytes.size);

    while (piece.size > 0) {
        if (memcmp(d->chunks[piece.chunk].bytes + piece.at, bytes.data, piece.size) != 0) {
            return false;
        }
        bytes.data += piece.size;
        bytes.size -= piece.size;
        piece = piece_next(d, piece, bytes.size + piece.size);
    }
    return true;
}
