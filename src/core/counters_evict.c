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

        if (!arena_has_bit(&page->live, i) || (entry_flags(e) & ENTRY_HELD) != 0) {
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

/* Sweeps a page, and empties it where that left it sparse. */
static void reclaim_page(struct counters *c, struct shard *shard, uint32_t number, bool chance)
{
    const struct arena_page *page = &c->arena.pages[number];

    sweep_page(c, shard, number, chance);
    if (arena_page_shard(page) == shard->number) {
        counters_empty_page(c, shard, number);
    }
}

static bool has_room(const struct shard *shard, uint8_t size_class)
{
    return shard->slab.room[size_class] > 0 && !shard_index_is_full(&shard->index);
}

/* Reclaims the page that the clock's hand is at, whosever it is. *ret_helps: that made room for
 * what is wanted. False: there is no page with clean entries. */
static bool reclaim_by_clock(struct counters *c, const struct shard *wanted, uint8_t size_class,
                             bool chance, bool *ret_helps)
{
    uint32_t number = arena_next_evictable(&c->arena);
    const struct arena_page *page = &c->arena.pages[number];
    uint16_t owner = arena_page_shard(page);

    if (number == 0) {
        return false;
    }
    *ret_helps = false;
    if (owner != ARENA_NO_SHARD) {
        struct shard *shard = &c->shards[owner];

        shard_lock(shard);
        if (arena_page_shard(page) == owner) {
            reclaim_page(c, shard, number, chance);
        }
        *ret_helps = shard == wanted && has_room(shard, size_class);
        shard_unlock(shard);
    }
    *ret_helps = *ret_helps || arena_has_page(&c->arena);
    return true;
}

/* Evicts from the shard's own pages of this class. True if there was anything to evict. */
static bool reclaim_own(struct counters *c, struct shard *shard, uint8_t size_class)
{
    uint32_t number = 0;
    bool enough = false;

    for (unsigned pages = 1; pages <= CHANCES_MAX && !enough; pages++) {
        shard_lock(shard);
        number = slab_next_clean(&shard->slab, &c->arena, size_class);
        if (number != 0) {
            reclaim_page(c, shard, number, pages < CHANCES_MAX);
        }
        enough = number == 0 || has_room(shard, size_class);
        shard_unlock(shard);
    }
    return number != 0;
}

/*
 * The clock treats all alike and gives whole pages back, so that memory goes where it is
 * wanted. But where each page holds an entry that cannot move, as while the database is away,
 * it may go on for long without meeting one of use here; then the shard's own entries of this
 * size must go.
 */
bool counters_make_room(struct counters *c, struct shard *shard, size_t key_size)
{
    uint8_t size_class = slab_class(key_size);
    bool helps = false;

    for (unsigned pages = 0; pages < PAGES_MAX && !helps; pages++) {
        if (pages == CHANCES_MAX && reclaim_own(c, shard, size_class)) {
            return true;
        }
        if (!reclaim_by_clock(c, shard, size_class, pages < CHANCES_MAX, &helps)) {
            return false;
        }
    }
    return helps;
}
