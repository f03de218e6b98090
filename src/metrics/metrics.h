/*
 * The page at /metrics: one table of metrics (table.c), from which both text formats come.
 */
#ifndef SR_METRICS_METRICS_H
#define SR_METRICS_METRICS_H

#include "base/buffer.h"
#include "base/span.h"
#include "metrics/exposition.h"
#include "metrics/snapshot.h"

/*
 * Appends the page: OpenMetrics 1.0 where the request's Accept names it, else Prometheus text
 * 0.0.4; *ret_content_type is static text. Pure but for the live histograms and workers'
 * counters, which are read as they are. Errors of the buffer.
 */
enum sr_result metrics_render(const struct metrics_snapshot *snapshot, struct sr_span accept,
                              struct sr_buffer *out, const char **ret_content_type) SR_MUST_USE;

/* The families of the page in its order, without their values; NULL beyond the last. */
const struct metric_family *metrics_family(size_t index);

#endif
