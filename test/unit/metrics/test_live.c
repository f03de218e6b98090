/*
 * A second as a row of figures: rates and differences against the snapshot before, quantiles of
 * what came between, as many figures as names.
 */
#include "metrics/live.h"

#include "support/unit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MS UINT64_C(1000000)
#define ROW_SIZE_MAX 65536U

static struct http_metrics *worker;
static const struct http_metrics *workers[1];
static struct sr_histogram commit, flush, rows;
static struct metrics_snapshot snapshot;
static struct live live;
static struct sr_buffer names, row;

static int setup(void **state)
{
    struct sr_err err;

    (void)state;
    assert_int_equal(http_metrics_open(&worker, &err), SR_OK);
    workers[0] = worker;
    sr_histogram_init(&commit, &sr_bounds_time_ns);
    sr_histogram_init(&flush, &sr_bounds_time_ns);
    sr_histogram_init(&rows, &sr_bounds_count);
    snapshot = (struct metrics_snapshot){.http = workers, .http_count = 1};
    snapshot.service.rejected[0].label = "journal_full";
    snapshot.service.rejected[1].label = "table_full";
    snapshot.service.rejected_count = 2;
    snapshot.journal.sync_ns = &commit;
    snapshot.flusher.flush_ns = &flush;
    snapshot.flusher.flush_rows = &rows;
    memset(&live, 0, sizeof(live));
    sr_buffer_init(&names, 65536);
    sr_buffer_init(&row, ROW_SIZE_MAX);
    assert_int_equal(live_fields(&snapshot, &names), SR_OK);
    assert_int_equal(sr_buffer_append(&names, "", 1), SR_OK);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    http_metrics_close(&worker);
    sr_buffer_done(&names);
    sr_buffer_done(&row);
    return 0;
}

static void next_row(double seconds)
{
    row.size = 0;
    assert_int_equal(live_row(&live, &snapshot, seconds, 1700000000123, &row), SR_OK);
    assert_int_equal(sr_buffer_append(&row, "", 1), SR_OK);
}

/* The figure of the row under that name; fails where no such name is. */
static int64_t figure(const char *name)
{
    const char *name_at = (const char *)names.data + 1;
    const char *value_at = (const char *)row.data + 1;
    char quoted[80];

    (void)snprintf(quoted, sizeof(quoted), "\"%s\"", name);
    for (;;) {
        size_t size = strcspn(name_at, ",]");

        if (size == strlen(quoted) && memcmp(name_at, quoted, size) == 0) {
            return strtoll(value_at, NULL, 10);
        }
        if (name_at[size] == ']') {
            fail_msg("no figure %s", name);
        }
        name_at += size + 1;
        value_at += strcspn(value_at, ",]") + 1;
    }
}

static size_t commas(const struct sr_buffer *text)
{
    size_t count = 0;

    for (size_t i = 0; i < text->size; i++) {
        count += text->data[i] == ',';
    }
    return count;
}

static void answer(enum http_route route, uint16_t status, uint64_t duration_ns, unsigned times)
{
    http_metrics_requests(worker, HTTP_METHOD_POST, route, status,
                          sr_histogram_bucket(&sr_bounds_time_ns, duration_ns), duration_ns,
                          times);
}

static void there_are_as_many_figures_as_names(void **state)
{
    (void)state;
    next_row(1);
    assert_int_equal(commas(&names), commas(&row));
    assert_int_equal(names.data[0], '[');
    assert_int_equal(names.data[names.size - 2], ']');
    assert_int_equal(row.data[row.size - 2], ']');
    assert_int_equal(figure("time_ms"), 1700000000123);
    assert_int_equal(figure("rejected.table_full"), 0);
    assert_non_null(strstr((const char *)names.data, "\"status.503\""));
}

static void what_grows_is_told_as_a_rate_of_what_came_between(void **state)
{
    (void)state;
    snapshot.service.increments_accepted = 1000;
    snapshot.process.cpu_ns = 500 * MS;
    answer(HTTP_ROUTE_INCREMENT, 200, MS, 70);
    live_begin(&live, &snapshot);
    next_row(1);
    assert_int_equal(figure("increments"), 0);
    assert_int_equal(figure("status.200"), 0);
    snapshot.service.increments_accepted += 250;
    snapshot.process.cpu_ns += 800 * MS;
    answer(HTTP_ROUTE_INCREMENT, 200, MS, 30);
    answer(HTTP_ROUTE_LIVEZ, 200, MS, 10);
    answer(HTTP_ROUTE_INCREMENT, 422, MS, 4);
    next_row(2);
    assert_int_equal(figure("increments"), 125);
    assert_int_equal(figure("cpu_permille"), 400);
    assert_int_equal(figure("status.200"), 20);
    assert_int_equal(figure("status.422"), 2);
    next_row(2);
    assert_int_equal(figure("increments"), 0);
    assert_int_equal(figure("status.200"), 0);
}

