/*
 * Rows of figures for the dashboard.
 */
#include "metrics/live.h"

#include "base/check.h"

#include <inttypes.h>
#include <string.h>

/* Everything that a figure is made of. */
struct live_view {
    const struct metrics_snapshot *s;
    const struct live_sums *before, *now;
    double seconds;
    uint64_t wall_ms;
};

/* ---- sums ---- */

static void add_histogram(struct live_histogram *total, const struct sr_histogram *live)
{
    total->sum += atomic_load_explicit(&live->sum, memory_order_relaxed);
    for (uint32_t i = 0; i < LIVE_BUCKETS; i++) {
        total->buckets[i] += atomic_load_explicit(&live->buckets[i], memory_order_relaxed);
    }
}

static uint64_t count_of(const struct live_histogram *h)
{
    uint64_t count = 0;

    for (uint32_t i = 0; i < LIVE_BUCKETS; i++) {
        count += h->buckets[i];
    }
    return count;
}

static bool counts_keys(int route)
{
    return route == HTTP_ROUTE_INCREMENT || route == HTTP_ROUTE_COUNTER ||
           route == HTTP_ROUTE_COUNTERS;
}

/* A worker's requests of one route. */
static void add_route(struct live_sums *sums, const struct http_metrics *http, int route)
{
    for (int method = 0; method < HTTP_METRICS_METHOD_COUNT; method++) {
        for (int status = 0; status < HTTP_METRICS_STATUS_COUNT; status++) {
            struct live_histogram series = {.sum = 0};

            add_histogram(&series, &http->series[route][method][status].duration_ns);
            sums->status[status] += count_of(&series);
            if (counts_keys(route)) {
                add_histogram(&sums->latency, &http->series[route][method][status].duration_ns);
            }
        }
    }
}

static void add_worker(struct live_sums *sums, const struct http_metrics *http)
{
    for (int route = 0; route < HTTP_ROUTE_COUNT; route++) {
        add_route(sums, http, route);
    }
    for (int i = 0; i < HTTP_METRICS_DECLINE_COUNT; i++) {
        sums->declined[i] += atomic_load_explicit(&http->declined[i], memory_order_relaxed);
    }
    for (int i = 0; i < HTTP_METRICS_REFUSAL_COUNT; i++) {
        sums->refused[i] += atomic_load_explicit(&http->refused[i], memory_order_relaxed);
    }
}

static void sum_up(const struct metrics_snapshot *s, struct live_sums *ret_sums)
{
    *ret_sums = (struct live_sums){
        .increments = s->service.increments_accepted,
        .flushes = s->flusher.flushes_applied,
        .flush_failures = s->flusher.flushes_failed,
        .frames = s->journal.frames,
        .frame_bytes = s->journal.records_bytes,
        .cpu_ns = s->process.cpu_ns,
    };
    for (size_t i = 0; i < s->service.rejected_count; i++) {
        ret_sums->rejected[i] = s->service.rejected[i].value;
    }
    for (uint64_t w = 0; w < s->http_count; w++) {
        add_worker(ret_sums, s->http[w]);
    }
    add_histogram(&ret_sums->commit, s->journal.sync_ns);
    add_histogram(&ret_sums->flush, s->flusher.flush_ns);
    add_histogram(&ret_sums->rows, s->flusher.flush_rows);
}

/* ---- figures ---- */

uint64_t live_quantile(const struct sr_histogram_bounds *bounds,
                       const struct live_histogram *before, const struct live_histogram *now,
                       double share)
{
    double wanted = share * (double)(count_of(now) - count_of(before));
    uint64_t least = 0;

    for (uint32_t i = 0; wanted > 0 && i < bounds->count; i++) {
        double here = (double)(now->buckets[i] - before->buckets[i]);

        if (here >= wanted) {
            return least + (uint64_t)((double)(bounds->upper[i] - least) * (wanted / here));
        }
        wanted -= here;
        least = bounds->upper[i];
    }
    return wanted > 0 ? least : 0;
}

static uint64_t mean(const struct live_histogram *before, const struct live_histogram *now)
{
    uint64_t count = count_of(now) - count_of(before);

    return count == 0 ? 0 : (now->sum - before->sum) / count;
}

static int64_t per_second(const struct live_view *v, uint64_t before, uint64_t now)
{
    return (int64_t)((double)(now - before) / v->seconds + 0.5);
}

