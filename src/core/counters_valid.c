/*
 * Whether the counter table keeps its own rules: for tests.
 */
#include "core/counters_internal.h"

/* What the entries of a shard add up to. */
struct tally {
    uint64_t live;
    uint64_t clean;
    uint64_t room; /* free entries of its pages */
    uint64_t dirty[2];
    uint64_t loading;
};

static bool entry_valid(const struct entry *e, unsigned flags, uint64_t open)
{
    for (unsigned parity = 0; parity < 2; parity++) {
        unsigned kind = entry_kind(flags, parity);
        bool included = (flags & (ENTRY_INCLUDED << parity)) != 0;

        if (kind == 0 && (e->delta[parity] != 0 || e->generation[parity] != 0)) {
            return false;
        }
        if (kind == SR_CHANGE_DELETE && e->delta[parity] != 0) {
            return false;
        }
        if ((kind == SR_CHANGE_SET || kind == SR_CHANGE_DELETE) && e->generation[parity] == 0) {
            return false;
        }
        if (included && (kind == 0 || (flags & ENTRY_KNOWN) == 0 || parity == (open & 1))) {
            return false;
        }
    }
    if ((flags & ENTRY_FORGOTTEN) != 0 && (flags & ENTRY_LOADING) == 0) {
        return false;
    }
    return e->base == 0 || (flags & ENTRY_EXISTS) != 0;
}

/* A live entry: its fields, its bits in the page, and whether the index leads to it. */
static bool live_entry_valid(const struct counters *c, const struct shard *shard,
                             counters_ref ref, struct tally *tally)
{
    const struct arena_page *page = arena_page_of(&c->arena, ref);
    const struct entry *e = arena_entry(&c->arena, ref);
    unsigned flags = entry_flags(e);
    unsigned position = slab_position(&c->arena, ref);

    for (unsigned parity = 0; parity < 2; parity++) {
        bool dirty = arena_has_bit(&page->dirty[parity], position);

        if (dirty != (entry_kind(flags, parity) != 0)) {
            return false;
        }
        tally->dirty[parity] += dirty;
    }
    tally->live++;
    tally->loading += (flags & ENTRY_LOADING) != 0;
    return entry_valid(e, flags, counters_open_now(c)) &&
           slab_class(e->key_size) == page->size_class &&
           counters_find(c, shard, entry_key(e), counters_hash(c, entry_key(e))) == ref;
}

static bool page_valid(const struct counters *c, const struct shard *shard, uint32_t number,
                       struct tally *tally)
{
    const struct arena_page *page = &c->arena.pages[number];
    bool evictable = (c->arena.evictable[number / 64] >> (number % 64) & 1U) != 0;
    unsigned live = 0;
    unsigned clean = 0;

    for (unsigned i = 0; i < ARENA_PAGE_ENTRIES_MAX; i++) {
        if (!arena_has_bit(&page->live, i)) {
            if (arena_has_bit(&page->dirty[0], i) || arena_has_bit(&page->dirty[1], i)) {
                return false;
            }
            continue;
        }
        if (i >= slab_page_entries(page->size_class) ||
            !live_entry_valid(c, shard, slab_ref(&c->arena, number, i), tally)) {
            return false;
        }
        live++;
        clean += (entry_flags(arena_entry(&c->arena, slab_ref(&c->arena, number, i))) &
                  ENTRY_HELD) == 0;
    }
    tally->clean += clean;
    tally->room += slab_page_entries(page->size_class) - live;
    return live > 0 && live == page->live_count && clean == page->clean_count &&
           evictable == (clean > 0);
}

/* The list of the pages with room of a class. */
static bool room_list_valid(const struct counters *c, const struct shard *shard, unsigned k)
{
    uint32_t room = 0;
    uint32_t before = 0;

    for (uint32_t n = shard->slab.with_room[k]; n != 0; n = c->arena.pages[n].next) {
        const struct arena_page *page = &c->arena.pages[n];

        if (page->prev != before || page->size_class != k ||
            arena_page_shard(page) != shard->number ||
            page->live_count >= slab_page_entries(k)) {
            return false;
        }
        room += slab_page_entries(k) - page->live_count;
        before = n;
    }
    return room == shard->slab.room[k];
}

