/*
 * Batches: two passes under all locks. The first one changes nothing and finds out whether
 * every item can be counted; the second one counts.
 */
#include "core/counters_batch.h"

#include "core/record.h"
#include "core/request.h"

#include <stdlib.h>
#include <string.h>

#define CAPACITY_MIN 64U
#define PREFETCH 8U /* items ahead */

void counters_batch_init(struct counters_batch *batch)
{
    memset(batch, 0, sizeof(*batch));
    sr_buffer_init(&batch->keys, (size_t)SR_BATCH_ITEMS_MAX * SR_KEY_SIZE_MAX);
}

void counters_batch_done(struct counters_batch *batch)
{
    free(batch->items);
    free(batch->leaders);
    sr_buffer_done(&batch->keys);
    counters_batch_init(batch);
}

void counters_batch_clear(struct counters_batch *batch)
{
    batch->count = 0;
    batch->keys.size = 0;
    batch->is_prepared = false;
    batch->loaded_to = 0;
}

size_t counters_batch_bytes(const struct counters_batch *batch)
{
    return batch->capacity * (sizeof(*batch->items) + 2 * sizeof(*batch->leaders)) +
           batch->keys.capacity;
}

static enum sr_result grow(struct counters_batch *batch)
{
    uint32_t capacity = batch->capacity == 0 ? CAPACITY_MIN : batch->capacity * 2;
    struct counters_batch_item *items = realloc(batch->items, capacity * sizeof(*batch->items));
    uint32_t *leaders;

    if (items == NULL) {
        return SR_NO_MEMORY;
    }
    batch->items = items;
    leaders = realloc(batch->leaders, 2 * (size_t)capacity * sizeof(*leaders));
    if (leaders == NULL) {
        return SR_NO_MEMORY;
    }
    batch->leaders = leaders;
    batch->capacity = capacity;
    return SR_OK;
}

enum sr_result counters_batch_add(struct counters_batch *batch, struct sr_span key,
                                  int64_t value)
{
    size_t key_at = batch->keys.size;
    enum sr_result result = SR_OK;

    SR_CHECK(!batch->is_prepared && key.size >= 1 && key.size <= SR_KEY_SIZE_MAX);
    if (batch->count == SR_BATCH_ITEMS_MAX) {
        return SR_FULL;
    }
    if (batch->count == batch->capacity) {
        result = grow(batch);
    }
    if (result == SR_OK) {
        result = sr_buffer_append(&batch->keys, key.data, key.size);
    }
    if (result != SR_OK) {
        return result;
    }
    batch->items[batch->count++] = (struct counters_batch_item){.value = value,
                                                                .key_at = (uint32_t)key_at,
                                                                .key_size = (uint16_t)key.size};
    return SR_OK;
}

size_t counters_batch_record_bytes(const struct counters_batch *batch)
{
    return batch->count * record_size(0) + batch->keys.size;
}

/* The leader of item i, which it becomes itself where no item before it has the key. */
static uint32_t find_leader(struct counters_batch *batch, uint32_t i)
{
    uint32_t mask = 2 * batch->capacity - 1;
    uint32_t slot = (uint32_t)batch->items[i].hash & mask;

    for (; batch->leaders[slot] != 0; slot = (slot + 1) & mask) {
        uint32_t leader = batch->leaders[slot] - 1;

        if (batch->items[leader].hash == batch->items[i].hash &&
            sr_span_equal(counters_batch_key(batch, leader), counters_batch_key(batch, i))) {
            return leader;
        }
    }
    batch->leaders[slot] = i + 1;
    return i;
}

void counters_batch_prepare(const struct counters *c, struct counters_batch *batch)
{
    if (batch->is_prepared) {
        return;
    }
    memset(batch->leaders, 0, 2 * (size_t)batch->capacity * sizeof(*batch->leaders));
    for (uint32_t i = 0; i < batch->count; i++) {
        batch->items[i].hash = counters_hash(c, counters_batch_key(batch, i));
        batch->items[i].leader = find_leader(batch, i);
    }
    batch->is_prepared = true;
}

/* A batch while it holds its shards' locks. */
struct adding {
    struct counters *c;
    const struct counters_turn *turn;
    struct counters_batch *batch;
    uint64_t open;                             /* epoch o */
    uint64_t shards[COUNTERS_SHARDS_MAX / 64]; /* bits of those that are locked */
};

/* In ascending order: two batches cannot wait for each other. */
static void lock_shards(struct adding *a)
{
    for (uint32_t i = 0; i < a->batch->count; i++) {
        uint32_t number = counters_shard_number(a->c, a->batch->items[i].hash);

        a->shards[number / 64] |= 1ULL << (number % 64);
    }
    for (unsigned word = 0; word < COUNTERS_SHARDS_MAX / 64; word++) {
        for (uint64_t left = a->shards[word]; left != 0; left &= left - 1) {
            shard_lock(&a->c->shards[word * 64 + (unsigned)__builtin_ctzll(left)]);
        }
    }
}

static void unlock_shards(const struct adding *a)
{
    for (unsigned word = 0; word < COUNTERS_SHARDS_MAX / 64; word++) {
        for (uint64_t left = a->shards[word]; left != 0; left &= left - 1) {
            shard_unlock(&a->c->shards[word * 64 + (unsigned)__builtin_ctzll(left)]);
        }
    }
}

