/*
 * Making room in the counter table when its memory is used up: a clock over pages evicts clean
 * entries, a second chance for those in use, and pages that become sparse are emptied, so that
 * a change of key sizes strands no memory.
 */
#include "core/counters_internal.h"

/* After so many pages on which all clean entries were in use, use does not protect any more: a
 * request must not pay for a walk through the table. */
#define CHANCES_MAX 8U
/* Nor may it throw out the whole cache to find a whole page. */
#define PAGES_MAX 128U

/* Evicts the clean entries of a page that were not in use since the last time. */
static void sweep_page(struct counters *c, struct shard *shard, uint32_t number, bool chance)
{
    const struct arena_page *page = &c->arena.pages[number];
    unsigned entries = slab_page_entries(page->size_class);

    for (unsigned i = 0; i < entries; i++) {
        counters_ref ref = slab_ref(&c->arena, number, i);
        struct entry *e = arena_entry(&c->arena, ref);
        bool last = page->live_count == 1;

        if (!arena_is_live(page, i) || (entry_flags(e) & ENTRY_HELD) != 0) {
            continue;
        }
        if (chance && (entry_flags(e) & ENTRY_REFERENCED) != 0) {
            counters_set_flags(c, ref, e, entry_flags(e) & ~ENTRY_REFERENCED);
            continue;
        }
        counters_evict(c, shard, ref);
        if (last) {
            return; /* the page went with it and may be another shard's by now */
        }
    }
}

/* Sweeps a page, and empties it where that left it sparse. True if `wanted` can use what came
 * free. */
static bool reclaim_page(struct counters *c, uint32_t number, bool chance,
                         const struct shard *wanted, uint8_t size_class)
{
    struct arena_page *page = &c->arena.pages[number];
    uint16_t owner = arena_page_shard(page);
    struct shard *shard;
    bool helps = false;

    if (owner == ARENA_NO_SHARD) {
        return false;
    }
    shard = &c->shards[owner];
    shard_lock(shard);
    if (arena_page_shard(page) == owner) {
        sweep_page(c, shard, number, chance);
        if (arena_page_shard(page) == owner) {
            counters_empty_page(c, shard, number);
        }
        helps = shard == wanted && shard->slab.room[size_class] > 0 &&
                !shard_index_is_full(&shard->index);
    }
    shard_unlock(shard);
    return helps;
}

bool counters_make_room(struct counters *c, const struct shard *shard, size_t key_size)
{
    uint8_t size_class = slab_class(key_size);

    for (unsigned pages = 0; pages < PAGES_MAX; pages++) {
        uint32_t number = arena_next_evictable(&c->arena);

        if (number == 0) {
            return false;
        }
        if (reclaim_page(c, number, pages < CHANCES_MAX, shard, size_class) ||
            arena_has_page(&c->arena)) {
            return true;
        }
    }
    return false;
}
