/*
 * A hash map of changes, whose additions wait in a ring until their places are in the caches.
 */
#include "journal/merge_table.h"

#include "base/check.h"
#include "base/memory.h"
#include "base/random.h"
#include "core/key_sort.h"
#include "journal/merge_output.h"

#include <stdlib.h>
#include <string.h>

/* Additions that wait, and after how many more an addition's item and its key are asked for. A
 * few dozen instructions lie between two additions, some hundred cycles between a place in
 * memory and the processor. */
#define RING 32U
#define ITEM_AFTER 12U
#define KEY_AFTER 22U

struct item {
    sr_wide value;
    uint32_t key_at; /* in the key arena */
    uint16_t key_size;
    uint8_t kind;
    uint32_t generation;
};

struct addition {
    struct sr_change change; /* its key is in `key` */
    size_t slot;
    uint8_t key[SR_KEY_SIZE_MAX];
};

/*
 * memory: | index: 4 bytes a slot | items | order | keys |
 */
struct merge_table {
    uint32_t *index; /* item number + 1, 0 is free; power of two */
    size_t index_slots;
    struct item *items;
    size_t item_count, items_max;
    struct key_sort_item *order; /* after sorting: the items' numbers */
    bool generations;            /* an item has one: keys may be there several times */
    uint8_t *keys;
    size_t keys_size, keys_max;
    struct sr_siphash_key hash_key;
    uint64_t added, merged; /* the additions from `merged` on wait in the ring */
    size_t waiting_key_bytes;
    struct addition ring[RING];
};

static size_t power_below(size_t value)
{
    size_t power = 1;

    while (power * 2 <= value) {
        power *= 2;
    }
    return power;
}

enum sr_result merge_table_new(size_t memory_max, struct merge_table **ret_table,
                               struct sr_err *err)
{
    struct merge_table *t = calloc(1, sizeof(*t));
    enum sr_result result;

    if (t == NULL) {
        return sr_fail(err, SR_NO_MEMORY, "out of memory merging the journal");
    }
    t->items_max = memory_max / 104;
    t->keys_max = memory_max / 16 * 7;
    t->index_slots = power_below(memory_max / 32);
    t->index = sr_pages_alloc(t->index_slots * sizeof(*t->index));
    t->items = sr_pages_alloc(t->items_max * sizeof(*t->items));
    t->order = sr_pages_alloc(t->items_max * sizeof(*t->order));
    t->keys = sr_pages_alloc(t->keys_max);
    result = sr_random_bytes(&t->hash_key, sizeof(t->hash_key), err);
    if (t->index == NULL || t->items == NULL || t->order == NULL || t->keys == NULL) {
        result = sr_fail(err, SR_NO_MEMORY, "out of memory merging the journal");
    }
    if (result != SR_OK) {
        merge_table_free(&t);
        return result;
    }
    SR_CHECK(t->items_max >= RING && t->items_max * 4 <= t->index_slots * 3);
    *ret_table = t;
    return SR_OK;
}

void merge_table_free(struct merge_table **table)
{
    struct merge_table *t = *table;

    if (t == NULL) {
        return;
    }
    sr_pages_free(t->index, t->index_slots * sizeof(*t->index));
    sr_pages_free(t->items, t->items_max * sizeof(*t->items));
    sr_pages_free(t->order, t->items_max * sizeof(*t->order));
    sr_pages_free(t->keys, t->keys_max);
    free(t);
    *table = NULL;
}

static size_t waiting(const struct merge_table *t)
{
    return (size_t)(t->added - t->merged);
}

size_t merge_table_count(const struct merge_table *t)
{
    return t->item_count + waiting(t);
}

/* As if no two additions had the same key. */
static bool has_room(const struct merge_table *t, size_t key_size)
{
    return merge_table_count(t) < t->items_max &&
           t->keys_size + t->waiting_key_bytes + key_size <= t->keys_max;
}

static struct sr_span item_key(const struct merge_table *t, const struct item *item)
{
    return (struct sr_span){.data = t->keys + item->key_at, .size = item->key_size};
}

static struct sr_change item_change(const struct merge_table *t, const struct item *item)
{
    return (struct sr_change){.key = item_key(t, item),
                              .value = item->value,
                              .generation = item->generation,
                              .kind = (enum sr_change_kind)item->kind};
}

static void insert(struct merge_table *t, size_t slot, const struct sr_change *change)
{
    struct item *item = &t->items[t->item_count];

    memcpy(t->keys + t->keys_size, change->key.data, change->key.size);
    *item = (struct item){.value = change->value,
                          .key_at = (uint32_t)t->keys_size,
                          .key_size = (uint16_t)change->key.size,
                          .kind = (uint8_t)change->kind,
                          .generation = change->generation};
    t->keys_size += change->key.size;
    t->item_count++;
    t->generations |= change->generation != 0;
    t->index[slot] = (uint32_t)t->item_count;
}

