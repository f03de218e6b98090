/*
 * A second of the service as a row of integers, for the dashboard: what was counted between two
 * snapshots, as rates and shares, and what is there now. The names of the figures, in order,
 * are a row of their own. Pure but for the live histograms, which are read as they are.
 */
#ifndef SR_METRICS_LIVE_H
#define SR_METRICS_LIVE_H

#include "base/buffer.h"
#include "metrics/snapshot.h"

#define LIVE_BUCKETS (SR_HISTOGRAM_BOUNDS_MAX + 1)

/* A histogram's figures since the start. */
struct live_histogram {
    uint64_t buckets[LIVE_BUCKETS];
    uint64_t sum;
};

/* What only grows: a row tells differences of it. */
struct live_sums {
    uint64_t increments, flushes, flush_failures, frames, frame_bytes, cpu_ns;
    uint64_t status[HTTP_METRICS_STATUS_COUNT];
    uint64_t rejected[METRICS_REJECTIONS_MAX];
    uint64_t declined[HTTP_METRICS_DECLINE_COUNT];
    uint64_t refused[HTTP_METRICS_REFUSAL_COUNT];
    struct live_histogram latency; /* of requests for counters, all workers */
    struct live_histogram commit, flush, rows;
};

/* Zeroed at first: the first row tells differences to nothing. */
struct live {
    struct live_sums last;
};

/* Takes a snapshot as what the next row counts from. */
void live_begin(struct live *live, const struct metrics_snapshot *snapshot);

/* Appends the names as a JSON array of strings. Errors of the buffer. */
enum sr_result live_fields(const struct metrics_snapshot *snapshot,
                           struct sr_buffer *out) SR_MUST_USE;

/* Appends the row as a JSON array of integers, as many as there are names; `seconds` (above 0)
 * since the last one, wall_ms since 1970-01-01 UTC. */
enum sr_result live_row(struct live *live, const struct metrics_snapshot *snapshot,
                        double seconds, uint64_t wall_ms, struct sr_buffer *out) SR_MUST_USE;

/* The value below which a share (0 to 1) of the values lies that came between two looks at a
 * histogram: within its bucket as if they were spread evenly; of those beyond all bounds the
 * highest bound. 0 where none came. */
uint64_t live_quantile(const struct sr_histogram_bounds *bounds,
                       const struct live_histogram *before, const struct live_histogram *now,
                       double share);

#endif