/* The ring of the pages with clean entries of a class; adds up their entries. */
static bool clean_ring_valid(const struct counters *c, const struct shard *shard, unsigned k,
                             uint64_t *clean)
{
    uint32_t first = shard->slab.with_clean[k];
    uint32_t n = first;

    if (first == 0) {
        return true;
    }
    do {
        const struct arena_page *page = &c->arena.pages[n];

        if (page->clean_count == 0 || page->size_class != k ||
            arena_page_shard(page) != shard->number ||
            c->arena.pages[page->clean_next].clean_prev != n) {
            return false;
        }
        *clean += page->clean_count;
        n = page->clean_next;
    } while (n != first);
    return true;
}

/* Whether lists and rings are sound and hold as much as the shard's pages do. */
static bool slab_valid(const struct counters *c, const struct shard *shard,
                       const struct tally *tally)
{
    uint64_t room = 0;
    uint64_t clean = 0;

    for (unsigned k = 0; k < SLAB_CLASSES; k++) {
        if (!room_list_valid(c, shard, k) || !clean_ring_valid(c, shard, k, &clean)) {
            return false;
        }
        room += shard->slab.room[k];
    }
    return room == tally->room && clean == tally->clean;
}

static bool shard_valid(const struct counters *c, const struct shard *shard)
{
    uint32_t pages = atomic_load_explicit(&c->arena.bumped, memory_order_relaxed);
    struct tally tally = {.live = 0};

    for (uint32_t number = 1; number <= pages; number++) {
        if (arena_page_shard(&c->arena.pages[number]) == shard->number &&
            !page_valid(c, shard, number, &tally)) {
            return false;
        }
    }
    return slab_valid(c, shard, &tally) && shard_index_valid(&shard->index) &&
           tally.live == shard->index.keys && tally.dirty[0] == shard->dirty[0] &&
           tally.dirty[1] == shard->dirty[1] && tally.loading == shard->loading;
}

static uint32_t list_length(const struct arena *arena, uint32_t page)
{
    uint32_t length = 0;

    for (; page != 0 && length <= arena->pages_max; page = arena->pages[page].next) {
        length++;
    }
    return length;
}

/* Every page is a shard's or in one list, and what is charged is what is there. */
static bool arena_valid(const struct counters *c)
{
    const struct arena *arena = &c->arena;
    uint32_t resident = list_length(arena, arena->free_resident);
    uint32_t discarded = list_length(arena, arena->free_discarded);
    uint32_t bumped = atomic_load_explicit(&arena->bumped, memory_order_relaxed);
    uint32_t owned = 0;
    size_t bytes = arena->fixed;

    for (uint32_t number = 1; number <= bumped; number++) {
        owned += arena_page_shard(&arena->pages[number]) != ARENA_NO_SHARD;
    }
    for (uint32_t i = 0; i < c->shard_count; i++) {
        bytes += c->shards[i].index.count * sizeof(struct shard_index_slot);
    }
    bytes += bumped * sizeof(struct arena_page);
    bytes += ((size_t)bumped - discarded) * ARENA_PAGE_SIZE;
    return owned + resident + discarded == bumped &&
           resident ==
               atomic_load_explicit(&arena->free_resident_count, memory_order_relaxed) &&
           bytes == atomic_load_explicit(&arena->used, memory_order_relaxed) &&
           bytes <= arena->used_max;
}

bool counters_valid(struct counters *c)
{
    for (uint32_t i = 0; i < c->shard_count; i++) {
        if (!shard_valid(c, &c->shards[i])) {
            return false;
        }
    }
    return arena_valid(c);
}
