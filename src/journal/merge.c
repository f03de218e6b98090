/*
 * The merger: a hash map in memory, sorted and written as a run when it is full; at the end all
 * runs are merged by a heap.
 */
#include "journal/merge.h"

#include "base/check.h"
#include "base/memory.h"
#include "base/siphash.h"
#include "journal/merge_output.h"
#include "journal/state.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define RUNS_MAX 4096U

struct item {
    sr_wide value;
    uint32_t key_at; /* in the key arena */
    uint16_t key_size;
    uint8_t kind;
    uint32_t generation;
};

/*
 * memory: | index: 4 bytes a slot | items | keys |
 */
struct merger {
    struct disk *disk;
    uint64_t run_id;
    uint32_t *index; /* item number + 1, 0 is free; power of two */
    size_t index_slots;
    struct item *items;
    size_t item_count, items_max;
    uint8_t *keys;
    size_t keys_size, keys_max;
    struct sr_siphash_key hash_key;
    uint32_t run_count;
    struct state_reader **readers; /* while draining */
};

static size_t power_below(size_t value)
{
    size_t power = 1;

    while (power * 2 <= value) {
        power *= 2;
    }
    return power;
}

enum sr_result merger_open(struct disk *disk, size_t memory_max, uint64_t run_id,
                           struct merger **ret_merger, struct sr_err *err)
{
    struct merger *m = calloc(1, sizeof(*m));
    enum sr_result result;

    if (m == NULL) {
        return sr_fail(err, SR_NO_MEMORY, "out of memory merging the journal");
    }
    m->disk = disk;
    m->run_id = run_id;
    m->items_max = memory_max / 96;
    m->keys_max = memory_max / 2;
    m->index_slots = power_below(memory_max / 32);
    m->index = sr_pages_alloc(m->index_slots * sizeof(*m->index));
    m->items = sr_pages_alloc(m->items_max * sizeof(*m->items));
    m->keys = sr_pages_alloc(m->keys_max);
    result = sr_random_bytes(&m->hash_key, sizeof(m->hash_key), err);
    if (m->index == NULL || m->items == NULL || m->keys == NULL) {
        result = sr_fail(err, SR_NO_MEMORY, "out of memory merging the journal");
    }
    if (result != SR_OK) {
        merger_close(&m);
        return result;
    }
    *ret_merger = m;
    return SR_OK;
}

static struct sr_span item_key(const struct merger *m, const struct item *item)
{
    return (struct sr_span){.data = m->keys + item->key_at, .size = item->key_size};
}

static struct sr_change item_change(const struct merger *m, const struct item *item)
{
    return (struct sr_change){.key = item_key(m, item),
                              .value = item->value,
                              .generation = item->generation,
                              .kind = (enum sr_change_kind)item->kind};
}

static int compare_items(const void *a, const void *b, void *merger)
{
    struct sr_change x = item_change(merger, a);
    struct sr_change y = item_change(merger, b);

    return merge_compare(&x, &y);
}

static enum sr_result hand_out_memory(struct merger *m, struct merge_output *out,
                                      struct sr_err *err)
{
    enum sr_result result = SR_OK;

    qsort_r(m->items, m->item_count, sizeof(*m->items), compare_items, m);
    for (size_t i = 0; i < m->item_count && result == SR_OK; i++) {
        struct sr_change change = item_change(m, &m->items[i]);

        result = merge_output_add(out, &change, err);
    }
    return result == SR_OK ? merge_output_end(out, err) : result;
}

static void run_name(const struct merger *m, uint32_t run, char name[STATE_NAME_SIZE])
{
    (void)snprintf(name, STATE_NAME_SIZE, "run-%016" PRIx64 "-%" PRIu32, m->run_id, run);
}

static enum sr_result take_to_writer(void *writer, const struct sr_change *change,
                                     struct sr_err *err)
{
    return state_writer_add(writer, change, err);
}

/* Writes what is in memory as a sorted run and forgets it. */
static enum sr_result spill(struct merger *m, struct sr_err *err)
{
    struct journal_header header = {.file_id = m->run_id, .epoch = 1};
    struct state_writer *writer = NULL;
    char name[STATE_NAME_SIZE];
    enum sr_result result;

    if (m->run_count == RUNS_MAX) {
        return sr_fail(err, SR_FULL, "more than %u sorted runs while merging the journal",
                       RUNS_MAX);
    }
    run_name(m, m->run_count, name);
    result = state_writer_open(m->disk, name, &header, &writer, err);
    if (result == SR_OK) {
        struct merge_output out = {.take = take_to_writer, .context = writer};

        state_writer_run_frames(writer);
        result = hand_out_memory(m, &out, err);
    }
    if (result == SR_OK) {
        result = state_writer_finish(writer, false, &header, err);
    }
    state_writer_close(&writer);
    if (result != SR_OK) {
        return result;
    }
    m->run_count++;
    m->item_count = 0;
    m->keys_size = 0;
    memset(m->index, 0, m->index_slots * sizeof(*m->index));
    return SR_OK;
}

static void insert(struct merger *m, size_t slot, const struct sr_change *change)
{
    struct item *item = &m->items[m->item_count];

    memcpy(m->keys + m->keys_size, change->key.data, change->key.size);
    *item = (struct item){.value = change->value,
                          .key_at = (uint32_t)m->keys_size,
                          .key_size = (uint16_t)change->key.size,
                          .kind = (uint8_t)change->kind,
                          .generation = change->generation};
    m->keys_size += change->key.size;
    m->item_count++;
    m->index[slot] = (uint32_t)m->item_count;
}

