/*
 * The whole page in both formats, read by a strict reader, from a snapshot in which every
 * figure is another.
 */
#include "metrics/metrics.h"

#include "base/clock.h"
#include "metrics/page.h"
#include "support/sanitized.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define OPENMETRICS "application/openmetrics-text; version=1.0.0"

static struct sr_histogram histograms[8];
static struct http_metrics *workers[2];
static struct metrics_snapshot snapshot;
static struct store_meter meters[METRICS_CONNECTION_COUNT];
static const struct metrics_fact dependencies[] = {{"libpq", "15.6"}, {"kernel", "6 \"x\""}};
static const struct metrics_facts facts = {
    .dependencies = dependencies,
    .dependency_count = 2,
    .build_options = dependencies,
    .build_option_count = 1,
    .listeners = {{.url = "http://[::1]:3333", .address = "[::1]", .port = "3333"},
                  {.url = "unix:/run/s", .address = "unix:/run/s"}},
    .listener_count = 2,
    .database_system = "postgresql",
    .database_address = "a,b",
    .database_port = "5432,5433",
    .database_name = "counters",
    .database_timeout_ms = 1500,
    .cores_allowed = 2,
    .quota_millicores = 1250,
};
static struct page page;

static const struct sr_histogram *histogram(size_t index,
                                            const struct sr_histogram_bounds *bounds)
{
    sr_histogram_init(&histograms[index], bounds);
    sr_histogram_add(&histograms[index], index);
    sr_histogram_add(&histograms[index], UINT64_C(1) << 40);
    return &histograms[index];
}

/* Gives every 8-byte figure of a struct of them another value. */
static void number(void *at, size_t size, uint64_t from)
{
    for (size_t i = 0; i < size / sizeof(uint64_t); i++) {
        uint64_t value = from + i;

        memcpy((char *)at + i * sizeof(value), &value, sizeof(value));
    }
}

/* One value in each of a meter's histograms. */
static void fill(struct store_meter *meter)
{
    struct sr_histogram *const all[] = {&meter->idle, &meter->wait, &meter->use,
                                        &meter->decode};

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        sr_histogram_init(all[i], &sr_bounds_time_ns);
        sr_histogram_add(all[i], i);
    }
    for (size_t i = 0; i < STORE_OPERATION_COUNT; i++) {
        sr_histogram_init(&meter->operations[i], &sr_bounds_time_ns);
    }
}

static void request(struct http_metrics *m, enum http_method method, enum http_route route,
                    uint16_t status, uint64_t ns)
{
    http_metrics_requests(m, method, route, status, sr_histogram_bucket(&sr_bounds_time_ns, ns),
                          ns, 1);
}

static int begin(void **state)
{
    (void)state;
    for (size_t i = 0; i < METRICS_CONNECTION_COUNT; i++) {
        fill(&meters[i]);
        snapshot.store[i] = &meters[i];
    }
    sr_histogram_add(&meters[METRICS_FLUSHER].operations[STORE_APPLY], 1000);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(http_metrics_open(&workers[i], NULL), SR_OK);
    }
    number(&snapshot.counters, offsetof(struct counters_stats, shard_count), 1000);
    number(&snapshot.journal, offsetof(struct journal_stats, failed), 2000);
    snapshot.journal.sync_ns = histogram(0, &sr_bounds_time_ns);
    snapshot.journal.fsync_ns = histogram(7, &sr_bounds_time_ns);
    snapshot.journal.commit_bytes = histogram(1, &sr_bounds_bytes);
    snapshot.journal.failed = true;
    snapshot.flusher = (struct flusher_stats){.state = FLUSHER_STORE_DOWN,
                                              .open_epoch = 41,
                                              .applied_epoch = 39,
                                              .flushes_applied = 39,
                                              .flushes_failed = 5,
                                              .flushes_unknown = 2,
                                              .oldest_unsynced_ms = 12345,
                                              .rows_refused = 6,
                                              .claims = 9,
                                              .claims_failed = 4};
    snapshot.flusher.flush_ns = histogram(2, &sr_bounds_time_ns);
    snapshot.flusher.flush_rows = histogram(3, &sr_bounds_count);
    snapshot.flusher.key_age_ms = histogram(4, &sr_bounds_age_ms);
    snapshot.loader.batch_keys = histogram(6, &sr_bounds_count);
    snapshot.facts = &facts;
    snapshot.http = (const struct http_metrics *const *)workers;
    snapshot.http_count = 2;
    snapshot.service.pages_queued = 3;
    snapshot.process.heap_bytes = 4242;
    snapshot.process.voluntary_switches = 17;
    snapshot.service.increments_accepted = 77;
    snapshot.service.rejected[0] =
        (struct metrics_labelled){.label = "journal_full", .value = 8};
    snapshot.service.rejected[1] = (struct metrics_labelled){.label = "draining", .value = 9};
    snapshot.service.rejected_count = 2;
    snapshot.process.cpu_ns = 1234567890;
    return 0;
}

