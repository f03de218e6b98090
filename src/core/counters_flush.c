/*
 * The flusher's side of the counter table: epochs, the sealed slot in key order, new bases.
 */
#include "base/memory.h"
#include "core/counters_internal.h"
#include "core/key_sort.h"

#include <string.h>

/* How far ahead of a change its entry is asked for. */
#define PREFETCH 8U

void counters_open_epoch(struct counters *c, uint64_t epoch)
{
    uint64_t open = counters_open_now(c);

    SR_CHECK(epoch > 0 && (open == 0 || epoch == open + 1));
    for (uint32_t i = 0; i < c->shard_count; i++) {
        shard_lock(&c->shards[i]);
        SR_CHECK(c->shards[i].dirty[epoch & 1] == 0);
        shard_unlock(&c->shards[i]);
    }
    atomic_store_explicit(&c->open_epoch, epoch, memory_order_release);
}

void counters_set_applied(struct counters *c, uint64_t epoch)
{
    atomic_store_explicit(&c->applied, epoch, memory_order_release);
}

uint64_t counters_applied(const struct counters *c)
{
    return atomic_load_explicit(&c->applied, memory_order_acquire);
}

static size_t count_dirty(struct counters *c, unsigned parity)
{
    size_t count = 0;

    for (uint32_t i = 0; i < c->shard_count; i++) {
        shard_lock(&c->shards[i]);
        count += c->shards[i].dirty[parity];
        shard_unlock(&c->shards[i]);
    }
    return count;
}

/* Appends the references of a page's dirty entries. */
static size_t collect_page(const struct counters *c, uint32_t number, unsigned parity,
                           struct key_sort_item *items, size_t room)
{
    const struct arena_page *page = &c->arena.pages[number];
    size_t count = 0;

    for (unsigned word = 0; word < ARENA_PAGE_ENTRIES_MAX / 32; word++) {
        for (uint32_t bits = page->dirty[parity].words[word]; bits != 0; bits &= bits - 1) {
            unsigned position = word * 32 + (unsigned)__builtin_ctz(bits);

            SR_CHECK(count < room);
            items[count++].ref = slab_ref(&c->arena, number, position);
        }
    }
    return count;
}

/* Fills items from all pages, one lock at a time. An entry with a sealed slot is never moved.
 */
static size_t collect_pages(struct counters *c, unsigned parity, struct key_sort_item *items,
                            size_t room)
{
    uint32_t pages = atomic_load_explicit(&c->arena.bumped, memory_order_relaxed);
    size_t count = 0;

    for (uint32_t number = 1; number <= pages; number++) {
        uint16_t owner = arena_page_shard(&c->arena.pages[number]);

        if (owner == ARENA_NO_SHARD) {
            continue;
        }
        shard_lock(&c->shards[owner]);
        if (arena_page_shard(&c->arena.pages[number]) == owner) {
            count += collect_page(c, number, parity, items + count, room - count);
        }
        shard_unlock(&c->shards[owner]);
    }
    return count;
}

/* Keeps the references alone and gives the rest of the memory back. */
static void strip_words(struct counters_sealed *sealed, struct key_sort_item *items)
{
    size_t kept = sr_round_up(sealed->count * sizeof(*sealed->refs), ARENA_PAGE_SIZE);

    sealed->refs = (counters_ref *)(void *)items;
    for (size_t i = 0; i < sealed->count; i++) {
        sealed->refs[i] = items[i].ref;
    }
    sr_pages_discard((uint8_t *)sealed->refs + kept, sealed->bytes - kept);
}

static struct sr_span key_of_ref(const void *counters, uint32_t ref)
{
    const struct counters *c = counters;

    return entry_key(arena_entry(&c->arena, ref));
}

enum sr_result counters_collect(struct counters *c, uint64_t epoch,
                                struct counters_sealed *ret_sealed, struct sr_err *err)
{
    struct counters_sealed sealed = {.epoch = epoch};
    struct key_sort_keys keys = {.key_of = key_of_ref, .owner = c};
    struct key_sort_item *items;

    SR_CHECK(epoch + 1 == counters_open_now(c) || epoch == counters_open_now(c));
    sealed.count = count_dirty(c, epoch & 1);
    if (sealed.count == 0) {
        *ret_sealed = sealed;
        return SR_OK;
    }
    sealed.bytes = sr_round_up(sealed.count * sizeof(*items), ARENA_PAGE_SIZE);
    items = sr_pages_alloc(sealed.bytes);
    if (items == NULL) {
        return sr_fail(err, SR_NO_MEMORY, "no memory to sort %zu changed keys by",
                       sealed.count);
    }
    SR_CHECK(collect_pages(c, epoch & 1, items, sealed.count) == sealed.count);
    key_sort(&keys, items, sealed.count);
    strip_words(&sealed, items);
    *ret_sealed = sealed;
    return SR_OK;
}

