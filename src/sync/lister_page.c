/*
 * One page: rounds of changed keys and rows, merged, until it is full or nothing follows.
 *
 * In a round both sides are known up to some key only, where there are more of them than were
 * asked for: what lies behind the lower one of these is left to the next round.
 */
#include "sync/lister_internal.h"

#include "base/check.h"
#include "store/store_meter.h"

#include <string.h>
#include <time.h>

#define ROUNDS_MAX 8  /* where a page stays short by deleted keys: the next one goes on */
#define TRIES_MAX 100 /* of a round that flushes overtake */
#define RETRY_NS 5000000L

static struct sr_span span_of(const struct counters_list_key *key)
{
    return (struct sr_span){.data = key->bytes, .size = key->size};
}

static struct sr_span item_key(const struct sr_buffer *keys, const struct lister_item *item)
{
    return (struct sr_span){.data = keys->data + item->key_at, .size = item->key_size};
}

/* ---- rows ---- */

static enum sr_result take_row(void *context, struct sr_span key, int64_t value)
{
    struct lister_rows *rows = context;
    enum sr_result result;

    if (rows->count > LISTER_PAGE_MAX) {
        return SR_FULL;
    }
    rows->items[rows->count] = (struct lister_item){.total = value,
                                                    .key_at = (uint32_t)rows->keys.size,
                                                    .key_size = (uint16_t)key.size};
    result = sr_buffer_append(&rows->keys, key.data, key.size);
    rows->count += result == SR_OK;
    return result;
}

/* The range that is left of the page. */
static struct counters_range range_left(const struct lister_job *job)
{
    struct sr_span prefix = span_of(&job->prefix);
    struct sr_span after = span_of(&job->after);
    /* With an empty `after` all is behind it, the prefix itself too. */
    bool past = after.size > 0 && sr_span_compare(after, prefix) >= 0;

    return (struct counters_range){.from = past ? after : prefix,
                                   .is_past = past,
                                   .prefix = prefix};
}

static bool read_rows(struct lister *l, const struct counters_range *range, uint32_t limit)
{
    struct store_range wanted = {.from = range->from,
                                 .is_past = range->is_past,
                                 .limit = limit};
    struct store_rows sink = {.context = &l->rows, .row = take_row};
    struct sr_err err;

    l->rows.count = 0;
    l->rows.keys.size = 0;
    return l->options.store->ops->list(l->options.store, &wanted, &sink, &l->rows.epoch,
                                       &err) == SR_OK;
}

/* Leaves out the rows behind the prefix; true where there were any. */
static bool cut_rows(struct lister_rows *rows, struct sr_span prefix)
{
    for (uint32_t i = 0; i < rows->count; i++) {
        struct sr_span key = item_key(&rows->keys, &rows->items[i]);

        if (key.size < prefix.size ||
            (prefix.size > 0 && memcmp(key.data, prefix.data, prefix.size) != 0)) {
            rows->count = i;
            return true;
        }
    }
    return false;
}

/* ---- one round ---- */

struct round {
    struct lister *l;
    struct lister_job *job;
    uint32_t row, changed; /* the next ones to be merged */
    struct sr_span end;    /* the last key that both sides are known up to; size 0: all are */
};

/* The lower one of the two next keys, with its row; false at the end. */
static bool next_key(struct round *r, struct sr_span *ret_key, struct counters_row *ret_row)
{
    const struct lister_rows *rows = &r->l->rows;
    const struct counters_list *changed = &r->l->changed;
    bool has_row = r->row < rows->count;
    bool has_changed = r->changed < changed->count;
    int way = has_row ? -1 : 1;

    if (!has_row && !has_changed) {
        return false;
    }
    if (has_row && has_changed) {
        way = sr_span_compare(item_key(&rows->keys, &rows->items[r->row]),
                              counters_list_key(changed, r->changed));
    }
    *ret_key = way <= 0 ? item_key(&rows->keys, &rows->items[r->row])
                        : counters_list_key(changed, r->changed);
    *ret_row = (struct counters_row){.value = way <= 0 ? rows->items[r->row].total : 0,
                                     .exists = way <= 0,
                                     .loaded_epoch = rows->epoch};
    r->row += way <= 0;
    r->changed += way >= 0;
    return r->end.size == 0 || sr_span_compare(*ret_key, r->end) <= 0;
}

