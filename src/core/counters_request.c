/*
 * What workers do to the counter table: increment, set, delete, read, and waiting for a load.
 */
#include "core/counters_internal.h"

/* How often an operation is tried again after room was made: others may take it away. */
#define TRIES_MAX 16U

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

static void request_set_flags(struct request *r, unsigned flags)
{
    counters_set_flags(r->c, r->ref, r->entry, flags);
    r->flags = flags;
}

static void request_use_entry(struct request *r, counters_ref ref)
{
    r->ref = ref;
    r->entry = arena_entry(&r->c->arena, ref);
    r->flags = entry_flags(r->entry);
}

static struct request request_begin(struct counters *c, const struct counters_turn *turn,
                                    struct sr_span key, uint64_t hash)
{
    struct request r = {.c = c, .turn = turn, .key = key, .hash = hash};
    counters_ref ref;

    r.shard = counters_shard_of_hash(c, hash);
    shard_lock(r.shard);
    r.open = counters_open_now(c);
    SR_CHECK(turn->epoch == r.open || turn->epoch + 1 == r.open);
    ref = counters_find(c, r.shard, key, hash);
    if (ref == 0) {
        return r;
    }
    request_use_entry(&r, ref);
    /* The retry of who waited for a load is still its first use. */
    if ((r.flags & (ENTRY_REFERENCED | ENTRY_PINS)) == 0) {
        request_set_flags(&r, r.flags | ENTRY_REFERENCED);
    }
    return r;
}

/* Ends the request; true if it should be tried again, since room was made meanwhile. */
static bool request_end(const struct request *r, enum counters_status status, unsigned *tries)
{
    shard_unlock(r->shard);
    return status == COUNTERS_TABLE_FULL && (*tries)++ < TRIES_MAX &&
           counters_make_room(r->c, r->shard, r->key.size);
}

/* Makes the entry, held by one pin. */
static bool request_create(struct request *r)
{
    counters_ref ref = counters_create(r->c, r->shard, r->key, r->hash);

    if (ref == 0) {
        return false;
    }
    request_use_entry(r, ref);
    return true;
}

/* Whether the base must be loaded again before it is relied on: other instances add too. */
static bool is_stale(const struct request *r)
{
    /* Signed: the turn may have begun before the tick at which the base came. */
    return (r->flags & ENTRY_KNOWN) != 0 && (r->flags & ENTRY_KINDS) == 0 &&
           (int32_t)(r->turn->tick - r->entry->tick) > 2;
}

/* Lets the caller wait for a load of the entry, which is created if there is none. */
static enum counters_status wait_load(struct request *r, struct counters_outcome *out)
{
    unsigned flags;

    if (r->entry == NULL) {
        if (!request_create(r)) {
            return COUNTERS_TABLE_FULL;
        }
        out->pinned = true;
    }
    flags = r->flags;
    if (!out->pinned && (flags & ENTRY_PINS) != ENTRY_PINS) {
        flags += ENTRY_PIN;
        out->pinned = true;
    }
    if ((flags & ENTRY_LOADING) == 0) {
        flags |= ENTRY_LOADING;
        out->start_load = true;
        r->shard->loading++;
    }
    request_set_flags(r, flags);
    out->ref = r->ref;
    return COUNTERS_WAIT_LOAD;
}

/* Writes the turn's slot and marks it touched. */
static void write_slot(struct request *r, unsigned kind, int64_t delta)
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

/* Adds to the turn's slot, where the sum fits. */
static enum counters_status add_to_slot(struct request *r, int64_t value,
                                        struct counters_outcome *out)
{
    unsigned parity = (unsigned)r->turn->epoch & 1U;
    unsigned kind = entry_kind(r->flags, parity);
    int64_t delta = 0;

    if (!sr_add_i64(r->entry->delta[parity], value, &delta)) {
        return COUNTERS_SLOT_FULL;
    }
    /* An add over a delete is a set: it started from 0 again. */
    write_slot(r, kind == 0 || kind == SR_CHANGE_ADD ? SR_CHANGE_ADD : SR_CHANGE_SET, delta);
    out->generation = r->entry->generation[parity];
    return COUNTERS_DONE;
}

/* Whether an add moves a total out of the 64-bit range or further out. */
static bool pushes_out(sr_wide total, int64_t value)
{
    return (value > 0 && total + value > INT64_MAX) || (value < 0 && total + value < INT64_MIN);
}

/* Whether an increment in a turn of o-1 would have to go under a set or delete of o, or under
 * an add of o that lies over one: journal and slots could disagree on the order. */
static bool must_wait_for_set(const struct request *r)
{
    unsigned open_kind = entry_kind(r->flags, (unsigned)r->open & 1U);
    unsigned kind = entry_kind(r->flags, (unsigned)r->turn->epoch & 1U);

    return r->turn->epoch != r->open && open_kind != 0 &&
           (open_kind != SR_CHANGE_ADD || kind > SR_CHANGE_ADD);
}

/* Whether an increment in a turn of o-1 fits the total only because of what slot o takes away
 * again: the database sees the total of o-1 without it. */
static bool must_wait_for_room(const struct request *r, int64_t value)
{
    struct entry_total sealed;

    if (r->turn->epoch == r->open) {
        return false;
    }
    sealed = entry_total_sealed(r->entry, r->flags, r->open);
    return sealed.known && pushes_out(sealed.value, value);
}

static enum counters_status increment_new(struct request *r, int64_t value,
                                          struct counters_outcome *out)
{
    enum counters_status status;

