/*
 * The merger: a table in memory, sorted and written as a run when it is full; at the end all
 * runs are merged by a heap.
 */
#include "journal/merge.h"

#include "base/check.h"
#include "journal/merge_output.h"
#include "journal/merge_table.h"
#include "journal/state.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define RUNS_MAX 4096U

struct merger {
    struct disk *disk;
    uint64_t run_id;
    struct merge_table *table;
    uint32_t run_count;
    struct state_reader **readers; /* while draining */
};

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
    result = merge_table_new(memory_max, &m->table, err);
    if (result != SR_OK) {
        merger_close(&m);
        return result;
    }
    *ret_merger = m;
    return SR_OK;
}

static enum sr_result hand_out_memory(struct merger *m, struct merge_output *out,
                                      struct sr_err *err)
{
    enum sr_result result = SR_OK;

    merge_table_sort(m->table);
    for (size_t i = 0; i < merge_table_count(m->table) && result == SR_OK; i++) {
        struct sr_change change = merge_table_at(m->table, i);

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
    merge_table_clear(m->table);
    return SR_OK;
}

enum sr_result merger_add(struct merger *m, const struct sr_change *change, struct sr_err *err)
{
    enum sr_result result;

    if (merge_table_add(m->table, change)) {
        return SR_OK;
    }
    result = spill(m, err);
    SR_CHECK(result != SR_OK || merge_table_add(m->table, change));
    return result;
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
    result = merge_table_count(m->table) > 0 ? spill(m, err) : SR_OK;
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
    merge_table_free(&m->table);
    free(m);
    *merger = NULL;
}