static enum sr_result append(struct lister_job *job, struct sr_span key,
                             const struct counters_seen *seen)
{
    size_t at = job->keys.size;
    enum sr_result result = sr_buffer_append(&job->keys, key.data, key.size);

    if (result == SR_OK) {
        job->items[job->count++] = (struct lister_item){.total = seen->total,
                                                        .key_at = (uint32_t)at,
                                                        .key_size = (uint16_t)key.size,
                                                        .total_known = seen->total_known};
    }
    return result;
}

static void set_after(struct lister_job *job, struct sr_span key)
{
    job->after.size = (uint16_t)key.size;
    memcpy(job->after.bytes, key.data, key.size);
}

/* Appends what exists, up to one more than the page takes. SR_STALE as SR_UNAVAILABLE: a flush
 * has overtaken the rows. What was appended before that was exact and stays. */
static enum sr_result merge(struct round *r)
{
    struct lister_job *job = r->job;
    struct counters_row row;
    struct sr_span key;

    while (job->count <= job->limit && next_key(r, &key, &row)) {
        struct counters_seen seen;
        enum sr_result result = SR_OK;

        if (!counters_see(r->l->options.counters, key, &row, &seen)) {
            return SR_UNAVAILABLE;
        }
        if (seen.exists) {
            result = append(job, key, &seen);
        }
        if (result != SR_OK) {
            return result;
        }
        if (job->count <= job->limit) {
            set_after(job, key);
        }
    }
    return SR_OK;
}

/* Where both sides end. */
static struct sr_span end_of(struct lister *l, uint32_t asked, bool rows_complete)
{
    struct sr_span end = {.size = 0};

    if (!rows_complete && l->rows.count == asked) {
        end = item_key(&l->rows.keys, &l->rows.items[l->rows.count - 1]);
    }
    if (l->changed.count == l->changed.key_max) {
        struct sr_span last = counters_list_key(&l->changed, l->changed.count - 1);

        end = end.size == 0 || sr_span_compare(last, end) < 0 ? last : end;
    }
    return end;
}

enum round_result { ROUND_FAILED, ROUND_AGAIN, ROUND_GOES_ON, ROUND_COMPLETE };

static enum round_result make_round(struct lister *l, struct lister_job *job)
{
    struct counters_range range = range_left(job);
    uint32_t asked = job->limit + 1;
    struct round r = {.l = l, .job = job};
    enum sr_result result;
    bool rows_complete;

    counters_list_changed(l->options.counters, &range, &l->changed);
    if (!read_rows(l, &range, asked)) {
        return ROUND_FAILED;
    }
    rows_complete = cut_rows(&l->rows, range.prefix);
    r.end = end_of(l, asked, rows_complete);
    result = merge(&r);
    store_meter_decoded(l->options.store);
    if (result != SR_OK) {
        return result == SR_UNAVAILABLE ? ROUND_AGAIN : ROUND_FAILED;
    }
    if (job->count > job->limit) {
        job->count--;
        job->has_next = true;
        set_after(job, item_key(&job->keys, &job->items[job->count - 1]));
        set_after(job, item_key(&job->keys, &job->items[job->count - 1]));
        return ROUND_COMPLETE;
    }
    job->has_next = r.end.size > 0;
    if (job->has_next) {
        set_after(job, r.end);
    }
    return job->has_next ? ROUND_GOES_ON : ROUND_COMPLETE;
}

bool lister_make_page(struct lister *l, struct lister_job *job)
{
    const struct timespec pause = {.tv_nsec = RETRY_NS};
    unsigned rounds = 0;

    store_meter_waited(l->options.store, job->asked_ns);
    for (unsigned tries = 0; tries < TRIES_MAX && !lister_is_stopping(l);) {
        switch (make_round(l, job)) {
        case ROUND_FAILED:
            return false;
        case ROUND_COMPLETE:
            return true;
        case ROUND_AGAIN:
            tries++;
            (void)nanosleep(&pause, NULL);
            break;
        case ROUND_GOES_ON:
            if (++rounds == ROUNDS_MAX) {
                return true;
            }
            break;
        }
    }
    return false;
}