static int end(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        http_metrics_close(&workers[i]);
        assert_null(workers[i]);
    }
    snapshot = (struct metrics_snapshot){0};
    return 0;
}

/* Renders for an Accept value; returns the content type. */
static const char *render(const char *accept, bool openmetrics)
{
    struct sr_buffer out;
    const char *content_type = NULL;

    sr_buffer_init(&out, 1 << 20);
    assert_int_equal(metrics_render(&snapshot, sr_span_text(accept), &out, &content_type),
                     SR_OK);
    assert_int_equal(sr_buffer_append(&out, "", 1), SR_OK);
    page_read(&page, (const char *)out.data, openmetrics);
    sr_buffer_done(&out);
    return content_type;
}

static void the_page_is_prometheus_text_unless_asked_otherwise(void **state)
{
    const char *const accepts[] = {"",
                                   "*/*",
                                   "text/plain",
                                   "application/*",
                                   "text/html",
                                   "application/openmetrics-text;q=0, text/plain"};

    (void)state;
    for (size_t i = 0; i < sizeof(accepts) / sizeof(accepts[0]); i++) {
        assert_string_equal(render(accepts[i], false),
                            "text/plain; version=0.0.4; charset=utf-8");
    }
}

static void openmetrics_is_sent_where_it_is_named(void **state)
{
    static const char prometheus[] = "application/openmetrics-text;version=1.0.0;q=0.5,"
                                     "text/plain;version=0.0.4;q=0.3,*/*;q=0.1";
    const char *const accepts[] = {OPENMETRICS, "Application/OpenMetrics-Text", prometheus};

    (void)state;
    for (size_t i = 0; i < sizeof(accepts) / sizeof(accepts[0]); i++) {
        assert_string_equal(render(accepts[i], true),
                            "application/openmetrics-text; version=1.0.0; charset=utf-8");
    }
}

static void every_figure_stands_under_its_name(void **state)
{
    (void)state;
    (void)render("", false);
    assert_true(page_value(&page, "simple_request_increments_accepted_total", "") == 77);
    assert_true(page_value(&page, "simple_request_requests_rejected_total",
                           "reason=\"draining\"") == 9);
    assert_true(page_value(&page, "simple_request_keys", "") == 1000);
    assert_true(page_value(&page, "simple_request_keys_dirty", "epoch=\"open\"") == 1002);
    assert_true(page_value(&page, "simple_request_keys_dirty", "epoch=\"closed\"") == 1001);
    assert_true(page_value(&page, "simple_request_table_limit_bytes", "") == 1006);
    assert_true(page_value(&page, "simple_request_journal_files", "kind=\"state\"") == 2002);
    assert_true(page_value(&page, "simple_request_journal_bytes", "") == 2003);
    assert_true(page_value(&page, "simple_request_journal_failed", "") == 1);
    assert_true(page_value(&page, "simple_request_journal_disk_full", "") == 0);
    assert_true(page_value(&page, "simple_request_sync_state", "state=\"store_down\"") == 1);
    assert_true(page_value(&page, "simple_request_sync_state", "state=\"flushing\"") == 0);
    assert_true(page_value(&page, "simple_request_flush_total", "result=\"applied\"") == 39);
    assert_true(page_value(&page, "simple_request_flush_total", "result=\"failed\"") == 3);
    assert_true(page_value(&page, "simple_request_flush_total", "result=\"unknown\"") == 2);
    assert_true(page_value(&page, "simple_request_rows_total", "result=\"refused\"") == 6);
    assert_true(page_value(&page, "simple_request_claims_total", "result=\"confirmed\"") == 5);
    assert_true(page_value(&page, "simple_request_memory_bytes", "owner=\"heap\"") == 4242);
    assert_true(page_value(&page, "process_context_switches_total",
                           "process_context_switch_type=\"voluntary\"") == 17);
    assert_true(page_value(&page, "simple_request_thread_queued", "thread=\"lister\"") == 3);
    assert_true(fabs(page_value(&page, "simple_request_unsynced_age_seconds", "") - 12.345) <
                1e-9);
    assert_true(fabs(page_value(&page, "process_cpu_seconds_total", "") - 1.23456789) < 1e-9);
    assert_true(page_value(&page, "db_client_operation_duration_seconds_count",
                           "db_system_name=\"postgresql\",db_operation_name=\"apply\","
                           "db_collection_name=\"counters\"") == 1);
    assert_true(page_value(&page, "simple_request_database_idle_seconds_count",
                           "db_client_connection_pool_name=\"lister\"") == 1);
}

