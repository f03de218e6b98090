/*
 * docs/METRICS.md is what the binary's own table says; `test_metrics_reference --write` writes
 * it.
 */
#include "metrics/metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char introduction[] =
    "# Metrics\n"
    "\n"
    "Written by `make metrics-reference` from the table in `src/metrics/table.c`; a unit test "
    "compares.\n"
    "\n"
    "`GET /metrics` answers Prometheus text 0.0.4, or OpenMetrics 1.0 where `Accept` names "
    "`application/openmetrics-text`, packed where\n"
    "`Accept-Encoding` names gzip. Samples are called as here: counters end in `_total`, "
    "information that is always 1 in `_info`, histograms have\n"
    "`_bucket`, `_sum` and `_count`. HTTP and database follow OpenTelemetry's names, "
    "`process_*` "
    "Prometheus' own. The key of a counter is never a\n"
    "label. A scrape may be a moment behind what has been answered.\n"
    "\n"
    "| name | type | unit | labels | meaning |\n"
    "|---|---|---|---|---|\n";

static const char *type_text(enum metric_type type)
{
    static const char *const texts[] = {"counter", "gauge", "histogram", "info"};

    return texts[type];
}

static void write_labels(FILE *out, const char *const *labels)
{
    for (size_t i = 0; labels[i] != NULL; i++) {
        (void)fprintf(out, "%s`%s`", i > 0 ? ", " : "", labels[i]);
    }
}

static void write_family(FILE *out, const struct metric_family *family)
{
    const char *end = family->type == METRIC_COUNTER ? "_total"
                      : family->type == METRIC_INFO  ? "_info"
                                                     : "";

    (void)fprintf(out, "| `%s%s` | %s | %s | ", family->name, end, type_text(family->type),
                  family->unit);
    write_labels(out, family->labels);
    (void)fprintf(out, " | %s |\n", family->help);
}

static void write_bounds(FILE *out, const char *what, const struct sr_histogram_bounds *bounds,
                         double unit)
{
    (void)fprintf(out, "- %s:", what);
    for (uint32_t i = 0; i < bounds->count; i++) {
        (void)fprintf(out, " %.10g", (double)bounds->upper[i] / unit);
    }
    (void)fprintf(out, "\n");
}

/* "- `label`: `a`, `b`": the values of a label that a list in the source has. */
static void write_values(FILE *out, const char *label, int count,
                         const char *(*value)(int index))
{
    (void)fprintf(out, "- `%s`:", label);
    for (int i = 0; i < count; i++) {
        (void)fprintf(out, "%s `%s`", i > 0 ? "," : "", value(i));
    }
    (void)fprintf(out, "\n");
}

static const char *method(int i)
{
    return http_metrics_method_label((enum http_method)i);
}

static const char *refusal(int i)
{
    return http_metrics_refusal_label((enum http_metrics_refusal)i);
}

static const char *decline(int i)
{
    return http_metrics_decline_label((enum http_metrics_decline)i);
}

static const char *operation(int i)
{
    return store_operation_name((enum store_operation)i);
}

static void write_page(FILE *out)
{
    const struct metric_family *family;

    (void)fputs(introduction, out);
    for (size_t i = 0; (family = metrics_family(i)) != NULL; i++) {
        write_family(out, family);
    }
    (void)fprintf(out, "\n## Bounds of the histograms\n\n");
    write_bounds(out, "seconds", &sr_bounds_time_ns, 1e9);
    write_bounds(out, "seconds of `simple_request_key_age_seconds`", &sr_bounds_age_ms, 1e3);
    write_bounds(out, "bytes", &sr_bounds_bytes, 1);
    write_bounds(out, "rows and keys", &sr_bounds_count, 1);
    (void)fprintf(out, "\n## Values of labels\n\n");
    (void)fprintf(out,
                  "- `http_route`: the path as `/openapi.yaml` has it; `unknown`: any other\n");
    write_values(out, "http_request_method", HTTP_METRICS_METHOD_COUNT, method);
    (void)fprintf(out, "- `http_response_status_code`: three digits; `_OTHER`: one that the "
                       "service does not send\n");
    write_values(out, "reason` of `simple_request_connections_refused_total",
                 HTTP_METRICS_REFUSAL_COUNT, refusal);
    write_values(out, "reason` of `simple_request_requests_declined_total",
                 HTTP_METRICS_DECLINE_COUNT, decline);
    write_values(out, "db_operation_name", STORE_OPERATION_COUNT, operation);
}

static void the_page_is_what_the_table_says(void **state)
{
    char *expected = NULL, found[65536];
    size_t expected_size, size;
    FILE *out = open_memstream(&expected, &expected_size);
    FILE *page = fopen(REFERENCE_PATH, "re");

    (void)state;
    assert_non_null(out);
    assert_non_null(page);
    write_page(out);
    assert_int_equal(fclose(out), 0);
    size = fread(found, 1, sizeof(found) - 1, page);
    (void)fclose(page);
    found[size] = '\0';
    if (strcmp(found, expected) != 0) {
        fail_msg("docs/METRICS.md is stale: make metrics-reference");
    }
    free(expected);
}

static void every_family_is_named_once_and_says_what_it_is(void **state)
{
    const struct metric_family *family, *other;

    (void)state;
    for (size_t i = 0; (family = metrics_family(i)) != NULL; i++) {
        assert_true(strlen(family->help) > 5 && family->help[strlen(family->help) - 1] == '.');
        for (size_t j = 0; j < i; j++) {
            other = metrics_family(j);
            assert_string_not_equal(family->name, other->name);
        }
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_page_is_what_the_table_says),
        cmocka_unit_test(every_family_is_named_once_and_says_what_it_is),
    };

    if (argc == 2 && strcmp(argv[1], "--write") == 0) {
        FILE *page = fopen(REFERENCE_PATH, "we");

        if (page == NULL) {
            return 1;
        }
        write_page(page);
        return fclose(page) == 0 ? 0 : 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
