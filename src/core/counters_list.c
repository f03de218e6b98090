/*
 * Listing. The index of a shard is in the order of its hashes, which moves of entries and
 * inserted keys leave as it is: so a walk can let the lock go and come back to a hash.
 */
#include "core/counters_list.h"

#include "core/counters_internal.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS_A_LOCK 512U

enum sr_result counters_list_init(struct counters_list *list, uint32_t key_max)
{
    *list = (struct counters_list){.key_max = key_max};
    list->keys = calloc((size_t)key_max + 1, sizeof(*list->keys));
    list->order = calloc((size_t)key_max + 1, sizeof(*list->order));
    if (list->keys == NULL || list->order == NULL) {
        counters_list_done(list);
        return SR_NO_MEMORY;
    }
    return SR_OK;
}

void counters_list_done(struct counters_list *list)
{
    free(list->keys);
    free(list->order);
    *list = (struct counters_list){.count = 0};
}

/* ---- the lowest keys: a heap with the highest of them on top ---- */

static bool is_below(const struct counters_list *list, uint32_t i, uint32_t j)
{
    return sr_span_compare(counters_list_key(list, i), counters_list_key(list, j)) < 0;
}

static void swap(struct counters_list *list, uint32_t i, uint32_t j)
{
    uint32_t kept = list->order[i];

    list->order[i] = list->order[j];
    list->order[j] = kept;
}

static void sink(struct counters_list *list, uint32_t i, uint32_t count)
{
    for (uint32_t child = 2 * i + 1; child < count; child = 2 * i + 1) {
        if (child + 1 < count && is_below(list, child, child + 1)) {
            child++;
        }
        if (!is_below(list, i, child)) {
            return;
        }
        swap(list, i, child);
        i = child;
    }
}

static void rise(struct counters_list *list, uint32_t i)
{
    while (i > 0 && is_below(list, (i - 1) / 2, i)) {
        swap(list, i, (i - 1) / 2);
        i = (i - 1) / 2;
    }
}

static void write_key(struct counters_list *list, uint32_t i, struct sr_span key)
{
    struct counters_list_key *at = &list->keys[list->order[i]];

    at->size = (uint16_t)key.size;
    memcpy(at->bytes, key.data, key.size);
}

static void offer(struct counters_list *list, struct sr_span key)
{
    if (list->count < list->key_max) {
        list->order[list->count] = list->count;
        write_key(list, list->count, key);
        rise(list, list->count++);
        return;
    }
    if (sr_span_compare(key, counters_list_key(list, 0)) < 0) {
        write_key(list, 0, key);
        sink(list, 0, list->count);
    }
}

/* The heap becomes ascending. */
static void sort(struct counters_list *list)
{
    for (uint32_t count = list->count; count > 1; count--) {
        swap(list, 0, count - 1);
        sink(list, 0, count - 1);
    }
}

/* ---- the walk ---- */

static bool begins_with(struct sr_span key, struct sr_span prefix)
{
    return key.size >= prefix.size &&
           (prefix.size == 0 || memcmp(key.data, prefix.data, prefix.size) == 0);
}

static void look_at(const struct entry *e, const struct counters_range *range, uint64_t open,
                    struct counters_list *list)
{
    unsigned flags = entry_flags(e);
    struct sr_span key = entry_key(e);
    int way;

    if ((flags & ENTRY_KINDS) == 0 || !entry_total(e, flags, open).exists ||
        !begins_with(key, range->prefix)) {
        return;
    }
    way = sr_span_compare(key, range->from);
    if (way > 0 || (way == 0 && !range->is_past)) {
        offer(list, key);
    }
}

/* Looks at some slots from a hash on. True where there are more, from *hash on. */
static bool walk_some(struct counters *c, struct shard *shard,
                      const struct counters_range *range, uint64_t *hash,
                      struct counters_list *list)
{
    const struct shard_index *index = &shard->index;
    const struct shard_index_slot *end = index->slots + index->count;
    const struct shard_index_slot *slot = shard_index_first(index, (uint32_t)*hash);
    uint64_t open = counters_open_now(c);
    uint32_t seen = 0;

    for (; slot < end; slot++) {
        if (slot->ref == 0 || slot->hash < *hash) {
            continue;
        }
        /* Those of one hash stay together. */
        if (seen >= SLOTS_A_LOCK && slot->hash != slot[-1].hash) {
            *hash = slot->hash;
            return true;
        }
        seen++;
        look_at(arena_entry(&c->arena, slot->ref), range, open, list);
    }
    return false;
}

void counters_list_changed(struct counters *c, const struct counters_range *range,
                           struct counters_list *list)
{
    list->count = 0;
    for (uint32_t i = 0; i < c->shard_count; i++) {
        struct shard *shard = &c->shards[i];
        uint64_t hash = 0;
        bool more = true;

        while (more) {
            shard_lock(shard);
            more = (shard->dirty[0] > 0 || shard->dirty[1] > 0) &&
                   walk_some(c, shard, range, &hash, list);
            shard_unlock(shard);
        }
    }
    sort(list);
}

/* What the entry's slots make of a row that the store handed out with its epoch. */
static struct entry_total total_over_row(const struct counters_row *row, const struct entry *e,
                                         unsigned flags, uint64_t open)
{
    struct entry_total base = {.value = row->value, .known = true, .exists = row->exists};

    if (row->loaded_epoch + 1 < open) {
        return entry_over(entry_over(base, e, flags, open - 1), e, flags, open);
    }
    return entry_over(base, e, flags, open);
}

bool counters_see(struct counters *c, struct sr_span key, const struct counters_row *row,
                  struct counters_seen *ret_seen)
{
    uint64_t hash = counters_hash(c, key);
    struct shard *shard = counters_shard_of_hash(c, hash);
    struct entry_total total = {.value = row->value, .known = true, .exists = row->exists};
    counters_ref ref;
    uint64_t open;

    shard_lock(shard);
    open = counters_open_now(c);
    ref = counters_find(c, shard, key, hash);
    if (row->loaded_epoch < counters_applied(c) || row->loaded_epoch >= open) {
        shard_unlock(shard);
        return false;
    }
    if (ref != 0) {
        const struct entry *e = arena_entry(&c->arena, ref);
        /* What a slot is included in is the entry's base, not this row. */
        unsigned flags = entry_flags(e) & ~(ENTRY_INCLUDED | ENTRY_INCLUDED << 1);

        total = total_over_row(row, e, flags, open);
    }
    shard_unlock(shard);
    ret_seen->exists = total.exists;
    ret_seen->total_known = sr_wide_fits_i64(total.value);
    ret_seen->total = ret_seen->total_known ? (int64_t)total.value : 0;
    return true;
}