static int64_t latency_us(const struct live_view *v, double share)
{
    return (int64_t)(live_quantile(&sr_bounds_time_ns, &v->before->latency, &v->now->latency,
                                   share) /
                     1000);
}

static uint64_t connections(const struct metrics_snapshot *s)
{
    uint64_t closed = 0, accepted = 0;

    for (uint64_t w = 0; w < s->http_count; w++) {
        closed += atomic_load_explicit(&s->http[w]->connections_closed, memory_order_relaxed);
    }
    for (uint64_t w = 0; w < s->http_count; w++) {
        accepted +=
            atomic_load_explicit(&s->http[w]->connections_accepted, memory_order_relaxed);
    }
    return accepted > closed ? accepted - closed : 0;
}

static int64_t commit_us(const struct live_view *v, double share)
{
    return (int64_t)(live_quantile(v->s->journal.sync_ns->bounds, &v->before->commit,
                                   &v->now->commit, share) /
                     1000);
}

static int64_t commit_bytes(const struct live_view *v)
{
    uint64_t frames = v->now->frames - v->before->frames;

    return frames == 0 ? 0 : (int64_t)((v->now->frame_bytes - v->before->frame_bytes) / frames);
}

#define SUM_RATE(field) per_second(v, v->before->field, v->now->field)

/* X(name, value of the view v). Times in the unit of their name, sizes in bytes. */
#define LIVE_FIGURES(X)                                                                        \
    X("time_ms", (int64_t)v->wall_ms)                                                          \
    X("increments", SUM_RATE(increments))                                                      \
    X("counted", (int64_t)(v->now->increments - v->before->increments))                        \
    X("p50_us", latency_us(v, 0.5))                                                            \
    X("p99_us", latency_us(v, 0.99))                                                           \
    X("p999_us", latency_us(v, 0.999))                                                         \
    X("unsynced", (int64_t)v->s->service.ledger_unsynced)                                      \
    X("unsynced_age_ms", (int64_t)v->s->flusher.oldest_unsynced_ms)                            \
    X("dirty_keys", (int64_t)(v->s->counters.dirty[0] + v->s->counters.dirty[1]))              \
    X("flushes", (int64_t)(v->now->flushes - v->before->flushes))                              \
    X("flush_failures", (int64_t)(v->now->flush_failures - v->before->flush_failures))         \
    X("flush_us", (int64_t)(mean(&v->before->flush, &v->now->flush) / 1000))                   \
    X("flush_rows", (int64_t)mean(&v->before->rows, &v->now->rows))                            \
    X("refused_rows", (int64_t)v->s->flusher.rows_refused)                                     \
    X("sync_state", (int64_t)v->s->flusher.state)                                              \
    X("journal_bytes", (int64_t)v->s->journal.bytes)                                           \
    X("journal_limit_bytes", (int64_t)v->s->journal.limit_bytes)                               \
    X("journal_failed", v->s->journal.failed)                                                  \
    X("commits", SUM_RATE(frames))                                                             \
    X("commit_bytes", commit_bytes(v))                                                         \
    X("commit_p50_us", commit_us(v, 0.5))                                                      \
    X("commit_p99_us", commit_us(v, 0.99))                                                     \
    X("keys", (int64_t)v->s->counters.keys)                                                    \
    X("table_bytes", (int64_t)v->s->counters.memory_bytes)                                     \
    X("table_limit_bytes", (int64_t)v->s->counters.memory_max_bytes)                           \
    X("connections", (int64_t)connections(v->s))                                               \
    X("connections_limit", (int64_t)v->s->service.connections_limit)                           \
    X("ledger_mismatch", (int64_t)v->s->flusher.ledger_mismatch)                               \
    X("cpu_permille", per_second(v, v->before->cpu_ns / 1000000, v->now->cpu_ns / 1000000))    \
    X("resident_bytes", (int64_t)v->s->process.resident_bytes)

/* ---- rows ---- */

static enum sr_result begin_row(struct sr_buffer *out)
{
    return sr_buffer_append(out, "[", 1);
}

/* The comma behind the last value becomes the end. */
static enum sr_result end_row(struct sr_buffer *out)
{
    SR_CHECK(out->size > 0 && out->data[out->size - 1] == ',');
    out->data[out->size - 1] = ']';
    return SR_OK;
}

static enum sr_result name_group(struct sr_buffer *out, const char *group, const char *label)
{
    return sr_buffer_printf(out, "\"%s.%s\",", group, label);
}