static void merge_into(struct merger *m, struct item *item, const struct sr_change *change)
{
    struct sr_change merged = item_change(m, item);

    sr_change_merge(&merged, change);
    item->value = merged.value;
    item->kind = (uint8_t)merged.kind;
    item->generation = merged.generation;
}

enum sr_result merger_add(struct merger *m, const struct sr_change *change, struct sr_err *err)
{
    size_t mask = m->index_slots - 1;
    size_t slot;

    SR_CHECK(change->key.size > 0 && change->key.size <= SR_KEY_SIZE_MAX);
    if (m->item_count == m->items_max || m->keys_size + change->key.size > m->keys_max ||
        m->item_count * 4 >= m->index_slots * 3) {
        enum sr_result result = spill(m, err);

        if (result != SR_OK) {
            return result;
        }
    }
    slot = sr_siphash13(&m->hash_key, change->key) & mask;
    while (m->index[slot] != 0) {
        struct item *item = &m->items[m->index[slot] - 1];

        if (item->generation == change->generation &&
            sr_span_equal(item_key(m, item), change->key)) {
            merge_into(m, item, change);
            return SR_OK;
        }
        slot = (slot + 1) & mask;
    }
    insert(m, slot, change);
    return SR_OK;
}

/* ---- merging runs ---- */

/* A heap of the runs' next changes, smallest key on top. */
struct heap {
    struct heap_entry {
        struct sr_change change;
        uint32_t run;
    } * entries;
    uint32_t count;
};

static bool entry_before(const struct heap_entry *a, const struct heap_entry *b)
{
    return merge_compare(&a->change, &b->change) < 0;
}

static void sift_down(struct heap *heap, uint32_t at)
{
    for (;;) {
        uint32_t least = at;
        struct heap_entry saved;

        for (uint32_t child = 2 * at + 1; child <= 2 * at + 2 && child < heap->count; child++) {
            if (entry_before(&heap->entries[child], &heap->entries[least])) {
                least = child;
            }
        }
        if (least == at) {
            return;
        }
        saved = heap->entries[at];
        heap->entries[at] = heap->entries[least];
        heap->entries[least] = saved;
        at = least;
    }
}

/* Replaces the top by its run's next change, or drops it at the run's end. */
static enum sr_result advance_top(struct merger *m, struct heap *heap, struct sr_err *err)
{
    struct heap_entry *top = &heap->entries[0];
    enum sr_result result = state_reader_next(m->readers[top->run], &top->change, err);

    if (result == SR_NOT_FOUND) {
        heap->count--;
        heap->entries[0] = heap->entries[heap->count];
        result = SR_OK;
    }
    sift_down(heap, 0);
    return result;
}

static enum sr_result fill_heap(struct merger *m, struct heap *heap, struct sr_err *err)
{
    for (uint32_t run = 0; run < m->run_count; run++) {
        struct heap_entry *entry = &heap->entries[heap->count];
        char name[STATE_NAME_SIZE];
        enum sr_result result;

        run_name(m, run, name);
        result = state_reader_open(m->disk, name, &m->readers[run], err);
        if (result == SR_OK) {
            result = state_reader_next(m->readers[run], &entry->change, err);
        }
        if (result != SR_OK) {
            return result; /* a run is never empty */
        }
        entry->run = run;
        heap->count++;
    }
    for (uint32_t at = heap->count; at-- > 0;) {
        sift_down(heap, at);
    }
    return SR_OK;
}

static enum sr_result hand_out_runs(struct merger *m, struct heap *heap,
                                    struct merge_output *out, struct sr_err *err)
{
    enum sr_result result = SR_OK;

    while (heap->count > 0 && result == SR_OK) {
        result = merge_output_add(out, &heap->entries[0].change, err);
        if (result == SR_OK) {
            result = advance_top(m, heap, err);
        }
    }
    return result == SR_OK ? merge_output_end(out, err) : result;
}

enum sr_result merger_drain(struct merger *m, bool whole, merger_take_fn *take, void *context,
                            struct sr_err *err)
{
    struct merge_output out = {.take = take, .context = context, .whole = whole};
    struct heap heap = {0};
    enum sr_result result;

    if (m->run_count == 0) {
        return hand_out_memory(m, &out, err);
    }
    result = m->item_count > 0 ? spill(m, err) : SR_OK;
    if (result != SR_OK) {
        return result;
    }
    m->readers = calloc(m->run_count, sizeof(struct state_reader *));
    heap.entries = calloc(m->run_count, sizeof(*heap.entries));
    if (m->readers == NULL || heap.entries == NULL) {
        free(heap.entries);
        return sr_fail(err, SR_NO_MEMORY, "out of memory merging the journal");
    }
    result = fill_heap(m, &heap, err);
    if (result == SR_OK) {
        result = hand_out_runs(m, &heap, &out, err);
    }
    free(heap.entries);
    return result;
}

void merger_close(struct merger **merger)
{
    struct merger *m = *merger;

    if (m == NULL) {
        return;
    }
    for (uint32_t run = 0; run < m->run_count; run++) {
        char name[STATE_NAME_SIZE];

        if (m->readers != NULL) {
            state_reader_close(&m->readers[run]);
        }
        run_name(m, run, name);
        (void)m->disk->unlink(m->disk, name, NULL); /* else removed at the next start */
    }
    free((void *)m->readers);
    sr_pages_free(m->index, m->index_slots * sizeof(*m->index));
    sr_pages_free(m->items, m->items_max * sizeof(*m->items));
    sr_pages_free(m->keys, m->keys_max);
    free(m);
    *merger = NULL;
}
