/*
 * The counter table as its header describes it, one key at a time, without any of its
 * cleverness: what every operation has to answer. The test drives both and compares.
 */
#ifndef TEST_CORE_MODEL_H
#define TEST_CORE_MODEL_H

#include "core/counters.h"

#include <stdbool.h>
#include <stdint.h>

struct model_slot {
    unsigned kind; /* enum sr_change_kind, 0: untouched */
    int64_t delta;
    uint32_t generation;
    bool included;
};

struct model_key {
    bool cached; /* has an entry; all below means something only then */
    bool known;
    bool exists;
    bool loading;
    bool forgotten;
    unsigned pins;
    int64_t base;
    uint32_t tick;
    struct model_slot slots[2];
};

struct model {
    uint64_t open;
    uint64_t applied;
};

/* Whether the table may evict the key. */
bool model_is_clean(const struct model_key *key);

/* What the operations have to answer, with what they do to the key. They never say TABLE_FULL.
 */
enum counters_status model_add(const struct model *m, struct model_key *key,
                               const struct counters_turn *turn, int64_t value,
                               struct counters_outcome *ret_outcome);
enum counters_status model_replace(const struct model *m, struct model_key *key,
                                   const struct counters_turn *turn, enum sr_change_kind kind,
                                   int64_t value, struct counters_outcome *ret_outcome);
enum counters_status model_read(const struct model *m, struct model_key *key,
                                const struct counters_turn *turn,
                                struct counters_outcome *ret_outcome);

enum counters_install model_install(const struct model *m, struct model_key *key, int64_t value,
                                    bool exists, uint64_t loaded_epoch, uint32_t tick);
void model_load_failed(struct model_key *key);
void model_complete(struct model_key *key, unsigned parity, const struct counters_base *base,
                    uint32_t tick);
void model_forget(struct model_key *key);

#endif
