/*
 * Whether the idempotency window keeps its own rules: for tests.
 */
#include "core/dedup_internal.h"

/* Chunks of an entry's chain, or more than there are where it has no end. */
static uint32_t chain_length(const struct dedup *d, uint32_t first)
{
    uint32_t length = 0;

    for (; first != 0 && length <= d->chunks_all; first = d->chunks[first].next) {
        length++;
    }
    return length;
}

static bool indexed_valid(const struct dedup *d, uint32_t *ret_entries, uint32_t *ret_chunks,
                          uint32_t *ret_done)
{
    for (uint32_t slot = 0; slot <= d->index_mask; slot++) {
        const struct dedup_entry *entry = &d->entries[d->index[slot]];

        if (d->index[slot] == 0) {
            continue;
        }
        if (entry->state == DEDUP_STATE_GONE || dedup_slot_of(d, d->index[slot]) != slot) {
            return false;
        }
        *ret_entries += 1;
        *ret_chunks += chain_length(d, entry->first);
        *ret_done += entry->state == DEDUP_STATE_DONE;
    }
    return true;
}

bool dedup_valid(struct dedup *d)
{
    uint32_t entries = 0;
    uint32_t chunks = 0;
    uint32_t done = 0;
    uint32_t listed = 0;
    bool valid;

    dedup_lock(d);
    valid = indexed_valid(d, &entries, &chunks, &done);
    for (uint32_t n = d->oldest; n != 0 && listed <= d->count; n = d->entries[n].next) {
        listed++;
        valid = valid && d->entries[n].state == DEDUP_STATE_DONE &&
                (d->entries[n].next != 0 || n == d->youngest);
    }
    valid = valid && entries == d->count && chunks == d->chunks_count && done == listed &&
            chunks + chain_length(d, d->chunks_free) == d->chunks_used;
    dedup_unlock(d);
    return valid;
}
