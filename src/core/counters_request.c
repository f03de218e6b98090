/*
 * What workers do to the counter table: increment, set, delete, read, and waiting for a load.
 */
#include "core/request.h"

/* How often an operation is tried again after room was made: others may take it away. */
#define TRIES_MAX 16U

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
    request_mark_used(&r);
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

/* Adds to the turn's slot, where the sum fits. */
static enum counters_status add_to_slot(struct request *r, int64_t value,
                                        struct counters_outcome *out)
{
    unsigned parity = (unsigned)r->turn->epoch & 1U;
    int64_t delta = 0;

    if (!sr_add_i64(r->entry->delta[parity], value, &delta)) {
        return COUNTERS_SLOT_FULL;
    }
    request_write_slot(r, request_kind_after_add(r), delta);
    out->generation = r->entry->generation[parity];
    return COUNTERS_DONE;
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
    return sealed.known && request_pushes_out(sealed.value, value);
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
    if (request_must_wait_for_set(r)) {
        return COUNTERS_WAIT_TURN;
    }
    total = entry_total(r->entry, r->flags, r->open);
    if (r->turn->may_wait && (!total.known || request_is_stale(r))) {
        out->refresh = total.known;
        return wait_load(r, out);
    }
    if (total.known && request_pushes_out(total.value, value)) {
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
    request_write_slot(r, kind, value);
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
    if (r->turn->may_wait && (!total.known || request_is_stale(r))) {
        out->refresh = total.known;
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

/* Pins the entry, unless 15 pins are out. */
static void pin(struct request *r, struct counters_outcome *out)
{
    if (!out->pinned && (r->flags & ENTRY_PINS) != ENTRY_PINS) {
        request_set_flags(r, r->flags + ENTRY_PIN);
        out->pinned = true;
    }
    out->ref = r->ref;
}

static enum counters_status hold_locked(struct request *r, struct counters_outcome *out)
{
    struct entry_total total;

    if (r->entry == NULL) {
        if (!request_create(r)) {
            return COUNTERS_TABLE_FULL;
        }
        out->pinned = true;
    }
    total = entry_total(r->entry, r->flags, r->open);
    if (r->turn->may_wait && (!total.known || request_is_stale(r))) {
        out->refresh = total.known;
        return wait_load(r, out);
    }
    pin(r, out);
    return COUNTERS_DONE;
}

enum counters_status counters_hold(struct counters *c, const struct counters_turn *turn,
                                   struct sr_span key, uint64_t hash,
                                   struct counters_outcome *ret_outcome)
{
    unsigned tries = 0;

    for (;;) {
        struct request r = request_begin(c, turn, key, hash);
        enum counters_status status;

        *ret_outcome = (struct counters_outcome){.total = 0};
        status = hold_locked(&r, ret_outcome);
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