static void what_the_start_found_out_is_told(void **state)
{
    (void)state;
    (void)render("", false);
    assert_true(page_value(&page, "simple_request_dependency_info",
                           "name=\"kernel\",version=\"6 \\\"x\\\"\"") == 1);
    assert_true(page_value(&page, "simple_request_listener_info",
                           "url=\"http://[::1]:3333\",address=\"[::1]\",port=\"3333\"") == 1);
    assert_true(page_value(&page, "simple_request_listener_info",
                           "url=\"unix:/run/s\",address=\"unix:/run/s\",port=\"\"") == 1);
    assert_true(page_value(&page, "simple_request_database_info",
                           "db_system_name=\"postgresql\",server_address=\"a,b\","
                           "server_port=\"5432,5433\",db_namespace=\"counters\"") == 1);
    assert_true(page_value(&page, "simple_request_database_timeout_seconds", "") == 1.5);
    assert_true(page_value(&page, "simple_request_cgroup_quota_cores", "") == 1.25);
    assert_true(page_value(&page, "simple_request_cores", "kind=\"allowed\"") == 2);
    assert_true(page_value(&page, "simple_request_shared_objects", "") >= 2);
}

static void both_formats_tell_the_same_series(void **state)
{
    static struct page text;

    (void)state;
    request(workers[0], HTTP_METHOD_POST, HTTP_ROUTE_INCREMENT, 200, 1000);
    (void)render("", false);
    text = page;
    (void)render(OPENMETRICS, true);
    assert_int_equal(page.sample_count, text.sample_count);
    for (size_t i = 0; i < page.sample_count; i++) {
        assert_string_equal(page.samples[i].name, text.samples[i].name);
        assert_string_equal(page.samples[i].labels, text.samples[i].labels);
        assert_string_equal(page.samples[i].le, text.samples[i].le);
    }
}

static void requests_are_summed_over_workers_by_method_route_and_status(void **state)
{
    const char *name = "http_server_request_duration_seconds_count";

    (void)state;
    request(workers[0], HTTP_METHOD_POST, HTTP_ROUTE_INCREMENT, 200, 40000);
    request(workers[1], HTTP_METHOD_POST, HTTP_ROUTE_INCREMENT, 200, 1000000000);
    request(workers[1], HTTP_METHOD_POST, HTTP_ROUTE_INCREMENT, 422, 1);
    request(workers[0], HTTP_METHOD_OTHER, HTTP_ROUTE_UNKNOWN, 299, 1);
    (void)render("", false);
    assert_true(page_value(&page, name,
                           "http_request_method=\"POST\",http_route=\"/increment\","
                           "http_response_status_code=\"200\"") == 2);
    assert_true(fabs(page_value(&page, "http_server_request_duration_seconds_sum",
                                "http_request_method=\"POST\",http_route=\"/increment\","
                                "http_response_status_code=\"200\"") -
                     1.00004) < 1e-9);
    assert_true(page_value(&page, name,
                           "http_request_method=\"POST\",http_route=\"/increment\","
                           "http_response_status_code=\"422\"") == 1);
    assert_true(page_value(&page, name,
                           "http_request_method=\"_OTHER\",http_route=\"unknown\","
                           "http_response_status_code=\"_OTHER\"") == 1);
}

