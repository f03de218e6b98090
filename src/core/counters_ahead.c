/*
 * Bringing entries into the processor's caches before they are asked for.
 */
#include "core/counters_internal.h"

void counters_prefetch_entry(const struct counters *c, const struct shard *shard, uint64_t hash)
{
    const struct shard_index_slot *slot = shard_index_first(&shard->index, (uint32_t)hash);

    if (slot->ref != 0) {
        entry_prefetch(arena_entry(&c->arena, slot->ref));
    }
}

/* Passes over a shard that another thread is at: what is only a hint waits for nobody. */
static void prefetch_entry(const struct counters *c, uint64_t hash)
{
    struct shard *shard = counters_shard_of_hash(c, hash);

    if (pthread_mutex_trylock(&shard->lock) == 0) {
        counters_prefetch_entry(c, shard, hash);
        shard_unlock(shard);
    }
}

void counters_prefetch(struct counters *c, const struct sr_span *keys, uint32_t count,
                       uint64_t *ret_hashes)
{
    SR_CHECK(count <= COUNTERS_PREFETCH_MAX);
    for (uint32_t i = 0; i < count; i++) {
        const struct shard *shard;

        ret_hashes[i] = counters_hash(c, keys[i]);
        shard = counters_shard_of_hash(c, ret_hashes[i]);
        __builtin_prefetch(&shard->lock, 1);
        __builtin_prefetch(&shard->index.homes); /* the same line where a mutex is small */
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct shard *shard = counters_shard_of_hash(c, ret_hashes[i]);

        __builtin_prefetch(shard_index_home(&shard->index, (uint32_t)ret_hashes[i]));
    }
    for (uint32_t i = 0; i < count; i++) {
        prefetch_entry(c, ret_hashes[i]);
    }
}
