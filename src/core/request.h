/*
 * One operation of a worker on one entry while it holds the lock of the entry's shard: what
 * single requests and batches have in common. Private to core/.
 */
#ifndef SR_CORE_REQUEST_H
#define SR_CORE_REQUEST_H

#include "core/counters_internal.h"

/* One operation while it holds the shard's lock. */
struct request {
    struct counters *c;
    const struct counters_turn *turn;
    struct sr_span key;
    uint64_t hash;
    struct shard *shard;
    uint64_t open;    /* epoch o, read under the lock */
    counters_ref ref; /* 0: the key has no entry */
    struct entry *entry;
    unsigned flags; /* the entry's, as they are in memory */
};

static inline void request_set_flags(struct request *r, unsigned flags)
{
    counters_set_flags(r->c, r->ref, r->entry, flags);
    r->flags = flags;
}

static inline void request_use_entry(struct request *r, counters_ref ref)
{
    r->ref = ref;
    r->entry = arena_entry(&r->c->arena, ref);
    r->flags = entry_flags(r->entry);
}

/* For the clock of eviction. The retry of who waited for a load is still its first use. */
static inline void request_mark_used(struct request *r)
{
    if ((r->flags & (ENTRY_REFERENCED | ENTRY_PINS)) == 0) {
        request_set_flags(r, r->flags | ENTRY_REFERENCED);
    }
}

/* Whether the base must be loaded again before it is relied on: other instances add too. */
static inline bool request_is_stale(const struct request *r)
{
    /* Signed: the turn may have begun before the tick at which the base came. */
    return !r->turn->stale_will_do && (r->flags & ENTRY_KNOWN) != 0 &&
           (r->flags & ENTRY_KINDS) == 0 && (int32_t)(r->turn->tick - r->entry->tick) > 2;
}

/* Writes the turn's slot and marks it touched. */
static inline void request_write_slot(struct request *r, unsigned kind, int64_t delta)
{
    unsigned parity = (unsigned)r->turn->epoch & 1U;
    unsigned before = entry_kind(r->flags, parity);

    SR_CHECK((r->flags & (ENTRY_INCLUDED << parity)) == 0);
    r->entry->delta[parity] = delta;
    if (before == 0) {
        counters_mark_dirty(r->c, r->shard, r->ref, parity);
    }
    if (before != kind) {
        request_set_flags(r, entry_with_kind(r->flags, parity, kind));
    }
}

/* The kind of the turn's slot after an add: over a delete it is a set, which started from 0
 * again. */
static inline unsigned request_kind_after_add(const struct request *r)
{
    unsigned kind = entry_kind(r->flags, (unsigned)r->turn->epoch & 1U);

    return kind == 0 || kind == SR_CHANGE_ADD ? SR_CHANGE_ADD : SR_CHANGE_SET;
}

/* Whether an add moves a total out of the 64-bit range or further out. */
static inline bool request_pushes_out(sr_wide total, int64_t value)
{
    return (value > 0 && total + value > INT64_MAX) || (value < 0 && total + value < INT64_MIN);
}

/* Whether an increment in a turn of o-1 would have to go under a set or delete of o, or under
 * an add of o that lies over one: journal and slots could disagree on the order. */
static inline bool request_must_wait_for_set(const struct request *r)
{
    unsigned open_kind = entry_kind(r->flags, (unsigned)r->open & 1U);
    unsigned kind = entry_kind(r->flags, (unsigned)r->turn->epoch & 1U);

    return r->turn->epoch != r->open && open_kind != 0 &&
           (open_kind != SR_CHANGE_ADD || kind > SR_CHANGE_ADD);
}

#endif