static void rare_events_are_told_as_numbers(void **state)
{
    const enum http_metrics_refusal refusal = (enum http_metrics_refusal)0;
    char name[80];

    (void)state;
    (void)snprintf(name, sizeof(name), "refused.%s", http_metrics_refusal_label(refusal));
    next_row(10);
    snapshot.service.rejected[1].value = 1;
    snapshot.flusher.flushes_applied = 1;
    snapshot.flusher.flushes_failed = 2;
    http_metrics_refused(worker, refusal);
    next_row(10); /* a tenth of one a second is not rounded away */
    assert_int_equal(figure("rejected.table_full"), 1);
    assert_int_equal(figure("rejected.journal_full"), 0);
    assert_int_equal(figure("flushes"), 1);
    assert_int_equal(figure("flush_failures"), 2);
    assert_int_equal(figure(name), 1);
    next_row(10);
    assert_int_equal(figure(name), 0);
    assert_int_equal(figure("rejected.table_full"), 0);
}

static void latency_is_that_of_requests_for_counters_alone(void **state)
{
    (void)state;
    answer(HTTP_ROUTE_METRICS, 200, 9000 * MS, 1000);
    next_row(1);
    assert_int_equal(figure("p50_us"), 0);
    answer(HTTP_ROUTE_INCREMENT, 200, MS, 99);
    answer(HTTP_ROUTE_COUNTER, 404, 900 * MS, 1);
    next_row(1);
    assert_in_range(figure("p50_us"), 1, 1000);
    assert_in_range(figure("p99_us"), 1, 1000);
    assert_in_range(figure("p999_us"), 500000, 1000000);
    next_row(1); /* of what came since, which is nothing */
    assert_int_equal(figure("p999_us"), 0);
}

static void means_are_of_what_came_between(void **state)
{
    (void)state;
    sr_histogram_add(&flush, 100 * MS);
    sr_histogram_add(&rows, 1000);
    snapshot.journal.frames = 10;
    snapshot.journal.records_bytes = 4000;
    next_row(1);
    assert_int_equal(figure("flush_us"), 100000);
    assert_int_equal(figure("flush_rows"), 1000);
    assert_int_equal(figure("commit_bytes"), 400);
    sr_histogram_add(&flush, 10 * MS);
    sr_histogram_add(&flush, 20 * MS);
    sr_histogram_add(&rows, 4);
    sr_histogram_add(&rows, 8);
    snapshot.journal.frames += 2;
    snapshot.journal.records_bytes += 100;
    next_row(1);
    assert_int_equal(figure("flush_us"), 15000);
    assert_int_equal(figure("flush_rows"), 6);
    assert_int_equal(figure("commit_bytes"), 50);
    next_row(1);
    assert_int_equal(figure("flush_us"), 0);
    assert_int_equal(figure("commit_bytes"), 0);
}

static void a_quantile_lies_within_its_bucket_as_if_values_were_spread_evenly(void **state)
{
    static const struct sr_histogram_bounds bounds = {.count = 3, .upper = {10, 20, 40}};
    struct live_histogram before = {.buckets = {7, 7, 7, 7}};
    struct live_histogram now = before;

    (void)state;
    assert_int_equal(live_quantile(&bounds, &before, &now, 0.5), 0);
    now.buckets[0] += 10;
    assert_int_equal(live_quantile(&bounds, &before, &now, 0.5), 5);
    assert_int_equal(live_quantile(&bounds, &before, &now, 1), 10);
    now.buckets[2] += 10;
    assert_int_equal(live_quantile(&bounds, &before, &now, 0.5), 10);
    assert_int_equal(live_quantile(&bounds, &before, &now, 0.75), 30);
    assert_int_equal(live_quantile(&bounds, &before, &now, 1), 40);
    now.buckets[3] += 80; /* beyond all bounds: the highest of them */
    assert_int_equal(live_quantile(&bounds, &before, &now, 0.99), 40);
    assert_int_equal(live_quantile(&bounds, &before, &now, 0.05), 5);
}

static void open_connections_are_never_below_none(void **state)
{
    (void)state;
    http_metrics_add(&worker->connections_accepted, 5);
    http_metrics_add(&worker->connections_closed, 3);
    next_row(1);
    assert_int_equal(figure("connections"), 2);
    http_metrics_add(&worker->connections_closed, 3); /* seen a moment before its opening */
    next_row(1);
    assert_int_equal(figure("connections"), 0);
}

static void without_room_there_is_no_row(void **state)
{
    (void)state;
    for (size_t room = 0; room < ROW_SIZE_MAX; room++) {
        enum sr_result result;

        row.size = 0;
        row.size_max = room;
        result = live_row(&live, &snapshot, 1, 1, &row);
        if (result == SR_OK) {
            assert_true(row.size <= room);
            return;
        }
        assert_int_equal(result, SR_FULL);
    }
    fail_msg("never fits");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(there_are_as_many_figures_as_names),
        T(what_grows_is_told_as_a_rate_of_what_came_between),
        T(rare_events_are_told_as_numbers),
        T(latency_is_that_of_requests_for_counters_alone),
        T(means_are_of_what_came_between),
        T(a_quantile_lies_within_its_bucket_as_if_values_were_spread_evenly),
        T(open_connections_are_never_below_none),
        T(without_room_there_is_no_row),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
