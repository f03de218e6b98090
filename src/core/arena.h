/*
 * The memory of the counter table: 4 KiB pages in one reservation of address space, and the
 * budget that everything resident is charged to. A page belongs to one shard and one size class
 * at a time. Private to core/.
 *
 *   memory   | page 0: never used | page 1 | page 2 | ... | page bumped | not yet touched |
 *   pages    | 64 bytes of bookkeeping for each, outside of it                            |
 *
 * A reference is an offset in `memory` in steps of 8 bytes, so that 32 bits reach 32 GiB and 0
 * names nothing.
 */
#ifndef SR_CORE_ARENA_H
#define SR_CORE_ARENA_H

#include "base/result.h"
#include "core/counters.h"
#include "core/entry.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARENA_PAGE_SIZE 4096U
#define ARENA_STEP 8U /* bytes a step of a reference */
#define ARENA_PAGE_STEPS (ARENA_PAGE_SIZE / ARENA_STEP)
#define ARENA_NO_SHARD UINT16_MAX /* owner of a page that is free */

#define ARENA_PAGE_ENTRIES_MAX 96U

/* A set of entries of a page, by their position. */
struct arena_bits {
    uint32_t words[ARENA_PAGE_ENTRIES_MAX / 32];
};

/* Bookkeeping of a page. Belongs to the lock of the shard that owns the page; while it is free,
 * to the arena's lock. A page number of 0 is none. */
struct arena_page {
    struct arena_bits live;
    struct arena_bits dirty[2];      /* by parity: entries with a touched slot */
    uint32_t next, prev;             /* pages with room of its slab, or free pages */
    uint32_t clean_next, clean_prev; /* ring of the pages with clean entries of its slab */
    _Atomic uint16_t shard;          /* read without a lock, then again under the owner's */
    uint8_t size_class;
    uint8_t live_count;
    uint8_t clean_count; /* live entries that are not held */
    uint8_t unused[7];
};

static_assert(sizeof(struct arena_page) == 64, "a cache line");

struct arena {
    uint8_t *memory;
    struct arena_page *pages;
    uint32_t pages_max;          /* valid numbers are 1 to pages_max */
    _Atomic uint64_t *evictable; /* by page: has clean entries; a hint for the clock */
    _Atomic uint32_t hand;       /* of the clock: the page to look at next */

    pthread_mutex_t lock;    /* last in order, after a shard's */
    uint32_t free_resident;  /* list of free pages that are charged */
    uint32_t free_discarded; /* list of free pages that are not */
    _Atomic uint32_t free_resident_count;
    _Atomic uint32_t bumped; /* pages ever used */
    _Atomic size_t used;     /* bytes charged; changes under the lock */
    size_t used_max;
    size_t fixed; /* charged from the beginning */
};

/* Reserves for memory_max bytes, of which `fixed` are charged at once. SR_NO_MEMORY. */
enum sr_result arena_init(struct arena *arena, size_t memory_max, size_t fixed,
                          struct sr_err *err) SR_MUST_USE;
void arena_done(struct arena *arena);

/* A page for a shard, with nothing live in it; 0 when the budget is used up. */
uint32_t arena_take(struct arena *arena, uint16_t shard, uint8_t size_class);

/* Gives a page without live entries back. */
void arena_give(struct arena *arena, uint32_t number);

/* Charges bytes that lie elsewhere, for good, at the price of free pages if need be. */
bool arena_charge(struct arena *arena, size_t bytes);

/* Whether arena_take would succeed now; without a lock, so a hint. */
bool arena_has_page(const struct arena *arena);

/* Whether the clock should come by a page: its shard's lock is held. */
void arena_set_evictable(struct arena *arena, uint32_t number, bool evictable);

/* The next page, in the clock's order, that seems to have clean entries; 0 if there is none. */
uint32_t arena_next_evictable(struct arena *arena);

static inline struct entry *arena_entry(const struct arena *arena, counters_ref ref)
{
    return (struct entry *)(void *)(arena->memory + (size_t)ref * ARENA_STEP);
}

static inline uint32_t arena_page_number(counters_ref ref)
{
    return ref / ARENA_PAGE_STEPS;
}

static inline struct arena_page *arena_page_of(const struct arena *arena, counters_ref ref)
{
    return &arena->pages[arena_page_number(ref)];
}

static inline bool arena_has_bit(const struct arena_bits *bits, unsigned position)
{
    return (bits->words[position / 32] >> (position % 32) & 1U) != 0;
}

static inline void arena_set_bit(struct arena_bits *bits, unsigned position)
{
    bits->words[position / 32] |= UINT32_C(1) << (position % 32);
}

static inline void arena_clear_bit(struct arena_bits *bits, unsigned position)
{
    bits->words[position / 32] &= ~(UINT32_C(1) << (position % 32));
}

static inline uint16_t arena_page_shard(const struct arena_page *page)
{
    return atomic_load_explicit(&page->shard, memory_order_relaxed);
}

#endif
