/*
 * Sorting references by the bytes of their keys: in place, 12 bytes a key, linear in the number
 * of keys and in the bytes that tell them apart. Private to core/.
 */
#ifndef SR_CORE_KEY_SORT_H
#define SR_CORE_KEY_SORT_H

#include "core/arena.h"

#include <stddef.h>
#include <stdint.h>

struct key_sort_item {
    uint32_t word[2]; /* workspace: eight bytes of the key, big-endian, the first ones in [0] */
    counters_ref ref;
};

/* Sorts by sr_span_compare of the entries' keys, which must differ and must not go away. */
void key_sort(const struct arena *arena, struct key_sort_item *items, size_t count);

#endif
