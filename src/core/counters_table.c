/*
 * Finding, making, moving and removing entries of the counter table. All under a shard's lock.
 */
#include "core/counters_internal.h"

#include <string.h>

static uint32_t index_hash(uint64_t hash)
{
    return (uint32_t)hash;
}

counters_ref counters_find(const struct counters *c, const struct shard *shard,
                           struct sr_span key, uint64_t hash)
{
    const struct shard_index_slot *slot = shard_index_first(&shard->index, index_hash(hash));

    for (; slot->ref != 0 && slot->hash == index_hash(hash); slot++) {
        if (sr_span_equal(entry_key(arena_entry(&c->arena, slot->ref)), key)) {
            return slot->ref;
        }
    }
    return 0;
}

/* Adds a quarter of the slots, or where memory is short one step. */
static bool grow_index(struct counters *c, struct shard *shard)
{
    uint32_t count = shard->index.count;
    uint32_t quarter = count / 4 / SHARD_INDEX_STEP_SLOTS * SHARD_INDEX_STEP_SLOTS;
    uint32_t more[] = {quarter, SHARD_INDEX_STEP_SLOTS};

    for (size_t i = quarter == 0 ? 1 : 0; i < 2; i++) {
        if (more[i] <= c->index_slots_max - count &&
            arena_charge(&c->arena, more[i] * sizeof(struct shard_index_slot))) {
            shard_index_grow(&shard->index, count + more[i]);
            return true;
        }
    }
    return false;
}

static bool insert(struct counters *c, struct shard *shard, uint32_t hash, counters_ref ref)
{
    return shard_index_insert(&shard->index, hash, ref) ||
           (grow_index(c, shard) && shard_index_insert(&shard->index, hash, ref));
}

counters_ref counters_create(struct counters *c, struct shard *shard, struct sr_span key,
                             uint64_t hash)
{
    counters_ref ref;
    struct entry *e;

    if (shard_index_is_full(&shard->index) && !grow_index(c, shard)) {
        return 0;
    }
    ref = slab_take(&shard->slab, &c->arena, shard->number, slab_class(key.size));
    if (ref == 0) {
        return 0;
    }
    if (!insert(c, shard, index_hash(hash), ref)) {
        slab_give(&shard->slab, &c->arena, ref);
        return 0;
    }
    e = arena_entry(&c->arena, ref);
    memset(e, 0, sizeof(*e));
    e->key_size = (uint16_t)key.size;
    atomic_init(&e->flags, (uint16_t)ENTRY_PIN);
    memcpy(e->key, key.data, key.size);
    return ref;
}

static uint32_t hash_of_entry(const struct counters *c, const struct entry *e)
{
    return index_hash(counters_hash(c, entry_key(e)));
}

void counters_evict(struct counters *c, struct shard *shard, counters_ref ref)
{
    const struct entry *e = arena_entry(&c->arena, ref);

    SR_CHECK((entry_flags(e) & ENTRY_HELD) == 0);
    shard_index_remove(&shard->index, hash_of_entry(c, e), ref);
    slab_clean_less(&shard->slab, &c->arena, arena_page_number(ref));
    slab_give(&shard->slab, &c->arena, ref);
    shard->evictions++;
}

void counters_mark_dirty(struct counters *c, struct shard *shard, counters_ref ref,
                         unsigned parity)
{
    struct arena_bits *dirty = &arena_page_of(&c->arena, ref)->dirty[parity];
    unsigned position = slab_position(&c->arena, ref);

    SR_CHECK(!arena_has_bit(dirty, position));
    arena_set_bit(dirty, position);
    shard->dirty[parity]++;
}

void counters_mark_completed(struct counters *c, struct shard *shard, counters_ref ref,
                             unsigned parity)
{
    struct arena_bits *dirty = &arena_page_of(&c->arena, ref)->dirty[parity];
    unsigned position = slab_position(&c->arena, ref);

    SR_CHECK(arena_has_bit(dirty, position) && shard->dirty[parity] > 0);
    arena_clear_bit(dirty, position);
    shard->dirty[parity]--;
}

static void move(struct counters *c, struct shard *shard, counters_ref from, counters_ref to)
{
    const struct entry *e = arena_entry(&c->arena, from);
    unsigned flags = entry_flags(e);

    memcpy(arena_entry(&c->arena, to), e, sizeof(*e) + e->key_size);
    shard_index_rename(&shard->index, hash_of_entry(c, e), from, to);
    for (unsigned parity = 0; parity < 2; parity++) {
        if (entry_kind(flags, parity) != 0) {
            counters_mark_completed(c, shard, from, parity);
            counters_mark_dirty(c, shard, to, parity);
        }
    }
    if ((flags & ENTRY_HELD) == 0) {
        slab_clean_less(&shard->slab, &c->arena, arena_page_number(from));
        slab_clean_more(&shard->slab, &c->arena, arena_page_number(to));
    }
}

/* Whether nobody outside knows the entry: it is not pinned, loading or, in the epoch before the
 * open one, collected. The open epoch is read under the lock, and collecting an epoch locks
 * each shard after the next one was opened: so no entry can move past it. */
static bool can_move(const struct counters *c, unsigned flags)
{
    unsigned sealed = (unsigned)(counters_open_now(c) - 1) & 1U;

    return (flags & (ENTRY_LOADING | ENTRY_PINS)) == 0 && entry_kind(flags, sealed) == 0;
}

void counters_empty_page(struct counters *c, struct shard *shard, uint32_t number)
{
    const struct arena_page *page = &c->arena.pages[number];
    unsigned entries = slab_page_entries(page->size_class);

    if (!slab_can_empty(&shard->slab, &c->arena, number)) {
        return;
    }
    for (unsigned i = 0; i < entries; i++) {
        const struct entry *e = arena_entry(&c->arena, slab_ref(&c->arena, number, i));

        if (arena_has_bit(&page->live, i) && !can_move(c, entry_flags(e))) {
            return;
        }
    }
    slab_set_aside(&shard->slab, &c->arena, number);
    for (unsigned i = 0; i < entries; i++) {
        if (arena_has_bit(&page->live, i)) {
            counters_ref to =
                slab_take(&shard->slab, &c->arena, shard->number, page->size_class);

            SR_CHECK(to != 0);
            move(c, shard, slab_ref(&c->arena, number, i), to);
        }
    }
    slab_drop(&c->arena, number);
}