    if (r->turn->may_wait) {
        return wait_load(r, out);
    }
    if (!request_create(r)) {
        return COUNTERS_TABLE_FULL;
    }
    status = add_to_slot(r, value, out);
    SR_CHECK(status == COUNTERS_DONE);
    request_set_flags(r, r->flags - ENTRY_PIN);
    return COUNTERS_DONE_UNKNOWN;
}

static enum counters_status increment_locked(struct request *r, int64_t value,
                                             struct counters_outcome *out)
{
    struct entry_total total;
    enum counters_status status;

    if (r->entry == NULL) {
        return increment_new(r, value, out);
    }
    if (must_wait_for_set(r)) {
        return COUNTERS_WAIT_TURN;
    }
    total = entry_total(r->entry, r->flags, r->open);
    if (r->turn->may_wait && (!total.known || is_stale(r))) {
        return wait_load(r, out);
    }
    if (total.known && pushes_out(total.value, value)) {
        return COUNTERS_OVERFLOW;
    }
    if (must_wait_for_room(r, value)) {
        return COUNTERS_WAIT_TURN;
    }
    status = add_to_slot(r, value, out);
    if (status != COUNTERS_DONE) {
        return status;
    }
    total.value += value;
    if (!total.known || !sr_wide_fits_i64(total.value)) {
        return COUNTERS_DONE_UNKNOWN;
    }
    out->total = (int64_t)total.value;
    return COUNTERS_DONE;
}

enum counters_status counters_increment(struct counters *c, const struct counters_turn *turn,
                                        struct sr_span key, uint64_t hash, int64_t value,
                                        struct counters_outcome *ret_outcome)
{
    unsigned tries = 0;

    for (;;) {
        struct request r = request_begin(c, turn, key, hash);
        enum counters_status status;

        *ret_outcome = (struct counters_outcome){.total = 0};
        status = increment_locked(&r, value, ret_outcome);
        if (!request_end(&r, status, &tries)) {
            return status;
        }
    }
}

static enum counters_status replace_locked(struct request *r, enum sr_change_kind kind,
                                           int64_t value, struct counters_outcome *out)
{
    unsigned parity = (unsigned)r->turn->epoch & 1U;
    bool created = r->entry == NULL;

    if (created && !request_create(r)) {
        return COUNTERS_TABLE_FULL;
    }
    if (r->turn->epoch != r->open && entry_kind(r->flags, (unsigned)r->open & 1U) != 0) {
        return COUNTERS_WAIT_TURN;
    }
    if (r->entry->generation[parity] == UINT32_MAX) {
        return COUNTERS_SLOT_FULL;
    }
    out->replaced = r->entry->delta[parity];
    write_slot(r, kind, value);
    if (created) {
        request_set_flags(r, r->flags - ENTRY_PIN);
    }
    out->generation = ++r->entry->generation[parity];
    out->total = value;
    return COUNTERS_DONE;
}

enum counters_status counters_replace(struct counters *c, const struct counters_turn *turn,
                                      struct sr_span key, uint64_t hash,
                                      enum sr_change_kind kind, int64_t value,
                                      struct counters_outcome *ret_outcome)
{
    unsigned tries = 0;

    SR_CHECK(kind == SR_CHANGE_SET || (kind == SR_CHANGE_DELETE && value == 0));
    for (;;) {
        struct request r = request_begin(c, turn, key, hash);
        enum counters_status status;

        *ret_outcome = (struct counters_outcome){.total = 0};
        status = replace_locked(&r, kind, value, ret_outcome);
        if (!request_end(&r, status, &tries)) {
            return status;
        }
    }
}

static enum counters_status read_locked(struct request *r, struct counters_outcome *out)
{
    struct entry_total total = {.known = false};

    if (r->entry != NULL) {
        total = entry_total(r->entry, r->flags, r->open);
    }
    if (r->turn->may_wait && (!total.known || is_stale(r))) {
        return wait_load(r, out);
    }
    if (!total.known || !sr_wide_fits_i64(total.value)) {
        return COUNTERS_STORE_DOWN;
    }
    if (!total.exists) {
        return COUNTERS_ABSENT;
    }
    out->total = (int64_t)total.value;
    out->synced = r->entry->base;
    out->synced_known = (r->flags & ENTRY_KNOWN) != 0;
    return COUNTERS_DONE;
}

enum counters_status counters_read(struct counters *c, const struct counters_turn *turn,
                                   struct sr_span key, uint64_t hash,
                                   struct counters_outcome *ret_outcome)
{
    unsigned tries = 0;

    for (;;) {
        struct request r = request_begin(c, turn, key, hash);
        enum counters_status status;

        *ret_outcome = (struct counters_outcome){.total = 0};
        status = read_locked(&r, ret_outcome);
        if (!request_end(&r, status, &tries)) {
            return status;
        }
    }
}

void counters_unpin(struct counters *c, counters_ref ref)
{
    struct shard *shard = counters_shard_of_ref(c, ref);
    struct entry *e = arena_entry(&c->arena, ref);

    shard_lock(shard);
    SR_CHECK((entry_flags(e) & ENTRY_PINS) != 0);
    counters_set_flags(c, ref, e, entry_flags(e) - ENTRY_PIN);
    shard_unlock(shard);
}

bool counters_loading(struct counters *c, counters_ref ref)
{
    struct shard *shard = counters_shard_of_ref(c, ref);
    bool loading;

    shard_lock(shard);
    loading = (entry_flags(arena_entry(&c->arena, ref)) & ENTRY_LOADING) != 0;
    shard_unlock(shard);
    return loading;
}
