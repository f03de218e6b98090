/*
 * The sketch: entries in a min-heap by count, the least one at the root, and an index by hash
 * with linear probing, at most half full. Both name entries by number, which never moves.
 */
#include "core/hot_keys.h"

#include "base/check.h"
#include "base/limits.h"

#include <stdlib.h>
#include <string.h>

#define NOBODY UINT16_MAX
#define CAPACITY_MAX 32768U

struct hot_entry {
    double count, error;
    uint64_t hash;
    uint16_t heap_at; /* its place in the heap */
    uint16_t key_size;
    uint8_t key[SR_KEY_SIZE_MAX];
};

struct hot_keys {
    struct hot_entry *entries; /* owned: capacity */
    uint16_t *heap;            /* owned: capacity, of which count are used */
    uint16_t *index;           /* owned: index_mask + 1, NOBODY where free */
    uint32_t capacity, count, index_mask;
    double total;
};

enum sr_result hot_keys_open(uint32_t capacity, struct hot_keys **ret_hot, struct sr_err *err)
{
    struct hot_keys *h = calloc(1, sizeof(*h));
    uint32_t slots = 2;

    SR_CHECK(capacity >= 1 && capacity <= CAPACITY_MAX);
    while (slots < 2 * capacity) {
        slots *= 2;
    }
    if (h != NULL) {
        h->entries = calloc(capacity, sizeof(*h->entries));
        h->heap = calloc(capacity, sizeof(*h->heap));
        h->index = malloc(slots * sizeof(*h->index));
    }
    if (h == NULL || h->entries == NULL || h->heap == NULL || h->index == NULL) {
        hot_keys_close(&h);
        return sr_fail(err, SR_NO_MEMORY, "no memory for the %u hottest keys", capacity);
    }
    memset(h->index, 0xff, slots * sizeof(*h->index));
    h->capacity = capacity;
    h->index_mask = slots - 1;
    *ret_hot = h;
    return SR_OK;
}

void hot_keys_close(struct hot_keys **hot)
{
    if (*hot == NULL) {
        return;
    }
    free((*hot)->entries);
    free((*hot)->heap);
    free((*hot)->index);
    free(*hot);
    *hot = NULL;
}

/* ---- index ---- */

static bool holds_key(const struct hot_entry *e, struct sr_span key, uint64_t hash)
{
    return e->hash == hash && e->key_size == key.size &&
           memcmp(e->key, key.data, key.size) == 0;
}

/* The slot that names the key, or the free one where it belongs. */
static uint32_t find_slot(const struct hot_keys *h, struct sr_span key, uint64_t hash)
{
    uint32_t slot = (uint32_t)hash & h->index_mask;

    while (h->index[slot] != NOBODY && !holds_key(&h->entries[h->index[slot]], key, hash)) {
        slot = (slot + 1) & h->index_mask;
    }
    return slot;
}

/* Frees the slot and moves up what had to give way to it (Knuth 6.4, algorithm R). */
static void free_slot(struct hot_keys *h, uint32_t slot)
{
    uint32_t next = slot;

    for (;;) {
        uint32_t home;

        next = (next + 1) & h->index_mask;
        if (h->index[next] == NOBODY) {
            break;
        }
        home = (uint32_t)h->entries[h->index[next]].hash & h->index_mask;
        if (((next - home) & h->index_mask) >= ((next - slot) & h->index_mask)) {
            h->index[slot] = h->index[next];
            slot = next;
        }
    }
    h->index[slot] = NOBODY;
}

/* ---- heap ---- */

static double count_at(const struct hot_keys *h, uint32_t at)
{
    return h->entries[h->heap[at]].count;
}

static void place(struct hot_keys *h, uint32_t at, uint16_t number)
{
    h->heap[at] = number;
    h->entries[number].heap_at = (uint16_t)at;
}

