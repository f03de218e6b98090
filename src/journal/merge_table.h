/*
 * The merger's changes in memory: a hash map from key and generation. Included by merge.c only.
 *
 * A table is larger than the processor's caches, and what finds a key reads three places of it
 * one after the other: slot, item, key. So a change is not merged when it is added: it waits
 * until some more have been added behind it, while those three come into the caches (group
 * prefetching: Chen, Ailamaki, Gibbons, Mowry, "Improving Hash Join Performance through
 * Prefetching", ICDE 2004). Merging is commutative, see sr_change_merge.
 */
#ifndef SR_JOURNAL_MERGE_TABLE_H
#define SR_JOURNAL_MERGE_TABLE_H

#include "base/result.h"
#include "base/siphash.h"
#include "core/change.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct merge_table;

/* memory_max: bytes in all. SR_NO_MEMORY, or what the source of random bytes says. */
enum sr_result merge_table_new(size_t memory_max, struct merge_table **ret_table,
                               struct sr_err *err) SR_MUST_USE;
void merge_table_free(struct merge_table **table);

/* Its key is copied. False, and nothing added, where there is no room; an empty table has some.
 */
bool merge_table_add(struct merge_table *t, const struct sr_change *change) SR_MUST_USE;

/* Every change that was added is merged, and merge_table_at hands them out in the order of
 * merge_compare, until merge_table_clear; nothing may be added before. */
void merge_table_sort(struct merge_table *t);

/* Changes in it; 0 only where none was added since it was cleared. */
size_t merge_table_count(const struct merge_table *t);

/* One of them; its key is the table's. */
struct sr_change merge_table_at(const struct merge_table *t, size_t number);

void merge_table_clear(struct merge_table *t);

#endif