static enum sr_result name_groups(const struct metrics_snapshot *s, struct sr_buffer *out)
{
    enum sr_result result = SR_OK;

    for (int i = 0; result == SR_OK && i < HTTP_METRICS_STATUS_COUNT; i++) {
        result =
            name_group(out, "status", http_metrics_status_label((enum http_metrics_status)i));
    }
    for (size_t i = 0; result == SR_OK && i < s->service.rejected_count; i++) {
        result = name_group(out, "rejected", s->service.rejected[i].label);
    }
    for (int i = 0; result == SR_OK && i < HTTP_METRICS_DECLINE_COUNT; i++) {
        result = name_group(out, "declined",
                            http_metrics_decline_label((enum http_metrics_decline)i));
    }
    for (int i = 0; result == SR_OK && i < HTTP_METRICS_REFUSAL_COUNT; i++) {
        result = name_group(out, "refused",
                            http_metrics_refusal_label((enum http_metrics_refusal)i));
    }
    return result;
}

enum sr_result live_fields(const struct metrics_snapshot *s, struct sr_buffer *out)
{
    static const char names[] =
#define LIVE_NAME(name, value) "\"" name "\","
        LIVE_FIGURES(LIVE_NAME);
#undef LIVE_NAME
    enum sr_result result = begin_row(out);

    if (result == SR_OK) {
        result = sr_buffer_append(out, names, sizeof(names) - 1);
    }
    if (result == SR_OK) {
        result = name_groups(s, out);
    }
    return result == SR_OK ? end_row(out) : result;
}

static enum sr_result write_figure(struct sr_buffer *out, int64_t value)
{
    return sr_buffer_printf(out, "%" PRId64 ",", value);
}

static enum sr_result write_statuses(const struct live_view *v, struct sr_buffer *out)
{
    enum sr_result result = SR_OK;

    for (size_t i = 0; result == SR_OK && i < HTTP_METRICS_STATUS_COUNT; i++) {
        result = write_figure(out, SUM_RATE(status[i]));
    }
    return result;
}

/* As numbers and not as rates: these are rare, and none of them is to be rounded away. */
static enum sr_result write_events(struct sr_buffer *out, const uint64_t *before,
                                   const uint64_t *now, size_t count)
{
    enum sr_result result = SR_OK;

    for (size_t i = 0; result == SR_OK && i < count; i++) {
        result = write_figure(out, (int64_t)(now[i] - before[i]));
    }
    return result;
}

static enum sr_result write_groups(const struct live_view *v, struct sr_buffer *out)
{
    enum sr_result result = write_statuses(v, out);

    if (result == SR_OK) {
        result = write_events(out, v->before->rejected, v->now->rejected,
                              v->s->service.rejected_count);
    }
    if (result == SR_OK) {
        result = write_events(out, v->before->declined, v->now->declined,
                              HTTP_METRICS_DECLINE_COUNT);
    }
    return result == SR_OK ? write_events(out, v->before->refused, v->now->refused,
                                          HTTP_METRICS_REFUSAL_COUNT)
                           : result;
}

static enum sr_result write_figures(const struct live_view *v, struct sr_buffer *out)
{
    const int64_t figures[] = {
#define LIVE_VALUE(name, value) (value),
        LIVE_FIGURES(LIVE_VALUE)
#undef LIVE_VALUE
    };
    enum sr_result result = SR_OK;

    for (size_t i = 0; result == SR_OK && i < sizeof(figures) / sizeof(figures[0]); i++) {
        result = write_figure(out, figures[i]);
    }
    return result;
}

void live_begin(struct live *live, const struct metrics_snapshot *snapshot)
{
    sum_up(snapshot, &live->last);
}

enum sr_result live_row(struct live *live, const struct metrics_snapshot *s, double seconds,
                        uint64_t wall_ms, struct sr_buffer *out)
{
    struct live_sums now;
    struct live_view view = {
        .s = s, .before = &live->last, .now = &now, .seconds = seconds, .wall_ms = wall_ms};
    enum sr_result result = begin_row(out);

    SR_CHECK(seconds > 0);
    sum_up(s, &now);
    if (result == SR_OK) {
        result = write_figures(&view, out);
    }
    if (result == SR_OK) {
        result = write_groups(&view, out);
    }
    live->last = now;
    return result == SR_OK ? end_row(out) : result;
}
