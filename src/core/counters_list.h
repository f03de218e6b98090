/*
 * Reading the table in key order, for lists that merge it with the store: which keys have
 * changes that are not synced, and what a key's total is over a row of the store. Takes no
 * entry into the table and loads nothing. Pure.
 */
#ifndef SR_CORE_COUNTERS_LIST_H
#define SR_CORE_COUNTERS_LIST_H

#include "base/limits.h"
#include "core/counters.h"

/* Keys that begin with the prefix, from a key on. */
struct counters_range {
    struct sr_span from;
    bool is_past; /* `from` itself is not in it */
    struct sr_span prefix;
};

struct counters_list_key {
    uint16_t size;
    uint8_t bytes[SR_KEY_SIZE_MAX];
};

/* The lowest keys of a range, at most key_max of them. */
struct counters_list {
    struct counters_list_key *keys; /* owned: key_max + 1 */
    uint32_t *order;                /* owned: indexes of keys, ascending once listed */
    uint32_t count, key_max;
};

/* SR_NO_MEMORY. */
enum sr_result counters_list_init(struct counters_list *list, uint32_t key_max) SR_MUST_USE;
void counters_list_done(struct counters_list *list);

static inline struct sr_span counters_list_key(const struct counters_list *list, uint32_t i)
{
    const struct counters_list_key *key = &list->keys[list->order[i]];

    return (struct sr_span){.data = key->bytes, .size = key->size};
}

/*
 * Fills the list with the lowest keys of the range that have a change of a living epoch and are
 * not deleted. Looks at every key in memory, holding a shard's lock for a few hundred at a
 * time; shards without changes cost nothing. A key whose change is flushed meanwhile may be
 * missing: then it is in the store by the time this returns.
 */
void counters_list_changed(struct counters *c, const struct counters_range *range,
                           struct counters_list *list);

/* A row of the store, and the writer's epoch L in the same snapshot. */
struct counters_row {
    int64_t value;
    bool exists;
    uint64_t loaded_epoch;
};

struct counters_seen {
    int64_t total;
    bool exists;
    bool total_known; /* false: it does not fit 64 bits */
};

/* The key's total over the row, exact at the moment of the call. False where L is below the
 * applied epoch, or not below the open one: read the row again. */
bool counters_see(struct counters *c, struct sr_span key, const struct counters_row *row,
                  struct counters_seen *ret_seen) SR_MUST_USE;

#endif
