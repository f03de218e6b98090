/*
 * The idempotency window's memory. For core/dedup*.c only.
 */
#ifndef SR_CORE_DEDUP_INTERNAL_H
#define SR_CORE_DEDUP_INTERNAL_H

#include "base/check.h"
#include "core/dedup.h"

#define DEDUP_CHUNK_BYTES (DEDUP_CHUNK_SIZE - 4)

/* A piece of a chain. */
struct dedup_chunk {
    uint32_t next; /* of the chain, or of the free ones; 0: the last */
    uint8_t bytes[DEDUP_CHUNK_BYTES];
};

struct dedup_entry {
    uint64_t hash;       /* of the token */
    uint64_t epoch;      /* DONE: counted in it; 0: in the table already */
    uint64_t expires_ms; /* DONE */
    uint32_t serial;     /* one more for each life */
    uint32_t next;       /* DONE: the next younger; free: the next free one; 0: none */
    uint32_t first;      /* chunk */
    uint32_t totals_count;
    uint16_t status;
    uint8_t token_size;
    uint8_t state; /* enum dedup_state */
    bool totals_known;
    uint8_t request_hash[RECORD_REQUEST_HASH_SIZE];
};

/* Entries and chunks are numbered from 1; those that were never used lie behind `used`. */
struct dedup {
    struct dedup_options options;
    pthread_mutex_t lock; /* a leaf; over all but the logs */
    struct dedup_entry *entries;
    struct dedup_chunk *chunks;
    uint32_t *index; /* entry numbers by hash, 0: free; linear probing */
    uint32_t entries_all, entries_used, entries_free, count;
    uint32_t chunks_all, chunks_used, chunks_free, chunks_count;
    uint32_t index_mask;
    uint32_t oldest, youngest; /* DONE entries by age */
    uint64_t expired;
    struct request_log logs[2];
};

/* A chain of `size` bytes, its contents undefined; 0: no room. */
uint32_t dedup_chain_make(struct dedup *d, size_t size);
void dedup_chain_free(struct dedup *d, uint32_t first);

/* Copies into and out of a chain from `offset` on. */
void dedup_chain_write(struct dedup *d, uint32_t first, size_t offset, struct sr_span bytes);
void dedup_chain_read(const struct dedup *d, uint32_t first, size_t offset, uint8_t *ret_bytes,
                      size_t size);
bool dedup_chain_equal(const struct dedup *d, uint32_t first, struct sr_span bytes);

/* ---- dedup_table.c: under the lock ---- */

static inline void dedup_lock(struct dedup *d)
{
    SR_CHECK(pthread_mutex_lock(&d->lock) == 0);
}

static inline void dedup_unlock(struct dedup *d)
{
    SR_CHECK(pthread_mutex_unlock(&d->lock) == 0);
}

/* The slot that holds the token's entry, or the free one where it would be. */
uint32_t dedup_find_slot(const struct dedup *d, uint64_t hash, struct sr_span token);

/* The slot that holds an entry. */
uint32_t dedup_slot_of(const struct dedup *d, uint32_t number);

/* Makes a RUNNING entry in the free slot; 0: no room, or as many as entries_max are there. */
uint32_t dedup_create(struct dedup *d, uint32_t slot, uint64_t hash,
                      const struct dedup_request *request, uint32_t entries_max);
void dedup_destroy(struct dedup *d, uint32_t number);

/* The entry is answered, and the youngest. */
void dedup_set_done(struct dedup *d, struct dedup_entry *entry,
                    const struct dedup_answer *answer, uint64_t epoch, uint64_t now_ms);

#endif