static void sift_up(struct hot_keys *h, uint32_t at)
{
    uint16_t number = h->heap[at];
    double count = h->entries[number].count;

    while (at > 0 && count_at(h, (at - 1) / 2) > count) {
        place(h, at, h->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    place(h, at, number);
}

static void sift_down(struct hot_keys *h, uint32_t at)
{
    uint16_t number = h->heap[at];
    double count = h->entries[number].count;

    for (;;) {
        uint32_t child = 2 * at + 1;

        if (child + 1 < h->count && count_at(h, child + 1) < count_at(h, child)) {
            child++;
        }
        if (child >= h->count || count_at(h, child) >= count) {
            break;
        }
        place(h, at, h->heap[child]);
        at = child;
    }
    place(h, at, number);
}

/* ---- the sketch ---- */

static void write_key(struct hot_entry *e, struct sr_span key, uint64_t hash)
{
    memcpy(e->key, key.data, key.size);
    e->key_size = (uint16_t)key.size;
    e->hash = hash;
}

static void take_free_entry(struct hot_keys *h, struct sr_span key, uint64_t hash,
                            double weight)
{
    uint16_t number = (uint16_t)h->count++;
    struct hot_entry *e = &h->entries[number];

    h->index[find_slot(h, key, hash)] = number;
    write_key(e, key, hash);
    e->count = weight;
    e->error = 0;
    place(h, number, number);
    sift_up(h, number);
}

static void replace_least(struct hot_keys *h, struct sr_span key, uint64_t hash, double weight)
{
    uint16_t number = h->heap[0];
    struct hot_entry *e = &h->entries[number];
    struct sr_span old = {.data = e->key, .size = e->key_size};

    free_slot(h, find_slot(h, old, e->hash));
    h->index[find_slot(h, key, hash)] = number;
    write_key(e, key, hash);
    e->error = e->count;
    e->count += weight;
    sift_down(h, 0);
}

void hot_keys_add(struct hot_keys *h, struct sr_span key, uint64_t hash, double weight)
{
    uint32_t slot = find_slot(h, key, hash);

    SR_CHECK(weight > 0 && key.size >= 1 && key.size <= SR_KEY_SIZE_MAX);
    h->total += weight;
    if (h->index[slot] != NOBODY) {
        struct hot_entry *e = &h->entries[h->index[slot]];

        e->count += weight;
        sift_down(h, e->heap_at);
    } else if (h->count < h->capacity) {
        take_free_entry(h, key, hash, weight);
    } else {
        replace_least(h, key, hash, weight);
    }
}

void hot_keys_scale(struct hot_keys *h, double factor)
{
    SR_CHECK(factor >= 0 && factor <= 1);
    h->total *= factor;
    for (uint32_t i = 0; i < h->count; i++) {
        h->entries[i].count *= factor;
        h->entries[i].error *= factor;
    }
}

double hot_keys_total(const struct hot_keys *h)
{
    return h->total;
}

/* Inserts an entry into the first `count` of a descending list that may have `limit`. */
static uint32_t insert(struct hot_key *top, uint32_t count, uint32_t limit,
                       const struct hot_entry *e)
{
    uint32_t at = count < limit ? count : limit - 1;

    if (count == limit && top[at].count >= e->count) {
        return count;
    }
    for (; at > 0 && top[at - 1].count < e->count; at--) {
        top[at] = top[at - 1];
    }
    top[at] = (struct hot_key){.key = {.data = e->key, .size = e->key_size},
                               .count = e->count,
                               .error = e->error};
    return count < limit ? count + 1 : limit;
}

uint32_t hot_keys_top(const struct hot_keys *h, uint32_t limit, struct hot_key *ret_top)
{
    uint32_t count = 0;

    for (uint32_t i = 0; limit > 0 && i < h->count; i++) {
        count = insert(ret_top, count, limit, &h->entries[i]);
    }
    return count;
}

bool hot_keys_valid(const struct hot_keys *h)
{
    uint32_t named = 0;

    for (uint32_t at = 0; at < h->count; at++) {
        const struct hot_entry *e = &h->entries[h->heap[at]];
        struct sr_span key = {.data = e->key, .size = e->key_size};

        if (e->heap_at != at || e->error > e->count ||
            (at > 0 && count_at(h, (at - 1) / 2) > e->count) ||
            h->index[find_slot(h, key, e->hash)] != h->heap[at]) {
            return false;
        }
    }
    for (uint32_t slot = 0; slot <= h->index_mask; slot++) {
        named += h->index[slot] != NOBODY;
    }
    return named == h->count;
}
