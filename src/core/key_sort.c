/*
 * Sorting references by key: the bytes that all keys of a run share are skipped, the next eight
 * are brought next to the references and sorted by, and runs that are equal in them go on
 * behind.
 */
#include "core/key_sort.h"

#include "base/bytes.h"
#include "base/limits.h"

#include <string.h>

/* Runs so short are sorted by whole keys, one by one. */
#define RUN_SHORT 12U

/* Keys of a run agree in their first `depth` bytes. */
struct run {
    struct key_sort_item *items;
    size_t count;
    size_t depth;
};

static struct sr_span key_of(const struct key_sort_keys *keys, const struct key_sort_item *item)
{
    return keys->key_of(keys->owner, item->ref);
}

static uint64_t word_of(const struct key_sort_item *item)
{
    return (uint64_t)item->word[0] << 32 | item->word[1];
}

static void swap(struct key_sort_item *a, struct key_sort_item *b)
{
    struct key_sort_item item = *a;

    *a = *b;
    *b = item;
}

static void insertion_sort(const struct key_sort_keys *keys, const struct run *run)
{
    for (size_t i = 1; i < run->count; i++) {
        struct key_sort_item item = run->items[i];
        struct sr_span key = key_of(keys, &item);
        size_t at = i;

        while (at > 0 && sr_span_compare(key, key_of(keys, &run->items[at - 1])) < 0) {
            run->items[at] = run->items[at - 1];
            at--;
        }
        run->items[at] = item;
    }
}

/* Up to where two keys that agree in `from` bytes agree, at most `to`, which both have. */
static size_t agree(const uint8_t *a, const uint8_t *b, size_t from, size_t to)
{
    for (; from + 8 <= to; from += 8) {
        uint64_t differ = sr_get_u64(a + from) ^ sr_get_u64(b + from);

        if (differ != 0) {
            return from + (size_t)__builtin_ctzll(differ) / 8;
        }
    }
    while (from < to && a[from] == b[from]) {
        from++;
    }
    return from;
}

/* How many bytes all keys of the run agree in, at least its depth. */
static size_t common_prefix(const struct key_sort_keys *keys, const struct run *run)
{
    struct sr_span first = key_of(keys, &run->items[0]);
    size_t common = first.size > run->depth ? first.size : run->depth;

    for (size_t i = 1; i < run->count && common > run->depth; i++) {
        struct sr_span key = key_of(keys, &run->items[i]);
        size_t shorter = key.size < common ? key.size : common;

        common = agree(first.data, key.data, run->depth, shorter);
    }
    return common;
}

/* Eight bytes of a key as a number that orders like them; zeros stand for what is beyond it. */
static uint64_t word_at(struct sr_span key, size_t depth)
{
    uint64_t word = 0;

    if (depth < key.size) {
        memcpy(&word, key.data + depth, key.size - depth < 8 ? key.size - depth : 8);
    }
    return __builtin_bswap64(word);
}

static void bring_words(const struct key_sort_keys *keys, const struct run *run)
{
    for (size_t i = 0; i < run->count; i++) {
        uint64_t word = word_at(key_of(keys, &run->items[i]), run->depth);

        run->items[i].word[0] = (uint32_t)(word >> 32);
        run->items[i].word[1] = (uint32_t)word;
    }
}

/* Brings the items with a word below the pivot to the front; returns how many. No branch
 * depends on a comparison: the processor would guess it wrong every other time. (Lomuto.) */
static size_t part(struct key_sort_item *items, size_t count, uint64_t pivot)
{
    size_t low = 0;

    for (size_t i = 0; i < count; i++) {
        struct key_sort_item item = items[i];

        items[i] = items[low];
        items[low] = item;
        low += word_of(&item) < pivot;
    }
    return low;
}

/* The middle of the words' range, so that neither part is empty; 0 where all are equal. */
static uint64_t pivot_of(const struct key_sort_item *items, size_t count)
{
    uint64_t least = word_of(&items[0]);
    uint64_t most = least;

    for (size_t i = 1; i < count; i++) {
        uint64_t word = word_of(&items[i]);

        least = word < least ? word : least;
        most = word > most ? word : most;
    }
    return least == most ? 0 : least + (most - least) / 2 + 1;
}

/* Each part has half of the range: after 64 steps at most a word stands alone, whoever chose
 * the keys. */
static void sort_words(struct key_sort_item *items, size_t count)
{
    while (count > RUN_SHORT) {
        uint64_t pivot = pivot_of(items, count);
        size_t low;

        if (pivot == 0) {
            return;
        }
        low = part(items, count, pivot);
        /* The smaller part by recursion, which bounds its depth, the larger by the loop. */
        if (low < count - low) {
            sort_words(items, low);
            items += low;
            count -= low;
        } else {
            sort_words(items + low, count - low);
            count = low;
        }
    }
    for (size_t i = 1; i < count; i++) {
        for (size_t at = i; at > 0 && word_of(&items[at]) < word_of(&items[at - 1]); at--) {
            swap(&items[at], &items[at - 1]);
        }
    }
}

/* Each level of the recursion is eight bytes further into the keys. */
static void sort_run(const struct key_sort_keys *keys, struct run run)
{
    if (run.count <= RUN_SHORT || run.depth >= SR_KEY_SIZE_MAX) {
        insertion_sort(keys, &run);
        return;
    }
    run.depth = common_prefix(keys, &run);
    bring_words(keys, &run);
    sort_words(run.items, run.count);
    for (size_t begin = 0, end; begin < run.count; begin = end) {
        end = begin + 1;
        while (end < run.count && word_of(&run.items[end]) == word_of(&run.items[begin])) {
            end++;
        }
        if (end - begin > 1) {
            sort_run(keys, (struct run){.items = run.items + begin,
                                        .count = end - begin,
                                        .depth = run.depth + 8});
        }
    }
}

void key_sort(const struct key_sort_keys *keys, struct key_sort_item *items, size_t count)
{
    sort_run(keys, (struct run){.items = items, .count = count, .depth = 0});
}
