/*
 * Keys that are announced before they are asked for.
 */
#include "server/engine_internal.h"

#include <assert.h>
#include <string.h>

static_assert(sizeof(struct engine_announced) == 64, "a cache line");

static void keep(struct engine_announced *announced, struct sr_span key, uint64_t hash)
{
    announced->hash = hash;
    announced->size = 0;
    if (key.size <= sizeof(announced->key)) {
        announced->size = (uint16_t)key.size;
        memcpy(announced->key, key.data, key.size);
    }
}

void engine_prefetch(struct engine_worker *w, const struct sr_span *keys, uint32_t count)
{
    uint64_t hashes[ENGINE_PREFETCH_MAX];

    counters_prefetch(w->engine->options.counters, keys, count, hashes);
    for (uint32_t i = 0; i < count; i++) {
        keep(&w->announced[i], keys[i], hashes[i]);
    }
    w->announced_count = count;
    w->announced_next = 0;
}

/* By the key's bytes, not by where they lie: whatever was announced, the hash is the key's. */
uint64_t engine_hash(struct engine_worker *w, struct sr_span key)
{
    const struct engine_announced *next = &w->announced[w->announced_next];

    if (w->announced_next < w->announced_count && next->size == key.size &&
        memcmp(next->key, key.data, key.size) == 0) {
        w->announced_next++;
        return next->hash;
    }
    return counters_hash(w->engine->options.counters, key);
}
