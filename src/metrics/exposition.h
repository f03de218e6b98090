/*
 * The text formats that Prometheus reads: families, samples, histograms. Pure: appends to a
 * buffer. https://prometheus.io/docs/instrumenting/exposition_formats/ (text 0.0.4)
 *   https://prometheus.io/docs/specs/om/open_metrics_spec/ (OpenMetrics 1.0)
 * The two differ in a counter's family name, the UNIT line, the escapes of HELP, and the end.
 */
#ifndef SR_METRICS_EXPOSITION_H
#define SR_METRICS_EXPOSITION_H

#include "base/buffer.h"
#include "base/histogram.h"

#include <stdbool.h>
#include <stdint.h>

#define METRIC_LABELS_MAX 5

enum metric_type {
    METRIC_COUNTER, /* samples are called <name>_total */
    METRIC_GAUGE,
    METRIC_HISTOGRAM, /* <name>_bucket, _sum, _count */
    METRIC_INFO       /* <name>_info, always 1 */
};

/* A family: all samples of one name. */
struct metric_family {
    const char *name; /* without _total or _info; ends with its unit */
    enum metric_type type;
    const char *unit; /* "seconds", "bytes", or "" */
    const char *help;
    const char *labels[METRIC_LABELS_MAX + 1]; /* names, ends with NULL */
};

/* A page being written. result is SR_OK or the first error of the buffer; after it nothing more
 * is appended. */
struct exposition {
    struct sr_buffer *out;
    bool openmetrics; /* else text 0.0.4 */
    enum sr_result result;
    const struct metric_family *family; /* the one under way */
};

/* A decimal fraction: value / 10^decimals. Seconds from nanoseconds have 9 decimals, a plain
 * count 0. */
struct metric_number {
    uint64_t value;
    unsigned decimals; /* at most 19 */
    bool is_signed;    /* value is an int64_t's bits; without decimals */
};

/* A histogram's figures at one moment, or the sum of several with the same bounds. */
struct metric_histogram {
    const struct sr_histogram_bounds *bounds;
    uint64_t buckets[SR_HISTOGRAM_BOUNDS_MAX + 1]; /* not cumulative */
    uint64_t sum;
};

/* Adds what a live histogram holds now. Its bounds must be those of `total` (and are given,
 * since a worker may not have set them yet). */
void metric_histogram_add(struct metric_histogram *total, const struct sr_histogram *live);

/* HELP, TYPE and UNIT lines; the samples that follow belong to this family until the next. */
void exposition_family(struct exposition *page, const struct metric_family *family);

/* A sample of the counter, gauge or info under way; label_values in the order of the family's
 * labels. Any bytes are allowed in them. */
void exposition_sample(struct exposition *page, const char *const *label_values,
                       struct metric_number number);

/* All samples of one series of the histogram under way; decimals apply to bounds and sum. */
void exposition_histogram(struct exposition *page, const char *const *label_values,
                          const struct metric_histogram *histogram, unsigned decimals);

/* What closes a page. */
void exposition_end(struct exposition *page);

#endif