/* Callers go through the changes in the order of keys, in which entries lie anywhere. */
static void prefetch(const struct counters *c, const struct counters_sealed *sealed, size_t i)
{
    if (i < sealed->count) {
        entry_prefetch(arena_entry(&c->arena, sealed->refs[i]));
    }
}

void counters_sealed_change(const struct counters *c, const struct counters_sealed *sealed,
                            size_t i, struct sr_change *ret_change)
{
    unsigned parity = sealed->epoch & 1;
    const struct entry *e;

    SR_CHECK(i < sealed->count);
    prefetch(c, sealed, i + PREFETCH);
    e = arena_entry(&c->arena, sealed->refs[i]);
    *ret_change = (struct sr_change){
        .key = entry_key(e),
        .value = e->delta[parity],
        .generation = e->generation[parity],
        .kind = (enum sr_change_kind)entry_kind(entry_flags(e), parity),
    };
}

/* The flags of an entry whose slot of a parity is completed. A base that a load took after the
 * epoch was applied stays: it is newer than what the flush returned. */
static unsigned complete_flags(unsigned flags, unsigned parity,
                               const struct counters_base *base)
{
    bool included = (flags & (ENTRY_INCLUDED << parity)) != 0;

    flags = entry_with_kind(flags, parity, 0) & ~(ENTRY_INCLUDED << parity);
    if (included) {
        return flags;
    }
    flags &= ~(ENTRY_KNOWN | ENTRY_EXISTS);
    if (base == NULL || base->known == 0) {
        return flags;
    }
    return flags | ENTRY_KNOWN | (base->exists != 0 ? ENTRY_EXISTS : 0);
}

static void complete_one(struct counters *c, counters_ref ref, unsigned parity,
                         const struct counters_base *base, uint32_t tick)
{
    struct shard *shard = counters_shard_of_ref(c, ref);
    struct entry *e = arena_entry(&c->arena, ref);
    unsigned flags;

    shard_lock(shard);
    flags = entry_flags(e);
    if ((flags & (ENTRY_INCLUDED << parity)) == 0) {
        e->base = base != NULL && base->known != 0 && base->exists != 0 ? base->value : 0;
        e->tick = tick;
    }
    e->delta[parity] = 0;
    e->generation[parity] = 0;
    counters_mark_completed(c, shard, ref, parity);
    counters_set_flags(c, ref, e, complete_flags(flags, parity, base));
    shard_unlock(shard);
}

void counters_complete(struct counters *c, const struct counters_sealed *sealed,
                       const struct counters_base *bases, uint32_t tick)
{
    SR_CHECK(sealed->epoch <= counters_applied(c));
    for (size_t i = 0; i < sealed->count; i++) {
        prefetch(c, sealed, i + PREFETCH);
        complete_one(c, sealed->refs[i], sealed->epoch & 1, bases == NULL ? NULL : &bases[i],
                     tick);
    }
}

void counters_sealed_done(struct counters_sealed *sealed)
{
    sr_pages_free(sealed->refs, sealed->bytes);
    *sealed = (struct counters_sealed){.epoch = 0};
}

static void forget_base(struct counters *c, counters_ref ref)
{
    struct entry *e = arena_entry(&c->arena, ref);
    unsigned flags = entry_flags(e);

    flags &= ~(ENTRY_KNOWN | ENTRY_EXISTS | ENTRY_INCLUDED | ENTRY_INCLUDED << 1);
    flags |= (flags & ENTRY_LOADING) != 0 ? ENTRY_FORGOTTEN : 0;
    e->base = 0;
    counters_set_flags(c, ref, e, flags);
}

void counters_forget_bases(struct counters *c)
{
    for (uint32_t i = 0; i < c->shard_count; i++) {
        struct shard *shard = &c->shards[i];

        /* One lock for all of the shard: page by page an entry could be moved past us. */
        shard_lock(shard);
        for (uint32_t slot = 0; slot < shard->index.count; slot++) {
            if (shard->index.slots[slot].ref != 0) {
                forget_base(c, shard->index.slots[slot].ref);
            }
        }
        shard_unlock(shard);
    }
}
