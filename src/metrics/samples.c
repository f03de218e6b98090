/*
 * The families whose samples carry labels, or are sums over the workers.
 */
#include "metrics/samples.h"

#include <stddef.h>

static void count(struct exposition *page, const char *label, uint64_t value)
{
    exposition_sample(page, &label, (struct metric_number){.value = value});
}

/* ---- HTTP: sums over the workers ---- */

/* Which of a series' two histograms. */
struct choice {
    size_t offset; /* in struct http_series */
    const struct sr_histogram_bounds *bounds;
    unsigned decimals;
};

/* Whether anything was put: where the sum is 0, it was zeros, which are in the first bucket.
 * Most series are empty, and to read all buckets of all would take a worker's cache. */
static bool is_used(const struct sr_histogram *live)
{
    return atomic_load_explicit(&live->sum, memory_order_relaxed) != 0 ||
           atomic_load_explicit(&live->buckets[0], memory_order_relaxed) != 0;
}

/* One series of all workers together, if any request belongs to it. */
static void request_series(struct exposition *page, const struct metrics_snapshot *s,
                           const struct choice *choice, size_t series)
{
    size_t status = series % HTTP_METRICS_STATUS_COUNT;
    size_t method = series / HTTP_METRICS_STATUS_COUNT % HTTP_METRICS_METHOD_COUNT;
    size_t route = series / HTTP_METRICS_STATUS_COUNT / HTTP_METRICS_METHOD_COUNT;
    const char *const values[] = {http_metrics_method_label((enum http_method)method),
                                  http_route_label((enum http_route)route),
                                  http_metrics_status_label((enum http_metrics_status)status)};
    struct metric_histogram total = {.bounds = choice->bounds};
    bool used = false;

    for (uint64_t w = 0; w < s->http_count; w++) {
        const char *at = (const char *)&s->http[w]->series[route][method][status];
        const struct sr_histogram *live =
            (const struct sr_histogram *)(const void *)(at + choice->offset);

        if (is_used(live)) {
            metric_histogram_add(&total, live);
            used = true;
        }
    }
    if (used) {
        exposition_histogram(page, values, &total, choice->decimals);
    }
}

static void all_series(struct exposition *page, const struct metrics_snapshot *s,
                       const struct choice *choice)
{
    size_t count =
        (size_t)HTTP_ROUTE_COUNT * HTTP_METRICS_METHOD_COUNT * HTTP_METRICS_STATUS_COUNT;

    for (size_t series = 0; series < count; series++) {
        request_series(page, s, choice, series);
    }
}

void samples_requests(struct exposition *page, const struct metrics_snapshot *s)
{
    all_series(page, s,
               &(struct choice){.offset = offsetof(struct http_series, duration_ns),
                                .bounds = &sr_bounds_time_ns,
                                .decimals = 9});
}

void samples_bodies(struct exposition *page, const struct metrics_snapshot *s)
{
    all_series(page, s,
               &(struct choice){.offset = offsetof(struct http_series, body_bytes),
                                .bounds = &sr_bounds_bytes});
}

/* The sum over the workers of the histogram of times that lies at `offset`. */
static void sum_times(struct exposition *page, const struct metrics_snapshot *s, size_t offset)
{
    struct metric_histogram total = {.bounds = &sr_bounds_time_ns};

    for (uint64_t w = 0; w < s->http_count; w++) {
        const char *worker = (const char *)s->http[w];

        metric_histogram_add(&total,
                             (const struct sr_histogram *)(const void *)(worker + offset));
    }
    exposition_histogram(page, NULL, &total, 9);
}

void samples_holds(struct exposition *page, const struct metrics_snapshot *s)
{
    sum_times(page, s, offsetof(struct http_metrics, hold_ns));
}

void samples_loop_times(struct exposition *page, const struct metrics_snapshot *s)
{
    sum_times(page, s, offsetof(struct http_metrics, loop_ns));
}

/* The sum of the counter that lies at `offset` in each worker's struct. */
static uint64_t sum_at(const struct metrics_snapshot *s, size_t offset)
{
    uint64_t sum = 0;

    for (uint64_t w = 0; w < s->http_count; w++) {
        const char *worker = (const char *)s->http[w];

        sum += atomic_load_explicit((const _Atomic uint64_t *)(const void *)(worker + offset),
                                    memory_order_relaxed);
    }
    return sum;
}

static void sum_sample(struct exposition *page, const struct metrics_snapshot *s, size_t offset)
{
    exposition_sample(page, NULL, (struct metric_number){.value = sum_at(s, offset)});
}

void samples_connections(struct exposition *page, const struct metrics_snapshot *s)
{
    /* Closed is read first: what closes in between counts as open, never as less than none. */
    uint64_t closed = sum_at(s, offsetof(struct http_metrics, connections_closed));
    uint64_t accepted = sum_at(s, offsetof(struct http_metrics, connections_accepted));

    exposition_sample(page, NULL,
                      (struct metric_number){.value =
                                                 accepted > closed ? accepted - closed : 0});
}

void samples_accepted(struct exposition *page, const struct metrics_snapshot *s)
{
    sum_sample(page, s, offsetof(struct http_metrics, connections_accepted));
}

void samples_refused(struct exposition *page, const struct metrics_snapshot *s)
{
    for (size_t i = 0; i < HTTP_METRICS_REFUSAL_COUNT; i++) {
        count(page, http_metrics_refusal_label((enum http_metrics_refusal)i),
              sum_at(s, offsetof(struct http_metrics, refused) + i * sizeof(uint64_t)));
    }
}

