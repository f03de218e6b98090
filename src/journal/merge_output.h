/*
 * The merger's way out. Included by merge.c only.
 */
#ifndef SR_JOURNAL_MERGE_OUTPUT_H
#define SR_JOURNAL_MERGE_OUTPUT_H

#include "base/limits.h"
#include "journal/merge.h"

#include <stdint.h>

/* The order of changes: by key, the highest generation first. */
int merge_compare(const struct sr_change *a, const struct sr_change *b);

/* Where changes go in that order. */
struct merge_output {
    merger_take_fn *take;
    void *context;
    bool whole;           /* of one key one change, see merger_drain */
    bool any;             /* `now` is one that may be added to */
    struct sr_change now; /* its key is in `key` */
    uint8_t key[SR_KEY_SIZE_MAX];
};

enum sr_result merge_output_add(struct merge_output *out, const struct sr_change *change,
                                struct sr_err *err) SR_MUST_USE;
enum sr_result merge_output_end(struct merge_output *out, struct sr_err *err) SR_MUST_USE;

#endif
