/*
 * A row of the table of metrics. For metrics/ only.
 */
#ifndef SR_METRICS_TABLE_H
#define SR_METRICS_TABLE_H

#include "metrics/exposition.h"
#include "metrics/samples.h"

#include <stddef.h>

enum metric_read {
    READ_U64,       /* uint64_t at offset */
    READ_I64,       /* the same, an int64_t's bits */
    READ_BOOL,      /* bool at offset: 0 or 1 */
    READ_FACT,      /* uint64_t at offset in struct metrics_facts */
    READ_HISTOGRAM, /* pointer to a live histogram at offset */
    READ_SAMPLES    /* the function writes them */
};

struct metric {
    struct metric_family family;
    enum metric_read read;
    size_t offset;     /* in struct metrics_snapshot, but for READ_FACT */
    unsigned decimals; /* of the unit told in that of the value: 9 for seconds of nanoseconds */
    metric_samples_fn *samples;
};

/* In the order of the page. */
extern const struct metric metrics_table[];
extern const size_t metrics_table_size;

#endif
