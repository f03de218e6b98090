/*
 * The index of one shard: slots in order of their hashes.
 */
#include "core/shard_index.h"

#include "base/check.h"

#include <assert.h>
#include <string.h>

/*
 * With 85 of 100 homes taken the distance that a slot is pushed by has a tail of e^(-d/3): 64
 * is beyond the last home once in 10^9 tables, and then the table grows a little early.
 */
#define SLACK 64U
#define FULL_PERCENT 85U

static_assert(sizeof(struct shard_index_slot) * SHARD_INDEX_STEP_SLOTS == SHARD_INDEX_STEP,
              "slots fill a step");

static uint32_t home_of(uint32_t hash, uint32_t homes)
{
    return (uint32_t)(((uint64_t)hash * homes) >> 32);
}

bool shard_index_is_full(const struct shard_index *index)
{
    return ((uint64_t)index->keys + 1) * 100 > (uint64_t)index->homes * FULL_PERCENT;
}

bool shard_index_insert(struct shard_index *index, uint32_t hash, counters_ref ref)
{
    struct shard_index_slot *at = shard_index_first(index, hash);
    struct shard_index_slot *end = at;

    SR_CHECK(ref != 0);
    while (end->ref != 0) {
        end++;
    }
    if (end + 1 == index->slots + index->count) {
        return false;
    }
    memmove(at + 1, at, (size_t)(end - at) * sizeof(*at));
    *at = (struct shard_index_slot){.hash = hash, .ref = ref};
    index->keys++;
    return true;
}

static struct shard_index_slot *find(const struct shard_index *index, uint32_t hash,
                                     counters_ref ref)
{
    struct shard_index_slot *at = shard_index_first(index, hash);

    while (at->ref != ref) {
        SR_CHECK(at->ref != 0 && at->hash == hash);
        at++;
    }
    return at;
}

void shard_index_remove(struct shard_index *index, uint32_t hash, counters_ref ref)
{
    struct shard_index_slot *at = find(index, hash, ref);
    struct shard_index_slot *end = at + 1;

    /* Those behind it that are not at home move up. */
    while (end->ref != 0 && home_of(end->hash, index->homes) < end - index->slots) {
        end++;
    }
    memmove(at, at + 1, (size_t)(end - at - 1) * sizeof(*at));
    end[-1] = (struct shard_index_slot){.ref = 0};
    index->keys--;
}

void shard_index_rename(struct shard_index *index, uint32_t hash, counters_ref from,
                        counters_ref to)
{
    find(index, hash, from)->ref = to;
}

/*
 * Growth needs no check for room at the end: a home is n * (1 - hash / 2^32), rounded up,
 * before the end of n homes, so with more of them nothing comes to stand further beyond it.
 */
void shard_index_grow(struct shard_index *index, uint32_t count)
{
    struct shard_index_slot *slots = index->slots;
    uint32_t homes = count - SLACK;
    uint32_t packed = count;
    uint32_t next = 0;

    SR_CHECK(count > index->count && count % SHARD_INDEX_STEP_SLOTS == 0);
    /* Pack to the end, then deal out from the front: what fits in all, fits at every step. */
    for (uint32_t i = index->count; i-- > 0;) {
        if (slots[i].ref != 0) {
            struct shard_index_slot slot = slots[i];

            slots[i].ref = 0;
            slots[--packed] = slot;
        }
    }
    for (uint32_t i = packed; i < count; i++) {
        struct shard_index_slot slot = slots[i];
        uint32_t home = home_of(slot.hash, homes);

        slots[i].ref = 0;
        next = home > next ? home : next;
        SR_CHECK(next <= i);
        slots[next++] = slot;
    }
    SR_CHECK(next < count);
    index->count = count;
    atomic_store_explicit(&index->homes, homes, memory_order_relaxed);
}

bool shard_index_valid(const struct shard_index *index)
{
    uint32_t keys = 0;
    uint32_t next = 0; /* the first position that the slots before leave free */

    for (uint32_t i = 0; i < index->count; i++) {
        const struct shard_index_slot *slot = &index->slots[i];
        uint32_t home = home_of(slot->hash, index->homes);

        if (slot->ref == 0) {
            continue;
        }
        if (i != (home > next ? home : next)) {
            return false;
        }
        if (keys > 0 && next == i && index->slots[i - 1].hash > slot->hash) {
            return false;
        }
        keys++;
        next = i + 1;
    }
    return keys == index->keys && (index->count == 0 || next < index->count);
}
