/*
 * The counter table as its header describes it.
 */
#include "model.h"

#include "base/arith.h"

#define PINS_MAX 15

struct total {
    sr_wide value;
    bool known;
    bool exists;
};

static void lay_over(struct total *total, const struct model_slot *slot)
{
    if (slot->kind == 0 || slot->included) {
        return;
    }
    switch (slot->kind) {
    case SR_CHANGE_ADD:
        total->value += slot->delta;
        total->exists = true;
        break;
    case SR_CHANGE_SET:
        *total = (struct total){.value = slot->delta, .known = true, .exists = true};
        break;
    default:
        *total = (struct total){.value = 0, .known = true, .exists = false};
        break;
    }
}

static struct total total_of(const struct model *m, const struct model_key *key, bool with_open)
{
    struct total total = {.value = 0};

    if (!key->cached) {
        return total;
    }
    if (key->known) {
        total = (struct total){.value = key->base, .known = true, .exists = key->exists};
    }
    lay_over(&total, &key->slots[(m->open - 1) % 2]);
    if (with_open) {
        lay_over(&total, &key->slots[m->open % 2]);
    }
    return total;
}

bool model_is_clean(const struct model_key *key)
{
    return key->slots[0].kind == 0 && key->slots[1].kind == 0 && !key->loading &&
           key->pins == 0;
}

static bool must_load(const struct model_key *key, const struct counters_turn *turn,
                      bool total_known)
{
    int64_t age = (int64_t)turn->tick - (int64_t)key->tick;
    bool touched = key->slots[0].kind != 0 || key->slots[1].kind != 0;

    if (!turn->may_wait) {
        return false;
    }
    return !total_known || (key->known && !touched && age > 2 && !turn->stale_will_do);
}

static enum counters_status wait_load(struct model_key *key, struct counters_outcome *out)
{
    if (!key->cached) {
        *key = (struct model_key){.cached = true};
    }
    out->start_load = !key->loading;
    key->loading = true;
    out->pinned = key->pins < PINS_MAX;
    key->pins += out->pinned;
    return COUNTERS_WAIT_LOAD;
}

/* Whether the change makes a total that does not fit, and worse than it was. */
static bool worse(sr_wide before, int64_t value)
{
    sr_wide after = before + value;

    return (after > INT64_MAX && after > before) || (after < INT64_MIN && after < before);
}

enum counters_status model_add(const struct model *m, struct model_key *key,
                               const struct counters_turn *turn, int64_t value,
                               struct counters_outcome *ret_outcome)
{
    struct model_slot *slot = &key->slots[turn->epoch % 2];
    struct model_slot *open = &key->slots[m->open % 2];
    struct total total = total_of(m, key, true);
    struct total sealed = total_of(m, key, false);
    bool older = turn->epoch < m->open;

    *ret_outcome = (struct counters_outcome){.total = 0};
    if (key->cached && older && open->kind != 0 && (open->kind > 1 || slot->kind > 1)) {
        return COUNTERS_WAIT_TURN;
    }
    if (must_load(key, turn, total.known)) {
        ret_outcome->refresh = total.known;
        return wait_load(key, ret_outcome);
    }
    if (total.known && worse(total.value, value)) {
        return COUNTERS_OVERFLOW;
    }
    if (older && sealed.known && worse(sealed.value, value)) {
        return COUNTERS_WAIT_TURN;
    }
    if (key->cached && !sr_wide_fits_i64((sr_wide)slot->delta + value)) {
        return COUNTERS_SLOT_FULL;
    }
    if (!key->cached) {
        *key = (struct model_key){.cached = true};
    }
    slot->kind = slot->kind > 1 ? SR_CHANGE_SET : SR_CHANGE_ADD;
    slot->delta += value;
    ret_outcome->generation = slot->generation;
    total = total_of(m, key, true);
    if (!total.known || !sr_wide_fits_i64(total.value)) {
        return COUNTERS_DONE_UNKNOWN;
    }
    ret_outcome->total = (int64_t)total.value;
    return COUNTERS_DONE;
}

enum counters_status model_replace(const struct model *m, struct model_key *key,
                                   const struct counters_turn *turn, enum sr_change_kind kind,
                                   int64_t value, struct counters_outcome *ret_outcome)
{
    struct model_slot *slot = &key->slots[turn->epoch % 2];

    *ret_outcome = (struct counters_outcome){.total = 0};
    if (key->cached && turn->epoch < m->open && key->slots[m->open % 2].kind != 0) {
        return COUNTERS_WAIT_TURN;
    }
    if (!key->cached) {
        *key = (struct model_key){.cached = true};
    }
    slot->kind = kind;
    slot->delta = value;
    slot->generation++;
    ret_outcome->generation = slot->generation;
    ret_outcome->total = value;
    return COUNTERS_DONE;
}

enum counters_status model_read(const struct model *m, struct model_key *key,
                                const struct counters_turn *turn,
                                struct counters_outcome *ret_outcome)
{
    struct total total = total_of(m, key, true);

    *ret_outcome = (struct counters_outcome){.total = 0};
    if (must_load(key, turn, total.known)) {
        ret_outcome->refresh = total.known;
        return wait_load(key, ret_outcome);
    }
    if (!total.known || !sr_wide_fits_i64(total.value)) {
        return COUNTERS_STORE_DOWN;
    }
    if (!total.exists) {
        return COUNTERS_ABSENT;
    }
    ret_outcome->total = (int64_t)total.value;
    ret_outcome->synced = key->known ? key->base : 0;
    ret_outcome->synced_known = key->known;
    return COUNTERS_DONE;
}

enum counters_install model_install(const struct model *m, struct model_key *key, int64_t value,
                                    bool exists, uint64_t loaded_epoch, uint32_t tick)
{
    bool usable = !key->forgotten && loaded_epoch >= m->applied && loaded_epoch < m->open;

    key->forgotten = false;
    if (!usable) {
        return COUNTERS_STALE;
    }
    key->loading = false;
    key->known = true;
    key->exists = exists;
    key->base = exists ? value : 0;
    key->tick = tick;
    for (uint64_t epoch = m->open - 1; epoch <= m->open; epoch++) {
        struct model_slot *slot = &key->slots[epoch % 2];

        slot->included = slot->kind != 0 && epoch <= loaded_epoch;
    }
    return COUNTERS_INSTALLED;
}

void model_load_failed(struct model_key *key)
{
    key->loading = false;
    key->forgotten = false;
}

void model_complete(struct model_key *key, unsigned parity, const struct counters_base *base,
                    uint32_t tick)
{
    bool included = key->slots[parity].included;

    key->slots[parity] = (struct model_slot){.kind = 0};
    if (included) {
        return;
    }
    key->known = base != NULL && base->known != 0;
    key->exists = key->known && base->exists != 0;
    key->base = key->exists ? base->value : 0;
    key->tick = tick;
}

void model_forget(struct model_key *key)
{
    key->known = false;
    key->exists = false;
    key->base = 0;
    key->forgotten = key->loading;
    key->slots[0].included = false;
    key->slots[1].included = false;
}