static void merge_into(struct merge_table *t, struct item *item, const struct sr_change *change)
{
    struct sr_change merged = item_change(t, item);

    sr_change_merge(&merged, change);
    item->value = merged.value;
    item->kind = (uint8_t)merged.kind;
    item->generation = merged.generation;
}

static void merge(struct merge_table *t, size_t slot, const struct sr_change *change)
{
    while (t->index[slot] != 0) {
        struct item *item = &t->items[t->index[slot] - 1];

        if (item->generation == change->generation &&
            sr_span_equal(item_key(t, item), change->key)) {
            merge_into(t, item, change);
            return;
        }
        slot = (slot + 1) & (t->index_slots - 1);
    }
    insert(t, slot, change);
}

static void merge_oldest(struct merge_table *t)
{
    const struct addition *oldest = &t->ring[t->merged % RING];

    t->waiting_key_bytes -= oldest->change.key.size;
    t->merged++;
    merge(t, oldest->slot, &oldest->change);
}

/* The item that the addition's first slot names, NULL for none. A hint: it may be another's. */
static const struct item *item_ahead(const struct merge_table *t, uint64_t addition)
{
    uint32_t number = t->index[t->ring[addition % RING].slot];

    return number == 0 ? NULL : &t->items[number - 1];
}

static void look_ahead(const struct merge_table *t)
{
    const struct item *item;

    if (waiting(t) > ITEM_AFTER && (item = item_ahead(t, t->added - 1 - ITEM_AFTER)) != NULL) {
        __builtin_prefetch(item, 1);
    }
    if (waiting(t) > KEY_AFTER && (item = item_ahead(t, t->added - 1 - KEY_AFTER)) != NULL) {
        __builtin_prefetch(t->keys + item->key_at);
    }
}

bool merge_table_add(struct merge_table *t, const struct sr_change *change)
{
    struct addition *addition = &t->ring[t->added % RING];

    SR_CHECK(change->key.size > 0 && change->key.size <= SR_KEY_SIZE_MAX);
    if (!has_room(t, change->key.size)) {
        return false;
    }
    if (waiting(t) == RING) {
        merge_oldest(t);
    }
    memcpy(addition->key, change->key.data, change->key.size);
    addition->change = *change;
    addition->change.key.data = addition->key;
    addition->slot = sr_siphash13(&t->hash_key, change->key) & (t->index_slots - 1);
    __builtin_prefetch(&t->index[addition->slot], 1);
    t->waiting_key_bytes += change->key.size;
    t->added++;
    look_ahead(t);
    return true;
}

static struct sr_span key_of_number(const void *table, uint32_t number)
{
    const struct merge_table *t = table;

    return item_key(t, &t->items[number]);
}

static int compare_orders(const void *a, const void *b, void *table)
{
    const struct merge_table *t = table;
    const struct key_sort_item *x = a;
    const struct key_sort_item *y = b;
    struct sr_change change_x = item_change(t, &t->items[x->ref]);
    struct sr_change change_y = item_change(t, &t->items[y->ref]);

    return merge_compare(&change_x, &change_y);
}

/* The keys are in order: now the generations of each. */
static void sort_generations(struct merge_table *t)
{
    for (size_t begin = 0, end; begin < t->item_count; begin = end) {
        struct sr_span key = key_of_number(t, t->order[begin].ref);

        end = begin + 1;
        while (end < t->item_count && sr_span_equal(key, key_of_number(t, t->order[end].ref))) {
            end++;
        }
        qsort_r(t->order + begin, end - begin, sizeof(*t->order), compare_orders, t);
    }
}

void merge_table_sort(struct merge_table *t)
{
    struct key_sort_keys keys = {.key_of = key_of_number, .owner = t};

    while (waiting(t) > 0) {
        merge_oldest(t);
    }
    for (size_t i = 0; i < t->item_count; i++) {
        t->order[i].ref = (uint32_t)i;
    }
    key_sort(&keys, t->order, t->item_count);
    if (t->generations) {
        sort_generations(t);
    }
}

/* The items lie as they came, not in order. */
static void look_ahead_in_order(const struct merge_table *t, size_t number)
{
    const struct item *item = &t->items[t->order[number + KEY_AFTER - ITEM_AFTER].ref];

    __builtin_prefetch(&t->items[t->order[number + KEY_AFTER].ref]);
    __builtin_prefetch(t->keys + item->key_at);
}

struct sr_change merge_table_at(const struct merge_table *t, size_t number)
{
    if (number + KEY_AFTER < t->item_count) {
        look_ahead_in_order(t, number);
    }
    return item_change(t, &t->items[t->order[number].ref]);
}

void merge_table_clear(struct merge_table *t)
{
    SR_CHECK(waiting(t) == 0);
    t->item_count = 0;
    t->keys_size = 0;
    t->generations = false;
    memset(t->index, 0, t->index_slots * sizeof(*t->index));
}