static void bodies_are_counted_by_method_route_and_status(void **state)
{
    const char *labels = "http_request_method=\"GET\",http_route=\"/metrics\","
                         "http_response_status_code=\"200\"";

    (void)state;
    http_metrics_body(workers[0], HTTP_METHOD_GET, HTTP_ROUTE_METRICS, 200, 64);
    http_metrics_body(workers[1], HTTP_METHOD_GET, HTTP_ROUTE_METRICS, 200, 70000);
    (void)render("", false);
    assert_true(page_value(&page, "http_server_response_body_size_bytes_sum", labels) == 70064);
    assert_true(page_value(&page, "http_server_response_body_size_bytes_count", labels) == 2);
}

static void what_was_never_asked_for_has_no_series(void **state)
{
    (void)state;
    (void)render("", false);
    for (size_t i = 0; i < page.sample_count; i++) {
        assert_null(strstr(page.samples[i].name, "http_server_request_duration"));
    }
}

static void connections_and_bytes_are_summed_over_workers(void **state)
{
    (void)state;
    http_metrics_add(&workers[0]->connections_accepted, 5);
    http_metrics_add(&workers[1]->connections_accepted, 7);
    http_metrics_add(&workers[1]->connections_closed, 2);
    http_metrics_add(&workers[0]->bytes_received, 100);
    http_metrics_add(&workers[1]->bytes_sent, 200);
    http_metrics_set(&workers[1]->replies_held, 3);
    http_metrics_refused(workers[0], HTTP_REFUSED_TIMEOUT_IDLE);
    (void)render("", false);
    assert_true(page_value(&page, "http_server_active_connections", "") == 10);
    assert_true(page_value(&page, "simple_request_connections_accepted_total", "") == 12);
    assert_true(page_value(&page, "simple_request_connections_refused_total",
                           "reason=\"idle_timeout\"") == 1);
    assert_true(page_value(&page, "simple_request_http_received_bytes_total", "") == 100);
    assert_true(page_value(&page, "simple_request_http_sent_bytes_total", "") == 200);
    assert_true(page_value(&page, "simple_request_replies_held", "") == 3);
}

static void a_buffer_that_is_too_small_is_told(void **state)
{
    struct sr_buffer out;
    const char *content_type = "untouched";

    (void)state;
    sr_buffer_init(&out, 1000);
    assert_int_equal(metrics_render(&snapshot, sr_span_text(""), &out, &content_type), SR_FULL);
    assert_string_equal(content_type, "untouched");
    sr_buffer_done(&out);
}

static void the_process_knows_itself(void **state)
{
    struct process_stats stats;
    uint64_t now_ms = sr_clock_wall_ms();

    (void)state;
    process_stats_read(&stats);
    assert_true(stats.cpu_ns > 0);
    assert_true(stats.resident_bytes > 100000 && stats.resident_bytes <= stats.virtual_bytes);
    assert_in_range(stats.open_fds, 3, stats.max_fds);
    assert_true(stats.threads >= 1);
    assert_true(stats.heap_bytes > 0 || SANITIZED); /* which allocate past mallinfo2(3) */
    /* The kernel counts both in hundredths and whole seconds: two seconds apart at most. */
    assert_true(stats.start_time_ms < now_ms + 2000 && stats.start_time_ms + 600000 > now_ms);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_page_is_prometheus_text_unless_asked_otherwise,
                                        begin, end),
        cmocka_unit_test_setup_teardown(openmetrics_is_sent_where_it_is_named, begin, end),
        cmocka_unit_test_setup_teardown(every_figure_stands_under_its_name, begin, end),
        cmocka_unit_test_setup_teardown(what_the_start_found_out_is_told, begin, end),
        cmocka_unit_test_setup_teardown(both_formats_tell_the_same_series, begin, end),
        cmocka_unit_test_setup_teardown(
            requests_are_summed_over_workers_by_method_route_and_status, begin, end),
        cmocka_unit_test_setup_teardown(bodies_are_counted_by_method_route_and_status, begin,
                                        end),
        cmocka_unit_test_setup_teardown(what_was_never_asked_for_has_no_series, begin, end),
        cmocka_unit_test_setup_teardown(connections_and_bytes_are_summed_over_workers, begin,
                                        end),
        cmocka_unit_test_setup_teardown(a_buffer_that_is_too_small_is_told, begin, end),
        cmocka_unit_test(the_process_knows_itself),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
