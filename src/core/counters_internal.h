/*
 * What the files of the counter table share: the table, its shards, and the steps of an entry's
 * life, each to be taken under the lock of the entry's shard. Private to core/.
 */
#ifndef SR_CORE_COUNTERS_INTERNAL_H
#define SR_CORE_COUNTERS_INTERNAL_H

#include "core/arena.h"
#include "core/counters.h"
#include "core/entry.h"
#include "core/shard_index.h"
#include "core/slab.h"

#include "base/check.h"

#include <pthread.h>
#include <stdatomic.h>

#define COUNTERS_SHARDS_MAX 16384U

/* One lock's part of the table. Who takes several takes them by ascending number. */
struct shard {
    pthread_mutex_t
        lock; /* guards all below, the shard's pages and entries; before the arena's */
    struct shard_index index;
    uint64_t evictions;
    uint32_t dirty[2]; /* touched slots by parity */
    uint32_t loading;
    uint16_t number;
    struct slab slab;
} __attribute__((aligned(64)));

struct counters {
    struct sr_siphash_key hash_key;
    uint32_t shard_count;
    unsigned shard_shift;     /* hash >> shift >> 1 is the number of its shard */
    uint32_t index_slots_max; /* a shard's, by its address space */
    size_t index_bytes;       /* address space of all indexes */
    struct shard_index_slot *index_slots;
    struct shard *shards;
    _Atomic uint64_t open_epoch; /* o; written by the flusher */
    _Atomic uint64_t applied;    /* D; written by the flusher */
    struct arena arena;
};

static inline void shard_lock(struct shard *shard)
{
    SR_CHECK(pthread_mutex_lock(&shard->lock) == 0);
}

static inline void shard_unlock(struct shard *shard)
{
    SR_CHECK(pthread_mutex_unlock(&shard->lock) == 0);
}

static inline uint32_t counters_shard_number(const struct counters *c, uint64_t hash)
{
    return (uint32_t)(hash >> c->shard_shift >> 1);
}

static inline struct shard *counters_shard_of_hash(const struct counters *c, uint64_t hash)
{
    return &c->shards[counters_shard_number(c, hash)];
}

/* The shard of an entry that cannot go away. */
static inline struct shard *counters_shard_of_ref(const struct counters *c, counters_ref ref)
{
    return &c->shards[arena_page_shard(arena_page_of(&c->arena, ref))];
}

static inline uint64_t counters_open_now(const struct counters *c)
{
    return atomic_load_explicit(&c->open_epoch, memory_order_acquire);
}

/* Changes an entry's flags and what is counted of them by page. */
static inline void counters_set_flags(struct counters *c, counters_ref ref, struct entry *e,
                                      unsigned flags)
{
    struct slab *slab = &counters_shard_of_ref(c, ref)->slab;
    bool was_held = (entry_flags(e) & ENTRY_HELD) != 0;
    bool is_held = (flags & ENTRY_HELD) != 0;

    atomic_store_explicit(&e->flags, (uint16_t)flags, memory_order_relaxed);
    if (is_held && !was_held) {
        slab_clean_less(slab, &c->arena, arena_page_number(ref));
    }
    if (was_held && !is_held) {
        slab_clean_more(slab, &c->arena, arena_page_number(ref));
    }
}

/* Has the entry that a hash most likely belongs to on its way into the caches. */
void counters_prefetch_entry(const struct counters *c, const struct shard *shard,
                             uint64_t hash);

/* The entry of a key, 0 where there is none. */
counters_ref counters_find(const struct counters *c, const struct shard *shard,
                           struct sr_span key, uint64_t hash);

/* Makes the entry of a key that has none, with one pin, so that it is held. 0: no room. */
counters_ref counters_create(struct counters *c, struct shard *shard, struct sr_span key,
                             uint64_t hash);

/* Removes a clean entry. */
void counters_evict(struct counters *c, struct shard *shard, counters_ref ref);

/* Moves the entries of a page to other pages of its shard and frees it, where that is possible:
 * none is named by anybody and the others have room. */
void counters_empty_page(struct counters *c, struct shard *shard, uint32_t number);

/* Marks the slot of a parity as touched, or as completed, for collect and the counts. */
void counters_mark_dirty(struct counters *c, struct shard *shard, counters_ref ref,
                         unsigned parity);
void counters_mark_completed(struct counters *c, struct shard *shard, counters_ref ref,
                             unsigned parity);

/*
 * Evicts until a page is free or an entry of this shard and key size, without a lock held.
 * False where nothing can be evicted, or too much had to be without that.
 */
bool counters_make_room(struct counters *c, struct shard *shard, size_t key_size);

#endif
