/*
 * The memory of the counter table: pages and the budget.
 */
#include "core/arena.h"

#include "base/arith.h"
#include "base/check.h"
#include "base/memory.h"

#include <string.h>

#define PAGE_COST (ARENA_PAGE_SIZE + sizeof(struct arena_page))

static_assert(sizeof(struct entry) + SR_KEY_SIZE_MAX <= ARENA_PAGE_SIZE,
              "an entry fits a page");

static size_t evictable_words(const struct arena *arena)
{
    return (size_t)arena->pages_max / 64 + 1;
}

enum sr_result arena_init(struct arena *arena, size_t memory_max, size_t fixed,
                          struct sr_err *err)
{
    struct arena a = {.pages_max = (uint32_t)(memory_max / PAGE_COST), .used_max = memory_max};

    fixed += evictable_words(&a) * sizeof(*a.evictable);
    SR_CHECK(fixed < memory_max);
    a.memory = sr_pages_alloc((a.pages_max + (size_t)1) * ARENA_PAGE_SIZE);
    a.pages = sr_pages_alloc((a.pages_max + (size_t)1) * sizeof(*a.pages));
    a.evictable = sr_pages_alloc(evictable_words(&a) * sizeof(*a.evictable));
    a.fixed = fixed;
    *arena = a;
    atomic_init(&arena->used, fixed);
    atomic_init(&arena->hand, 1);
    SR_CHECK(pthread_mutex_init(&arena->lock, NULL) == 0);
    if (a.memory == NULL || a.pages == NULL || a.evictable == NULL) {
        arena_done(arena);
        return sr_fail(err, SR_NO_MEMORY,
                       "cannot reserve %zu bytes of address space for the counter table; lower "
                       "--memory-limit or raise the process's limit",
                       memory_max);
    }
    return SR_OK;
}

void arena_done(struct arena *arena)
{
    sr_pages_free(arena->memory, (arena->pages_max + (size_t)1) * ARENA_PAGE_SIZE);
    sr_pages_free(arena->pages, (arena->pages_max + (size_t)1) * sizeof(*arena->pages));
    sr_pages_free(arena->evictable, evictable_words(arena) * sizeof(*arena->evictable));
    SR_CHECK(pthread_mutex_destroy(&arena->lock) == 0);
}

/* The helpers below run under the arena's lock. */

static void add_used(struct arena *arena, size_t bytes)
{
    size_t used = atomic_load_explicit(&arena->used, memory_order_relaxed);

    SR_CHECK(bytes <= arena->used_max - used);
    atomic_store_explicit(&arena->used, used + bytes, memory_order_relaxed);
}

static size_t budget_left(const struct arena *arena)
{
    return arena->used_max - atomic_load_explicit(&arena->used, memory_order_relaxed);
}

static uint32_t pop(struct arena *arena, uint32_t *list)
{
    uint32_t page = *list;

    *list = arena->pages[page].next;
    return page;
}

static void push(struct arena *arena, uint32_t *list, uint32_t page)
{
    arena->pages[page].next = *list;
    *list = page;
}

static void count_resident(struct arena *arena, uint32_t by)
{
    uint32_t count = atomic_load_explicit(&arena->free_resident_count, memory_order_relaxed);

    atomic_store_explicit(&arena->free_resident_count, count + by, memory_order_relaxed);
}

static uint32_t take_page(struct arena *arena)
{
    uint32_t bumped = atomic_load_explicit(&arena->bumped, memory_order_relaxed);

    if (arena->free_resident != 0) {
        count_resident(arena, UINT32_MAX);
        return pop(arena, &arena->free_resident);
    }
    if (arena->free_discarded != 0 && budget_left(arena) >= ARENA_PAGE_SIZE) {
        add_used(arena, ARENA_PAGE_SIZE);
        return pop(arena, &arena->free_discarded);
    }
    if (bumped == arena->pages_max || budget_left(arena) < PAGE_COST) {
        return 0;
    }
    add_used(arena, PAGE_COST);
    atomic_store_explicit(&arena->bumped, bumped + 1, memory_order_relaxed);
    return bumped + 1;
}

uint32_t arena_take(struct arena *arena, uint16_t shard, uint8_t size_class)
{
    uint32_t number;
    struct arena_page *page;

    (void)pthread_mutex_lock(&arena->lock);
    number = take_page(arena);
    if (number != 0) {
        page = &arena->pages[number];
        page->next = 0;
        page->prev = 0;
        page->size_class = size_class;
        atomic_store_explicit(&page->shard, shard, memory_order_relaxed);
    }
    (void)pthread_mutex_unlock(&arena->lock);
    return number;
}

void arena_give(struct arena *arena, uint32_t number)
{
    struct arena_page *page = &arena->pages[number];

    SR_CHECK(page->live_count == 0 && page->clean_count == 0);
    (void)pthread_mutex_lock(&arena->lock);
    atomic_store_explicit(&page->shard, ARENA_NO_SHARD, memory_order_relaxed);
    push(arena, &arena->free_resident, number);
    count_resident(arena, 1);
    (void)pthread_mutex_unlock(&arena->lock);
}

bool arena_charge(struct arena *arena, size_t bytes)
{
    bool charged;

    (void)pthread_mutex_lock(&arena->lock);
    while (budget_left(arena) < bytes && arena->free_resident != 0) {
        uint32_t page = pop(arena, &arena->free_resident);

        count_resident(arena, UINT32_MAX);
        sr_pages_discard(arena->memory + (size_t)page * ARENA_PAGE_SIZE, ARENA_PAGE_SIZE);
        push(arena, &arena->free_discarded, page);
        atomic_fetch_sub_explicit(&arena->used, ARENA_PAGE_SIZE, memory_order_relaxed);
    }
    charged = budget_left(arena) >= bytes;
    if (charged) {
        add_used(arena, bytes);
    }
    (void)pthread_mutex_unlock(&arena->lock);
    return charged;
}

bool arena_has_page(const struct arena *arena)
{
    return atomic_load_explicit(&arena->free_resident_count, memory_order_relaxed) > 0 ||
           budget_left(arena) >= PAGE_COST;
}

void arena_set_evictable(struct arena *arena, uint32_t number, bool evictable)
{
    _Atomic uint64_t *word = &arena->evictable[number / 64];
    uint64_t bit = UINT64_C(1) << (number % 64);

    if (evictable) {
        atomic_fetch_or_explicit(word, bit, memory_order_relaxed);
    } else {
        atomic_fetch_and_explicit(word, ~bit, memory_order_relaxed);
    }
}

uint32_t arena_next_evictable(struct arena *arena)
{
    uint32_t hand = atomic_load_explicit(&arena->hand, memory_order_relaxed);
    uint32_t words = atomic_load_explicit(&arena->bumped, memory_order_relaxed) / 64 + 1;
    uint32_t word = hand / 64 < words ? hand / 64 : 0;
    uint64_t mask = hand / 64 < words ? ~UINT64_C(0) << (hand % 64) : ~UINT64_C(0);

    /* One word more than there are: the first one's bits before the hand come last. */
    for (uint32_t i = 0; i <= words; i++) {
        uint64_t bits =
            mask & atomic_load_explicit(&arena->evictable[word], memory_order_relaxed);

        if (bits != 0) {
            uint32_t page = word * 64 + (uint32_t)__builtin_ctzll(bits);

            atomic_store_explicit(&arena->hand, page + 1, memory_order_relaxed);
            return page;
        }
        word = word + 1 < words ? word + 1 : 0;
        mask = ~UINT64_C(0);
    }
    return 0;
}
