/*
 * What a worker counts: a series for every status that the service sends.
 */
#include "metrics/http_metrics.h"

#include "http/reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void every_status_that_is_sent_has_its_own_series(void **state)
{
    (void)state;
    for (uint16_t status = 200; status < 600; status++) {
        enum http_metrics_status index = http_metrics_status_index(status);
        char text[8];

        (void)snprintf(text, sizeof(text), "%u", status);
        if (strcmp(http_reason(status), "Unknown") != 0) {
            assert_string_equal(http_metrics_status_label(index), text);
        } else {
            assert_string_equal(http_metrics_status_label(index), "_OTHER");
        }
    }
}

static void labels_are_all_there_and_all_different(void **state)
{
    (void)state;
    for (int i = 0; i < HTTP_METRICS_STATUS_COUNT; i++) {
        for (int j = 0; j < i; j++) {
            assert_string_not_equal(http_metrics_status_label((enum http_metrics_status)i),
                                    http_metrics_status_label((enum http_metrics_status)j));
        }
    }
    for (int i = 0; i < HTTP_ROUTE_COUNT; i++) {
        for (int j = 0; j < i; j++) {
            assert_string_not_equal(http_route_label((enum http_route)i),
                                    http_route_label((enum http_route)j));
        }
    }
    for (int i = 0; i < HTTP_METRICS_REFUSAL_COUNT; i++) {
        assert_true(strlen(http_metrics_refusal_label((enum http_metrics_refusal)i)) > 0);
    }
    for (int i = 0; i < HTTP_METRICS_METHOD_COUNT; i++) {
        assert_true(strlen(http_metrics_method_label((enum http_method)i)) > 0);
    }
}

static void a_request_lands_in_its_series_and_no_other(void **state)
{
    struct http_metrics *m = NULL;
    uint64_t found = 0;

    (void)state;
    assert_int_equal(http_metrics_open(&m, NULL), SR_OK);
    assert_int_equal((uintptr_t)m % 64, 0);
    http_metrics_requests(m, HTTP_METHOD_GET, HTTP_ROUTE_COUNTER, 404,
                          sr_histogram_bucket(&sr_bounds_time_ns, 50000), 50000, 1);
    for (size_t r = 0; r < HTTP_ROUTE_COUNT; r++) {
        for (size_t method = 0; method < HTTP_METRICS_METHOD_COUNT; method++) {
            for (size_t s = 0; s < HTTP_METRICS_STATUS_COUNT; s++) {
                found += m->series[r][method][s].duration_ns.buckets[0];
            }
        }
    }
    assert_int_equal(found, 1);
    assert_int_equal(m->series[HTTP_ROUTE_COUNTER][HTTP_METHOD_GET][HTTP_METRICS_STATUS_404]
                         .duration_ns.buckets[0],
                     1);
    http_metrics_close(&m);
    assert_null(m);
    http_metrics_close(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status_that_is_sent_has_its_own_series),
        cmocka_unit_test(labels_are_all_there_and_all_different),
        cmocka_unit_test(a_request_lands_in_its_series_and_no_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
