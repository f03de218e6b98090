/*
 * The filter that takes back what was counted twice.
 */
#include "sync/takeback.h"

#include "base/check.h"
#include "core/record.h"

#include <stdlib.h>

void takeback_done(struct takeback *t)
{
    free(t->items);
    free(t->extras);
    *t = (struct takeback){.log = NULL};
}

void takeback_reset(struct takeback *t)
{
    t->count = 0;
    t->at = 0;
    t->merged = false;
    t->out_of_memory = false;
    t->handed = 0;
    t->extra_count = 0;
    t->has_rest = false;
    t->requests = 0;
    t->sum = 0;
}

/* Room for one more of size bytes each; false: no memory. */
static bool grow(void **array, size_t count, size_t *capacity, size_t size)
{
    size_t more = *capacity == 0 ? 64 : *capacity * 2;
    void *larger;

    if (count < *capacity) {
        return true;
    }
    larger = reallocarray(*array, more, size);
    if (larger == NULL) {
        return false;
    }
    *array = larger;
    *capacity = more;
    return true;
}

static void add_item(struct takeback *t, const struct record *record)
{
    void *items = t->items;

    if (!grow(&items, t->count, &t->capacity, sizeof(*t->items))) {
        t->out_of_memory = true;
        return;
    }
    t->items = items;
    t->items[t->count++] = (struct takeback_item){.key = record->key,
                                                  .value = record->value,
                                                  .generation = record->generation};
}

void takeback_request(struct takeback *t, size_t i)
{
    struct sr_span rest = request_log_records(t->log, i);

    SR_CHECK(!t->merged);
    while (rest.size > 0) {
        struct record record;
        size_t size = 0;

        SR_CHECK(record_decode(rest, &record, &size) == SR_OK);
        SR_CHECK(record.kind == RECORD_ADD);
        add_item(t, &record);
        rest.data += size;
        rest.size -= size;
    }
    t->requests++;
}

static int compare_items(const void *a, const void *b)
{
    const struct takeback_item *x = a;
    const struct takeback_item *y = b;
    int order = sr_span_compare(x->key, y->key);

    return order != 0 ? order
                      : (x->generation > y->generation) - (x->generation < y->generation);
}

/* Sorts, and adds up what belongs together. */
static void merge(struct takeback *t)
{
    size_t kept = 0;

    if (t->count > 0) {
        qsort(t->items, t->count, sizeof(*t->items), compare_items);
    }
    for (size_t i = 0; i < t->count; i++) {
        if (kept > 0 && compare_items(&t->items[kept - 1], &t->items[i]) == 0) {
            t->items[kept - 1].value += t->items[i].value;
        } else {
            t->items[kept++] = t->items[i];
        }
    }
    t->count = kept;
    t->merged = true;
}

/* Takes off a change what belongs to it: what was added over its set, or, where a crash took
 * sets, over any of the generations that became one (see journal/merge.h). A key that follows
 * itself was seen already. */
static void take_off(struct takeback *t, struct sr_change *change)
{
    for (; t->at < t->count; t->at++) {
        const struct takeback_item *item = &t->items[t->at];
        int order = sr_span_compare(item->key, change->key);

        if (order > 0) {
            return;
        }
        if (order == 0 && item->generation >= change->generation &&
            change->kind != SR_CHANGE_DELETE) {
            change->value -= item->value;
            t->sum += (uint64_t)item->value;
        }
    }
}

/* Leaves of a change what fits and keeps the rest, to be added over it. */
static void split(struct takeback *t, struct sr_change *change)
{
    sr_wide whole = change->value;

    t->has_rest = !sr_wide_fits_i64(whole);
    if (t->has_rest) {
        change->value = whole > 0 ? INT64_MAX : INT64_MIN;
        t->rest = *change;
        t->rest.kind = SR_CHANGE_ADD;
        t->rest.value = whole - change->value;
    }
}

static bool note_extra(struct takeback *t)
{
    void *extras = t->extras;

    if (!grow(&extras, t->extra_count, &t->extra_capacity, sizeof(*t->extras))) {
        return false;
    }
    t->extras = extras;
    t->extras[t->extra_count++] = t->handed;
    return true;
}

enum sr_result takeback_next(struct takeback *t, journal_next_fn *next, void *context,
                             struct sr_change *ret_change, struct sr_err *err)
{
    if (!t->merged) {
        merge(t);
    }
    if (t->has_rest) {
        *ret_change = t->rest;
        t->out_of_memory = t->out_of_memory || !note_extra(t);
    } else {
        enum sr_result result = next(context, ret_change, err);

        if (result != SR_OK) {
            return result;
        }
        take_off(t, ret_change);
    }
    if (t->out_of_memory) {
        return sr_fail(err, SR_NO_MEMORY, "out of memory taking back what was counted twice");
    }
    split(t, ret_change);
    t->handed++;
    return SR_OK;
}

size_t takeback_origin(const struct takeback *t, uint64_t number, bool *ret_rest)
{
    size_t before = 0;

    *ret_rest = false;
    for (; before < t->extra_count && t->extras[before] <= number; before++) {
        *ret_rest = t->extras[before] == number;
    }
    return (size_t)number - before;
}

sr_wide takeback_of(const struct takeback *t, struct sr_span key, uint32_t generation)
{
    struct takeback_item wanted = {.key = key, .generation = generation};
    const struct takeback_item *item =
        t->count == 0 ? NULL
                      : bsearch(&wanted, t->items, t->count, sizeof(*t->items), compare_items);

    return item == NULL ? 0 : item->value;
}
