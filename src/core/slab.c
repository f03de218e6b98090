/*
 * The entries of one shard by size class.
 */
#include "core/slab.h"

#include "base/check.h"

/* Steps of 8 bytes while small, then what divides a page with little left over. */
static const uint16_t class_sizes[] = {
    48,  56,  64,  72,  80,  88,  96,  104, 112, 120, 128, 144, 160, 176,
    192, 208, 224, 240, 256, 272, 288, 312, 336, 368, 408, 448, 512, 576,
};

static_assert(sizeof(class_sizes) / sizeof(class_sizes[0]) == SLAB_CLASSES, "one count");
static_assert(ARENA_PAGE_SIZE / 48 <= ARENA_PAGE_ENTRIES_MAX, "a bit for each entry");

size_t slab_entry_size(unsigned size_class)
{
    SR_CHECK(size_class < SLAB_CLASSES);
    return class_sizes[size_class];
}

unsigned slab_page_entries(unsigned size_class)
{
    return ARENA_PAGE_SIZE / (unsigned)slab_entry_size(size_class);
}

uint8_t slab_class(size_t key_size)
{
    size_t size = sizeof(struct entry) + key_size;
    uint8_t size_class = 0;

    SR_CHECK(key_size >= 1 && key_size <= SR_KEY_SIZE_MAX);
    if (size <= 128) {
        return size <= 48 ? 0 : (uint8_t)((size - 48 + 7) / 8);
    }
    size_class = 11;
    while (class_sizes[size_class] < size) {
        size_class++;
    }
    return size_class;
}

unsigned slab_position(const struct arena *arena, counters_ref ref)
{
    unsigned size_class = arena_page_of(arena, ref)->size_class;

    return ref % ARENA_PAGE_STEPS * ARENA_STEP / (unsigned)slab_entry_size(size_class);
}

counters_ref slab_ref(const struct arena *arena, uint32_t page, unsigned position)
{
    unsigned size = (unsigned)slab_entry_size(arena->pages[page].size_class);

    return page * ARENA_PAGE_STEPS + position * size / ARENA_STEP;
}

static void list_insert(struct slab *slab, struct arena *arena, uint32_t number)
{
    struct arena_page *page = &arena->pages[number];
    uint32_t *head = &slab->with_room[page->size_class];

    page->prev = 0;
    page->next = *head;
    if (*head != 0) {
        arena->pages[*head].prev = number;
    }
    *head = number;
}

static void list_remove(struct slab *slab, struct arena *arena, uint32_t number)
{
    struct arena_page *page = &arena->pages[number];

    if (page->next != 0) {
        arena->pages[page->next].prev = page->prev;
    }
    if (page->prev != 0) {
        arena->pages[page->prev].next = page->next;
    } else {
        SR_CHECK(slab->with_room[page->size_class] == number);
        slab->with_room[page->size_class] = page->next;
    }
}

static unsigned free_position(const struct arena_page *page)
{
    unsigned word = 0;

    while (page->live.words[word] == UINT32_MAX) {
        word++;
    }
    return word * 32 + (unsigned)__builtin_ctz(~page->live.words[word]);
}

counters_ref slab_take(struct slab *slab, struct arena *arena, uint16_t shard,
                       uint8_t size_class)
{
    uint32_t number = slab->with_room[size_class];
    struct arena_page *page;
    unsigned position;

    if (number == 0) {
        number = arena_take(arena, shard, size_class);
        if (number == 0) {
            return 0;
        }
        list_insert(slab, arena, number);
        slab->room[size_class] += slab_page_entries(size_class);
    }
    page = &arena->pages[number];
    position = free_position(page);
    SR_CHECK(position < slab_page_entries(size_class));
    arena_set_bit(&page->live, position);
    page->live_count++;
    slab->room[size_class]--;
    if (page->live_count == slab_page_entries(size_class)) {
        list_remove(slab, arena, number);
    }
    return slab_ref(arena, number, position);
}

/* Takes a page with room out of the list. */
static void unlist(struct slab *slab, struct arena *arena, uint32_t number)
{
    struct arena_page *page = &arena->pages[number];
    unsigned room = slab_page_entries(page->size_class) - page->live_count;

    SR_CHECK(room > 0 && slab->room[page->size_class] >= room);
    list_remove(slab, arena, number);
    slab->room[page->size_class] -= room;
}

void slab_give(struct slab *slab, struct arena *arena, counters_ref ref)
{
    uint32_t number = arena_page_number(ref);
    struct arena_page *page = &arena->pages[number];
    unsigned position = slab_position(arena, ref);

    SR_CHECK(arena_has_bit(&page->live, position));
    if (page->live_count == slab_page_entries(page->size_class)) {
        list_insert(slab, arena, number);
    }
    arena_clear_bit(&page->live, position);
    page->live_count--;
    slab->room[page->size_class]++;
    if (page->live_count == 0) {
        unlist(slab, arena, number);
        arena_give(arena, number);
    }
}

void slab_clean_more(struct slab *slab, struct arena *arena, uint32_t number)
{
    struct arena_page *page = &arena->pages[number];
    uint32_t *ring = &slab->with_clean[page->size_class];

    if (page->clean_count++ > 0) {
        return;
    }
    /* Behind all others: it is the last to be evicted from. */
    if (*ring == 0) {
        *ring = number;
        page->clean_prev = number;
    } else {
        page->clean_prev = arena->pages[*ring].clean_prev;
    }
    page->clean_next = *ring;
    arena->pages[page->clean_prev].clean_next = number;
    arena->pages[*ring].clean_prev = number;
    arena_set_evictable(arena, number, true);
}

void slab_clean_less(struct slab *slab, struct arena *arena, uint32_t number)
{
    struct arena_page *page = &arena->pages[number];
    uint32_t *ring = &slab->with_clean[page->size_class];

    SR_CHECK(page->clean_count > 0);
    if (--page->clean_count > 0) {
        return;
    }
    if (*ring == number) {
        *ring = page->clean_next != number ? page->clean_next : 0;
    }
    arena->pages[page->clean_prev].clean_next = page->clean_next;
    arena->pages[page->clean_next].clean_prev = page->clean_prev;
    arena_set_evictable(arena, number, false);
}

uint32_t slab_next_clean(struct slab *slab, const struct arena *arena, uint8_t size_class)
{
    uint32_t number = slab->with_clean[size_class];

    if (number != 0) {
        slab->with_clean[size_class] = arena->pages[number].clean_next;
    }
    return number;
}

bool slab_can_empty(const struct slab *slab, const struct arena *arena, uint32_t number)
{
    const struct arena_page *page = &arena->pages[number];
    unsigned room = slab_page_entries(page->size_class) - page->live_count;

    return room > 0 && slab->room[page->size_class] - room >= page->live_count;
}

void slab_set_aside(struct slab *slab, struct arena *arena, uint32_t number)
{
    unlist(slab, arena, number);
}

void slab_drop(struct arena *arena, uint32_t number)
{
    struct arena_page *page = &arena->pages[number];

    page->live = (struct arena_bits){{0}};
    page->live_count = 0;
    arena_give(arena, number);
}