/* The request on a leader's entry, which is there. */
static struct request request_of(const struct adding *a, uint32_t leader)
{
    const struct counters_batch_item *item = &a->batch->items[leader];
    struct request r = {.c = a->c,
                        .turn = a->turn,
                        .key = counters_batch_key(a->batch, leader),
                        .hash = item->hash,
                        .shard = counters_shard_of_hash(a->c, item->hash),
                        .open = a->open};

    request_use_entry(&r, item->ref);
    return r;
}

/* Finds a leader's entry and whether it can be added to now. */
static enum counters_status check_leader(const struct adding *a, uint32_t i)
{
    struct counters_batch_item *item = &a->batch->items[i];
    const struct shard *shard = counters_shard_of_hash(a->c, item->hash);
    counters_ref ref = counters_find(a->c, shard, counters_batch_key(a->batch, i), item->hash);
    struct request r;

    SR_CHECK(!item->pinned || ref == item->ref);
    item->ref = ref;
    if (ref == 0) {
        return COUNTERS_WAIT_LOAD;
    }
    r = request_of(a, i);
    item->delta = r.entry->delta[a->turn->epoch & 1];
    if (request_must_wait_for_set(&r)) {
        return COUNTERS_WAIT_TURN;
    }
    if (a->turn->may_wait &&
        (!entry_total(r.entry, r.flags, r.open).known || request_is_stale(&r))) {
        return COUNTERS_WAIT_LOAD;
    }
    return COUNTERS_DONE;
}

/* Whether an item fits on top of those before it, as increment_locked asks for a single one. */
static enum counters_status check_item(const struct adding *a, uint32_t i)
{
    struct counters_batch_item *item = &a->batch->items[i];
    struct counters_batch_item *leader = &a->batch->items[item->leader];
    struct request r = request_of(a, item->leader);
    struct entry_total total = entry_total(r.entry, r.flags, r.open);
    struct entry_total sealed = entry_total_sealed(r.entry, r.flags, r.open);
    /* What the items before it have moved both totals by. */
    sr_wide moved = (sr_wide)leader->delta - r.entry->delta[a->turn->epoch & 1];

    if (total.known && request_pushes_out(total.value + moved, item->value)) {
        return COUNTERS_OVERFLOW;
    }
    if (a->turn->epoch != a->open && sealed.known &&
        request_pushes_out(sealed.value + moved, item->value)) {
        return COUNTERS_WAIT_TURN;
    }
    if (!sr_add_i64(leader->delta, item->value, &leader->delta)) {
        return COUNTERS_SLOT_FULL;
    }
    total.value += moved + item->value;
    item->total_known = total.known && sr_wide_fits_i64(total.value);
    item->total = item->total_known ? (int64_t)total.value : 0;
    return COUNTERS_DONE;
}

/* Twice as far ahead the slot, then the entry that it names. */
static void prefetch(const struct adding *a, uint32_t i)
{
    const struct counters_batch *batch = a->batch;

    if (i + 2 * PREFETCH < batch->count) {
        uint64_t hash = batch->items[i + 2 * PREFETCH].hash;

        __builtin_prefetch(
            shard_index_home(&counters_shard_of_hash(a->c, hash)->index, (uint32_t)hash));
    }
    if (i + PREFETCH < batch->count) {
        uint64_t hash = batch->items[i + PREFETCH].hash;

        counters_prefetch_entry(a->c, counters_shard_of_hash(a->c, hash), hash);
    }
}

static enum counters_status check(const struct adding *a, uint32_t *ret_item)
{
    for (uint32_t i = 0; i < a->batch->count; i++) {
        enum counters_status status = COUNTERS_DONE;

        prefetch(a, i);
        if (a->batch->items[i].leader == i) {
            status = check_leader(a, i);
        }
        if (status == COUNTERS_DONE) {
            status = check_item(a, i);
        }
        if (status != COUNTERS_DONE) {
            *ret_item = i;
            return status;
        }
    }
    return COUNTERS_DONE;
}

static void count(const struct adding *a)
{
    for (uint32_t i = 0; i < a->batch->count; i++) {
        struct counters_batch_item *item = &a->batch->items[i];
        struct request r;

        if (item->leader != i) {
            continue;
        }
        r = request_of(a, i);
        request_write_slot(&r, request_kind_after_add(&r), item->delta);
        request_mark_used(&r);
        item->generation = r.entry->generation[a->turn->epoch & 1];
    }
}

enum counters_status counters_increment_all(struct counters *c,
                                            const struct counters_turn *turn,
                                            struct counters_batch *batch, uint32_t *ret_item)
{
    struct adding a = {.c = c, .turn = turn, .batch = batch};
    enum counters_status status;

    counters_batch_prepare(c, batch);
    lock_shards(&a);
    a.open = counters_open_now(c);
    SR_CHECK(turn->epoch == a.open || turn->epoch + 1 == a.open);
    status = check(&a, ret_item);
    if (status == COUNTERS_DONE) {
        count(&a);
    }
    unlock_shards(&a);
    return status;
}
