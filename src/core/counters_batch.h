/*
 * Adding to many keys at once, all or none: the same key may come several times, each time with
 * its own running total. All of it happens under the locks of all shards concerned, taken in
 * ascending order: so every total of the batch, and every one that others see, belongs to one
 * order in which the batch stands as one. Pure.
 *
 * Threads: a batch belongs to one worker at a time.
 */
#ifndef SR_CORE_COUNTERS_BATCH_H
#define SR_CORE_COUNTERS_BATCH_H

#include "base/buffer.h"
#include "base/limits.h"
#include "core/counters.h"

struct counters_batch_item {
    int64_t value;
    int64_t total; /* DONE, where it is known */
    int64_t delta; /* of a leader: its slot's, with the items looked at so far */
    uint64_t hash;
    uint32_t key_at; /* in the batch's keys */
    uint16_t key_size;
    bool total_known;
    bool pinned;         /* of a leader: the batch holds a pin on ref */
    bool refresh;        /* of a leader: what its load brings is known, and only stale */
    uint32_t leader;     /* the first item with the same key, perhaps this one */
    uint32_t generation; /* of a leader, DONE: goes into the records */
    counters_ref ref;    /* of a leader: its entry, while that is locked or pinned */
};

/* Grows up to SR_BATCH_ITEMS_MAX items, and keeps its memory until it is done. */
struct counters_batch {
    struct counters_batch_item *items; /* owned */
    uint32_t count, capacity;          /* capacity is 0 or a power of two */
    struct sr_buffer keys;
    uint32_t *leaders;  /* owned: hash table of 2 * capacity, index of a leader + 1, 0: free */
    bool is_prepared;   /* hashes and leaders are filled in */
    uint32_t loaded_to; /* items whose loads were seen to be over: for who waits */
};

void counters_batch_init(struct counters_batch *batch);
void counters_batch_done(struct counters_batch *batch);

/* Empties it. No pin may be held. */
void counters_batch_clear(struct counters_batch *batch);

/* Bytes of memory held. */
size_t counters_batch_bytes(const struct counters_batch *batch);

/* Appends an item; the key is copied. SR_FULL beyond SR_BATCH_ITEMS_MAX, SR_NO_MEMORY. */
enum sr_result counters_batch_add(struct counters_batch *batch, struct sr_span key,
                                  int64_t value) SR_MUST_USE;

static inline struct sr_span counters_batch_key(const struct counters_batch *batch, uint32_t i)
{
    return (struct sr_span){.data = batch->keys.data + batch->items[i].key_at,
                            .size = batch->items[i].key_size};
}

/* Bytes that the records of all items take. */
size_t counters_batch_record_bytes(const struct counters_batch *batch);

/* Fills in hashes and leaders, once; counters_increment_all does so by itself. */
void counters_batch_prepare(const struct counters *c, struct counters_batch *batch);

/*
 * Adds every item to the turn's slot of its key, as if counters_increment were called for one
 * after the other and nothing came between, or none of them:
 *   DONE         all were counted; totals and generations are filled in
 *   WAIT_LOAD    a key has no entry, or no base that is fit for use: counters_hold for each
 *                leader, then again (that a held entry was counted without a base is DONE, with
 *                its totals unknown, where may_wait is false)
 *   WAIT_TURN, OVERFLOW, SLOT_FULL as of counters_increment; *ret_item tells for which item
 */
enum counters_status counters_increment_all(struct counters *c,
                                            const struct counters_turn *turn,
                                            struct counters_batch *batch,
                                            uint32_t *ret_item) SR_MUST_USE;

#endif