void samples_declined(struct exposition *page, const struct metrics_snapshot *s)
{
    for (size_t i = 0; i < HTTP_METRICS_DECLINE_COUNT; i++) {
        count(page, http_metrics_decline_label((enum http_metrics_decline)i),
              sum_at(s, offsetof(struct http_metrics, declined) + i * sizeof(uint64_t)));
    }
}

void samples_lines_lost(struct exposition *page, const struct metrics_snapshot *s)
{
    sum_sample(page, s, offsetof(struct http_metrics, access_lines_lost));
}

void samples_answers_full(struct exposition *page, const struct metrics_snapshot *s)
{
    sum_sample(page, s, offsetof(struct http_metrics, answers_full));
}

void samples_received(struct exposition *page, const struct metrics_snapshot *s)
{
    sum_sample(page, s, offsetof(struct http_metrics, bytes_received));
}

void samples_sent(struct exposition *page, const struct metrics_snapshot *s)
{
    sum_sample(page, s, offsetof(struct http_metrics, bytes_sent));
}

void samples_loops(struct exposition *page, const struct metrics_snapshot *s)
{
    sum_sample(page, s, offsetof(struct http_metrics, loop_turns));
}

void samples_ready(struct exposition *page, const struct metrics_snapshot *s)
{
    sum_sample(page, s, offsetof(struct http_metrics, connections_ready));
}

void samples_replies_held(struct exposition *page, const struct metrics_snapshot *s)
{
    sum_sample(page, s, offsetof(struct http_metrics, replies_held));
}

/* ---- counting, journal, sync ---- */

void samples_rejected(struct exposition *page, const struct metrics_snapshot *s)
{
    for (size_t i = 0; i < s->service.rejected_count; i++) {
        count(page, s->service.rejected[i].label, s->service.rejected[i].value);
    }
}

void samples_dirty(struct exposition *page, const struct metrics_snapshot *s)
{
    size_t open = s->flusher.open_epoch & 1;

    count(page, "open", s->counters.dirty[open]);
    count(page, "closed", s->counters.dirty[1 - open]);
}

void samples_files(struct exposition *page, const struct metrics_snapshot *s)
{
    count(page, "raw", s->journal.raw_files);
    count(page, "spare", s->journal.spare_files);
    count(page, "state", s->journal.state_files);
}

void samples_pending(struct exposition *page, const struct metrics_snapshot *s)
{
    uint64_t handed = s->journal.handed_bytes;
    uint64_t durable = s->journal.durable_bytes;

    exposition_sample(page, NULL,
                      (struct metric_number){.value = handed > durable ? handed - durable : 0});
}

void samples_flushes(struct exposition *page, const struct metrics_snapshot *s)
{
    count(page, "applied", s->flusher.flushes_applied);
    count(page, "failed", s->flusher.flushes_failed - s->flusher.flushes_unknown);
    count(page, "unknown", s->flusher.flushes_unknown);
}

void samples_rows(struct exposition *page, const struct metrics_snapshot *s)
{
    count(page, "applied", s->flusher.rows_applied);
    count(page, "refused", s->flusher.rows_refused);
}

void samples_claims(struct exposition *page, const struct metrics_snapshot *s)
{
    count(page, "confirmed", s->flusher.claims - s->flusher.claims_failed);
    count(page, "failed", s->flusher.claims_failed);
}

void samples_sync_state(struct exposition *page, const struct metrics_snapshot *s)
{
    static const char *const labels[] = {
        [FLUSHER_CONNECTING] = "connecting", [FLUSHER_CAUGHT_UP] = "caught_up",
        [FLUSHER_FLUSHING] = "flushing",     [FLUSHER_STORE_DOWN] = "store_down",
        [FLUSHER_STOPPED] = "stopped",
    };

    for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
        count(page, labels[i], s->flusher.state == (enum flusher_state)i);
    }
}

void samples_epochs(struct exposition *page, const struct metrics_snapshot *s)
{
    count(page, "open", s->flusher.open_epoch);
    count(page, "applied", s->flusher.applied_epoch);
}

/* ---- threads and memory ---- */

static void busy(struct exposition *page, const char *thread, const struct sr_histogram *live)
{
    uint64_t ns = atomic_load_explicit(&live->sum, memory_order_relaxed);

    exposition_sample(page, &thread, (struct metric_number){.value = ns, .decimals = 9});
}

void samples_threads_busy(struct exposition *page, const struct metrics_snapshot *s)
{
    busy(page, "journal", s->journal.sync_ns);
    busy(page, "flusher", &s->store[METRICS_FLUSHER]->use);
    busy(page, "loader", &s->store[METRICS_LOADER]->use);
    busy(page, "lister", &s->store[METRICS_LISTER]->use);
}

void samples_threads_queued(struct exposition *page, const struct metrics_snapshot *s)
{
    count(page, "journal", s->service.turns_held);
    count(page, "flusher", s->flusher.pending_epochs);
    count(page, "loader", s->loader.queued);
    count(page, "lister", s->service.pages_queued);
}

void samples_memory(struct exposition *page, const struct metrics_snapshot *s)
{
    count(page, "heap", s->process.heap_bytes);
    count(page, "counter_table", s->counters.memory_bytes);
    count(page, "idempotency_window", s->dedup.memory_bytes);
    count(page, "journal_buffers", s->journal.queue_bytes);
    count(page, "connection_buffers",
          s->service.bodies_in_flight + sum_at(s, offsetof(struct http_metrics, stock_bytes)));
}

void samples_context_switches(struct exposition *page, const struct metrics_snapshot *s)
{
    count(page, "voluntary", s->process.voluntary_switches);
    count(page, "involuntary", s->process.involuntary_switches);
}
