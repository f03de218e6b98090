/*
 * The counter table as a whole: opening, closing, counting.
 */
#include "core/counters.h"

#include "base/memory.h"
#include "core/counters_internal.h"

#include <stdlib.h>

#define SHARDS_USUAL_MAX 256U
#define SHARD_BYTES_MIN ((size_t)16 << 10)

/*
 * A shard for each MiB, so that half-filled pages of many size classes do not add up to much,
 * at most 256; beyond that one for 4 MiB, so that an index grows in less than a millisecond.
 */
static uint32_t usual_shard_count(size_t memory_max)
{
    size_t wanted = memory_max >> 20;
    uint32_t count = 1;

    if (wanted > SHARDS_USUAL_MAX) {
        wanted = memory_max >> 22 > SHARDS_USUAL_MAX ? memory_max >> 22 : SHARDS_USUAL_MAX;
    }
    while ((size_t)count * 2 <= wanted) {
        count *= 2;
    }
    return count;
}

static enum sr_result check_options(const struct counters_options *options, struct sr_err *err)
{
    uint32_t shards = options->shard_count;

    if (options->memory_max < COUNTERS_MEMORY_MIN ||
        options->memory_max > COUNTERS_MEMORY_MAX) {
        return sr_fail(err, SR_INVALID,
                       "the counter table's memory must be %zu to %zu bytes, not %zu",
                       COUNTERS_MEMORY_MIN, COUNTERS_MEMORY_MAX, options->memory_max);
    }
    if ((shards & (shards - 1)) != 0 || shards > COUNTERS_SHARDS_MAX ||
        shards > options->memory_max / SHARD_BYTES_MIN) {
        return sr_fail(err, SR_INVALID,
                       "the counter table's shards must be a power of two, at most %u and one "
                       "for each %zu bytes of its memory, not %u",
                       COUNTERS_SHARDS_MAX, SHARD_BYTES_MIN, shards);
    }
    return SR_OK;
}

/*
 * Address space for the index of each shard: twice what it takes when the whole memory holds
 * the smallest entries, evenly, since keyed hashes keep shards alike; and something for small
 * ones.
 */
static uint32_t index_slots_max(const struct counters *c, size_t memory_max)
{
    size_t keys = memory_max / slab_entry_size(0) / c->shard_count;

    return (uint32_t)sr_round_up(keys * 2, SHARD_INDEX_STEP_SLOTS) + 8 * SHARD_INDEX_STEP_SLOTS;
}

static void init_shards(struct counters *c)
{
    for (uint32_t i = 0; i < c->shard_count; i++) {
        struct shard *shard = &c->shards[i];

        SR_CHECK(pthread_mutex_init(&shard->lock, NULL) == 0);
        shard->number = (uint16_t)i;
        shard->index.slots = c->index_slots + (size_t)i * c->index_slots_max;
    }
}

static size_t shards_bytes(const struct counters *c)
{
    return c->shard_count * sizeof(struct shard);
}

enum sr_result counters_open(const struct counters_options *options,
                             struct counters **ret_counters, struct sr_err *err)
{
    enum sr_result result = check_options(options, err);
    struct counters *c;

    if (result != SR_OK) {
        return result;
    }
    c = calloc(1, sizeof(*c));
    if (c == NULL) {
        return sr_fail(err, SR_NO_MEMORY, "no memory for the counter table");
    }
    c->hash_key = options->hash_key;
    c->shard_count = options->shard_count != 0 ? options->shard_count
                                               : usual_shard_count(options->memory_max);
    c->shard_shift = 63U - (unsigned)__builtin_ctz(c->shard_count);
    c->index_slots_max = index_slots_max(c, options->memory_max);
    c->index_bytes =
        (size_t)c->index_slots_max * c->shard_count * sizeof(struct shard_index_slot);
    result = arena_init(&c->arena, options->memory_max, sizeof(*c) + shards_bytes(c), err);
    if (result != SR_OK) {
        free(c);
        return result;
    }
    c->shards = sr_pages_alloc(shards_bytes(c));
    c->index_slots = sr_pages_alloc(c->index_bytes);
    if (c->shards == NULL || c->index_slots == NULL) {
        sr_pages_free(c->shards, shards_bytes(c));
        sr_pages_free(c->index_slots, c->index_bytes);
        arena_done(&c->arena);
        free(c);
        return sr_fail(err, SR_NO_MEMORY, "no address space for the counter table's index");
    }
    init_shards(c);
    *ret_counters = c;
    return SR_OK;
}

void counters_close(struct counters **counters)
{
    struct counters *c = *counters;

    if (c == NULL) {
        return;
    }
    for (uint32_t i = 0; i < c->shard_count; i++) {
        SR_CHECK(pthread_mutex_destroy(&c->shards[i].lock) == 0);
    }
    sr_pages_free(c->shards, shards_bytes(c));
    sr_pages_free(c->index_slots, c->index_bytes);
    arena_done(&c->arena);
    free(c);
    *counters = NULL;
}

uint64_t counters_hash(const struct counters *c, struct sr_span key)
{
    return sr_siphash13(&c->hash_key, key);
}

void counters_stats(struct counters *c, struct counters_stats *ret_stats)
{
    struct counters_stats stats = {.shard_count = c->shard_count};

    for (uint32_t i = 0; i < c->shard_count; i++) {
        struct shard *shard = &c->shards[i];

        shard_lock(shard);
        stats.keys += shard->index.keys;
        stats.dirty[0] += shard->dirty[0];
        stats.dirty[1] += shard->dirty[1];
        stats.loading += shard->loading;
        stats.evictions += shard->evictions;
        shard_unlock(shard);
    }
    stats.memory_bytes = atomic_load_explicit(&c->arena.used, memory_order_relaxed);
    stats.memory_max_bytes = c->arena.used_max;
    *ret_stats = stats;
}
