/*
 * One entry of the counter table as it lies in memory, and what its total is. Private to core/.
 * All of it belongs to the lock of its shard, but for the key, which never changes, and a slot
 * of a sealed epoch, which does not change until it is completed.
 */
#ifndef SR_CORE_ENTRY_H
#define SR_CORE_ENTRY_H

#include "base/arith.h"
#include "base/span.h"
#include "core/change.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * flags:  15 | 14   11 | 10        | 9          | 8       | 7      | 6     | 5 4         | 3 2
 * 1 0 0  | pins    | forgotten | referenced | loading | exists | known | included[2] | kind[2]
 */
#define ENTRY_KIND_MASK 0x0003U /* enum sr_change_kind, 0: untouched; shifted by 2 * parity */
#define ENTRY_KINDS 0x000fU
#define ENTRY_INCLUDED 0x0010U   /* the base includes the slot already; shifted by parity */
#define ENTRY_KNOWN 0x0040U      /* base and ENTRY_EXISTS mean something */
#define ENTRY_EXISTS 0x0080U     /* the row was there */
#define ENTRY_LOADING 0x0100U    /* a load is outstanding */
#define ENTRY_REFERENCED 0x0200U /* used since the clock's hand came by */
#define ENTRY_FORGOTTEN 0x0400U  /* bases were forgotten while the load was outstanding */
#define ENTRY_PIN 0x0800U        /* one of up to 15 */
#define ENTRY_PINS 0x7800U

/* What keeps an entry from being evicted. An entry with none of these is called clean. */
#define ENTRY_HELD (ENTRY_KINDS | ENTRY_LOADING | ENTRY_PINS)

struct entry {
    int64_t base;           /* 0 where unknown or the row is absent */
    int64_t delta[2];       /* by epoch parity; 0 where untouched or deleted */
    uint32_t generation[2]; /* sets and deletes in the slot so far */
    uint16_t key_size;
    _Atomic uint16_t flags; /* atomic only so that the kind of a sealed slot is read unlocked */
    uint32_t tick;          /* when the base was taken */
    uint8_t key[];
};

static_assert(sizeof(struct entry) == 40, "DESIGN section 6 counts on it");

/* Has an entry on its way into the caches; with a short key it lies in one or two lines of 64.
 */
static inline void entry_prefetch(const struct entry *e)
{
    __builtin_prefetch(e, 1);
    __builtin_prefetch((const uint8_t *)e + 63, 1);
}

static inline unsigned entry_flags(const struct entry *e)
{
    return atomic_load_explicit(&e->flags, memory_order_relaxed);
}

static inline struct sr_span entry_key(const struct entry *e)
{
    return (struct sr_span){.data = e->key, .size = e->key_size};
}

/* What was done to the slot of a parity, 0 where it is untouched. */
static inline unsigned entry_kind(unsigned flags, unsigned parity)
{
    return (flags >> (2 * parity)) & ENTRY_KIND_MASK;
}

static inline unsigned entry_with_kind(unsigned flags, unsigned parity, unsigned kind)
{
    return (flags & ~(ENTRY_KIND_MASK << (2 * parity))) | (kind << (2 * parity));
}

/* A total, or what is known of it. */
struct entry_total {
    sr_wide value; /* counts from 0 where the base is unknown */
    bool known;
    bool exists; /* means something where the total is known */
};

/* What the database holds, as far as it is known. */
static inline struct entry_total entry_base(const struct entry *e, unsigned flags)
{
    return (struct entry_total){.value = e->base,
                                .known = (flags & ENTRY_KNOWN) != 0,
                                .exists = (flags & ENTRY_EXISTS) != 0};
}

/* A total with the slot of one more epoch over it. */
static inline struct entry_total entry_over(struct entry_total total, const struct entry *e,
                                            unsigned flags, uint64_t epoch)
{
    unsigned parity = (unsigned)epoch & 1U;
    unsigned kind = entry_kind(flags, parity);

    if (kind == 0 || (flags & (ENTRY_INCLUDED << parity)) != 0) {
        return total;
    }
    total.value = e->delta[parity] + (kind == SR_CHANGE_ADD ? total.value : 0);
    total.known = total.known || kind != SR_CHANGE_ADD;
    total.exists = kind != SR_CHANGE_DELETE;
    return total;
}

/* The total that the database will hold when the epoch before the open one is applied. */
static inline struct entry_total entry_total_sealed(const struct entry *e, unsigned flags,
                                                    uint64_t open_epoch)
{
    return entry_over(entry_base(e, flags), e, flags, open_epoch - 1);
}

/* The running total. */
static inline struct entry_total entry_total(const struct entry *e, unsigned flags,
                                             uint64_t open_epoch)
{
    return entry_over(entry_total_sealed(e, flags, open_epoch), e, flags, open_epoch);
}

#endif
