/*
 * Bases that the loader brings into the counter table.
 */
#include "core/counters_internal.h"

struct sr_span counters_key(const struct counters *c, counters_ref ref)
{
    return entry_key(arena_entry(&c->arena, ref));
}

/*
 * Whether a snapshot of epoch L may be taken. Below the applied epoch it lacks what complete
 * has taken, or is about to take, out of the slots; not below the open one it cannot be of our
 * row.
 */
static bool is_usable(const struct counters *c, unsigned flags, uint64_t loaded_epoch,
                      uint64_t open_epoch)
{
    return loaded_epoch >= counters_applied(c) && loaded_epoch < open_epoch &&
           (flags & ENTRY_FORGOTTEN) == 0;
}

/* The flags of an entry with a base of a snapshot that includes the epoch before the open one,
 * or does not. */
static unsigned with_base(unsigned flags, bool exists, bool includes, uint64_t open_epoch)
{
    unsigned parity = (unsigned)(open_epoch - 1) & 1U;

    flags &= ~(ENTRY_EXISTS | ENTRY_INCLUDED | ENTRY_INCLUDED << 1);
    flags |= exists ? ENTRY_KNOWN | ENTRY_EXISTS : ENTRY_KNOWN;
    if (includes && entry_kind(flags, parity) != 0) {
        flags |= ENTRY_INCLUDED << parity;
    }
    return flags;
}

static void end_load(struct counters *c, struct shard *shard, counters_ref ref, unsigned flags)
{
    struct entry *e = arena_entry(&c->arena, ref);

    SR_CHECK((entry_flags(e) & ENTRY_LOADING) != 0 && shard->loading > 0);
    shard->loading--;
    counters_set_flags(c, ref, e, flags & ~(ENTRY_LOADING | ENTRY_FORGOTTEN));
}

enum counters_install counters_install(struct counters *c, counters_ref ref, int64_t value,
                                       bool exists, uint64_t loaded_epoch, uint32_t tick)
{
    struct shard *shard = counters_shard_of_ref(c, ref);
    struct entry *e = arena_entry(&c->arena, ref);
    uint64_t open_epoch;
    unsigned flags;

    shard_lock(shard);
    open_epoch = counters_open_now(c);
    flags = entry_flags(e);
    if (!is_usable(c, flags, loaded_epoch, open_epoch)) {
        counters_set_flags(c, ref, e, flags & ~ENTRY_FORGOTTEN);
        shard_unlock(shard);
        return COUNTERS_STALE;
    }
    /* A base that came meanwhile, by a flush of an epoch <= D <= L, is not newer than this. */
    e->base = exists ? value : 0;
    e->tick = tick;
    flags = with_base(flags, exists, loaded_epoch + 1 == open_epoch, open_epoch);
    end_load(c, shard, ref, flags);
    shard_unlock(shard);
    return COUNTERS_INSTALLED;
}

void counters_load_failed(struct counters *c, counters_ref ref)
{
    struct shard *shard = counters_shard_of_ref(c, ref);

    shard_lock(shard);
    end_load(c, shard, ref, entry_flags(arena_entry(&c->arena, ref)));
    shard_unlock(shard);
}
