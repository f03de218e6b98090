/*
 * The index of one shard: hash -> entry. Open addressing in which the slots stand in order of
 * their hashes, so that a search ends at the first larger one and growth is one pass in place.
 * All calls run under the shard's lock unless said. Private to core/.
 *
 *   slots | homes: where a hash of 0 to 2^32-1 would like to stand | slack |
 *         0                                                       homes   count
 *
 * An entry stands at its home or, in order, behind those that were pushed over it. The slack
 * takes what is pushed beyond the last home; the last slot of all stays empty and ends every
 * search.
 */
#ifndef SR_CORE_SHARD_INDEX_H
#define SR_CORE_SHARD_INDEX_H

#include "core/counters.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHARD_INDEX_STEP 4096U /* bytes it grows by, or a multiple */
#define SHARD_INDEX_STEP_SLOTS (SHARD_INDEX_STEP / 8U)

struct shard_index_slot {
    uint32_t hash;    /* the low half of the key's */
    counters_ref ref; /* 0: empty */
};

struct shard_index {
    struct shard_index_slot *slots; /* address space of its owner, zero beyond count */
    uint32_t count;                 /* slots in use, a multiple of the step's */
    _Atomic uint32_t homes;         /* count less the slack; 0 while count is 0; atomic only so
                                       that shard_index_home may be asked without the lock */
    uint32_t keys;
};

/* Where a hash would like to stand. Without the lock: where it would have, for the memory
 * behind it stays the index's. */
static inline struct shard_index_slot *shard_index_home(const struct shard_index *index,
                                                        uint32_t hash)
{
    uint32_t homes = atomic_load_explicit(&index->homes, memory_order_relaxed);

    return index->slots + (((uint64_t)hash * homes) >> 32);
}

/* The first slot that may hold this hash; run on while the hash is the same. */
static inline struct shard_index_slot *shard_index_first(const struct shard_index *index,
                                                         uint32_t hash)
{
    struct shard_index_slot *slot = shard_index_home(index, hash);

    while (slot->ref != 0 && slot->hash < hash) {
        slot++;
    }
    return slot;
}

/* Whether one more key is too many for the slots there are. */
bool shard_index_is_full(const struct shard_index *index);

/* Inserts; false, and nothing changed, where the slack is used up: grow and try again. */
bool shard_index_insert(struct shard_index *index, uint32_t hash, counters_ref ref);

/* Removes the slot of a reference, which must be there. */
void shard_index_remove(struct shard_index *index, uint32_t hash, counters_ref ref);

/* Lets the slot of `from` name `to`. */
void shard_index_rename(struct shard_index *index, uint32_t hash, counters_ref from,
                        counters_ref to);

/* Grows to `count` slots, whose memory is there and zero. */
void shard_index_grow(struct shard_index *index, uint32_t count);

/* Whether the slots are in order, within reach of their homes and counted. */
bool shard_index_valid(const struct shard_index *index);

#endif
