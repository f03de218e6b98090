/*
 * The idempotency window's index with linear probing, and its entries.
 */
#include "core/dedup_internal.h"

#include "base/check.h"

#include <string.h>

uint32_t dedup_find_slot(const struct dedup *d, uint64_t hash, struct sr_span token)
{
    uint32_t slot = (uint32_t)hash & d->index_mask;

    for (; d->index[slot] != 0; slot = (slot + 1) & d->index_mask) {
        const struct dedup_entry *entry = &d->entries[d->index[slot]];

        if (entry->hash == hash && entry->token_size == token.size &&
            dedup_chain_equal(d, entry->first, token)) {
            break;
        }
    }
    return slot;
}

uint32_t dedup_slot_of(const struct dedup *d, uint32_t number)
{
    uint32_t slot = (uint32_t)d->entries[number].hash & d->index_mask;

    while (d->index[slot] != number) {
        SR_CHECK(d->index[slot] != 0);
        slot = (slot + 1) & d->index_mask;
    }
    return slot;
}

/* Closes the gap: an entry behind it moves up unless that takes it in front of where its hash
 * points. */
static void unindex(struct dedup *d, uint32_t number)
{
    uint32_t gap = dedup_slot_of(d, number);
    uint32_t slot = gap;

    for (;;) {
        uint32_t home;

        slot = (slot + 1) & d->index_mask;
        if (d->index[slot] == 0) {
            break;
        }
        home = (uint32_t)d->entries[d->index[slot]].hash & d->index_mask;
        if (((slot - home) & d->index_mask) >= ((slot - gap) & d->index_mask)) {
            d->index[gap] = d->index[slot];
            gap = slot;
        }
    }
    d->index[gap] = 0;
}

static uint32_t take_entry(struct dedup *d)
{
    uint32_t number = d->entries_free;

    if (number != 0) {
        d->entries_free = d->entries[number].next;
    } else {
        SR_CHECK(d->entries_used < d->entries_all);
        number = ++d->entries_used;
    }
    d->count++;
    return number;
}

uint32_t dedup_create(struct dedup *d, uint32_t slot, uint64_t hash,
                      const struct dedup_request *request, uint32_t entries_max)
{
    uint32_t first;
    uint32_t number;
    struct dedup_entry *entry;

    SR_CHECK(request->token.size > 0 && request->token.size <= RECORD_TOKEN_SIZE_MAX);
    SR_CHECK(request->request_hash.size == RECORD_REQUEST_HASH_SIZE);
    if (d->count >= entries_max) {
        return 0;
    }
    first = dedup_chain_make(d, request->token.size + 8 * (size_t)request->totals_count);
    if (first == 0) {
        return 0;
    }
    dedup_chain_write(d, first, 0, request->token);
    number = take_entry(d);
    entry = &d->entries[number];
    *entry = (struct dedup_entry){.hash = hash,
                                  .serial = entry->serial + 1,
                                  .first = first,
                                  .totals_count = request->totals_count,
                                  .token_size = (uint8_t)request->token.size,
                                  .state = DEDUP_STATE_RUNNING};
    memcpy(entry->request_hash, request->request_hash.data, RECORD_REQUEST_HASH_SIZE);
    d->index[slot] = number;
    return number;
}

void dedup_destroy(struct dedup *d, uint32_t number)
{
    struct dedup_entry *entry = &d->entries[number];

    unindex(d, number);
    dedup_chain_free(d, entry->first);
    entry->state = DEDUP_STATE_GONE;
    entry->next = d->entries_free;
    d->entries_free = number;
    SR_CHECK(d->count > 0);
    d->count--;
}

void dedup_set_done(struct dedup *d, struct dedup_entry *entry,
                    const struct dedup_answer *answer, uint64_t epoch, uint64_t now_ms)
{
    uint32_t number = (uint32_t)(entry - d->entries);

    entry->state = DEDUP_STATE_DONE;
    entry->status = answer->status;
    entry->totals_known = answer->totals_known;
    entry->epoch = epoch;
    entry->expires_ms = now_ms + d->options.window_ms;
    entry->next = 0;
    if (answer->totals_known) {
        SR_CHECK(answer->totals.size == 8 * (size_t)entry->totals_count);
        dedup_chain_write(d, entry->first, entry->token_size, answer->totals);
    }
    if (d->youngest == 0) {
        d->oldest = number;
    } else {
        d->entries[d->youngest].next = number;
    }
    d->youngest = number;
}
