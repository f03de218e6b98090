/*
 * The entries of one shard by size class: which pages have room, which entries of a page are in
 * use. All calls run under the shard's lock. Private to core/.
 */
#ifndef SR_CORE_SLAB_H
#define SR_CORE_SLAB_H

#include "core/arena.h"

#define SLAB_CLASSES 28U

struct slab {
    uint32_t with_room[SLAB_CLASSES];  /* first page of the list, 0: none */
    uint32_t room[SLAB_CLASSES];       /* free entries in the list's pages */
    uint32_t with_clean[SLAB_CLASSES]; /* the page of the ring to evict from next, 0: none */
};

/* Bytes of an entry of a class. */
size_t slab_entry_size(unsigned size_class);

/* How many entries a page of a class holds. */
unsigned slab_page_entries(unsigned size_class);

/* The smallest class for an entry with a key of key_size bytes. */
uint8_t slab_class(size_t key_size);

/* The number of an entry within its page. */
unsigned slab_position(const struct arena *arena, counters_ref ref);

/* The entry of that number. */
counters_ref slab_ref(const struct arena *arena, uint32_t page, unsigned position);

/* Takes an entry, with a page from the arena where no other has room; 0 when there is none. */
counters_ref slab_take(struct slab *slab, struct arena *arena, uint16_t shard,
                       uint8_t size_class);

/* Gives an entry back, and with the last one of a page the page. */
void slab_give(struct slab *slab, struct arena *arena, counters_ref ref);

/* Counts one clean entry more, or less, in a page. */
void slab_clean_more(struct slab *slab, struct arena *arena, uint32_t number);
void slab_clean_less(struct slab *slab, struct arena *arena, uint32_t number);

/* The pages of a class with clean entries, one after the other; 0: there is none. */
uint32_t slab_next_clean(struct slab *slab, const struct arena *arena, uint8_t size_class);

/*
 * Emptying a page by moving its entries to others of its class, where they have the room for
 * it: set it aside, so that slab_take chooses others, take an entry for each live one, then
 * drop it.
 */
bool slab_can_empty(const struct slab *slab, const struct arena *arena, uint32_t number);
void slab_set_aside(struct slab *slab, struct arena *arena, uint32_t number);
void slab_drop(struct arena *arena, uint32_t number);

#endif
