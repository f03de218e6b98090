/*
 * Sorting references by the bytes of their keys: in place, 12 bytes a key, linear in the number
 * of keys and in the bytes that tell them apart. Pure.
 */
#ifndef SR_CORE_KEY_SORT_H
#define SR_CORE_KEY_SORT_H

#include "base/span.h"

#include <stddef.h>
#include <stdint.h>

struct key_sort_item {
    uint32_t word[2]; /* workspace: eight bytes of the key, big-endian, the first ones in [0] */
    uint32_t ref;
};

/* Where the key of a reference is. It must not change or go away meanwhile. */
struct key_sort_keys {
    struct sr_span (*key_of)(const void *owner, uint32_t ref);
    const void *owner;
};

/* Sorts by sr_span_compare of the keys, each at most SR_KEY_SIZE_MAX bytes. References of equal
 * keys end up beside each other, in any order. */
void key_sort(const struct key_sort_keys *keys, struct key_sort_item *items, size_t count);

#endif
