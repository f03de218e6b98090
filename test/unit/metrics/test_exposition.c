/*
 * The text formats: families, samples, escapes, exact decimals, histograms.
 */
#include "metrics/exposition.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct metric_family counter = {.name = "a_bytes",
                                             .type = METRIC_COUNTER,
                                             .unit = "bytes",
                                             .help = "A \"b\" \\ c."};
static const struct metric_family labelled = {
    .name = "b", .type = METRIC_GAUGE, .unit = "", .help = "B.", .labels = {"x", "y", NULL}};
static const struct metric_family info = {
    .name = "c", .type = METRIC_INFO, .unit = "", .help = "C.", .labels = {"v", NULL}};
static const struct metric_family times = {.name = "d_seconds",
                                           .type = METRIC_HISTOGRAM,
                                           .unit = "seconds",
                                           .help = "D."};

static struct sr_buffer out;
static struct exposition page;

static int begin(void **state)
{
    (void)state;
    sr_buffer_init(&out, 1 << 20);
    page = (struct exposition){.out = &out, .result = SR_OK};
    return 0;
}

static int end(void **state)
{
    (void)state;
    sr_buffer_done(&out);
    return 0;
}

static void assert_written(const char *expected)
{
    assert_int_equal(page.result, SR_OK);
    assert_int_equal(sr_buffer_append(&out, "", 1), SR_OK); /* its NUL */
    assert_string_equal((const char *)out.data, expected);
    out.size = 0;
}

static void write_all(void)
{
    exposition_family(&page, &counter);
    exposition_sample(&page, NULL, (struct metric_number){.value = 7});
    exposition_family(&page, &info);
    exposition_sample(&page, (const char *const[]){"1.0"}, (struct metric_number){.value = 1});
    exposition_end(&page);
}

static void prometheus_text_calls_a_family_as_its_samples(void **state)
{
    (void)state;
    write_all();
    assert_written("# HELP a_bytes_total A \"b\" \\\\ c.\n"
                   "# TYPE a_bytes_total counter\n"
                   "a_bytes_total 7\n"
                   "# HELP c_info C.\n"
                   "# TYPE c_info gauge\n"
                   "c_info{v=\"1.0\"} 1\n");
}

static void openmetrics_has_units_infos_and_an_end(void **state)
{
    (void)state;
    page.openmetrics = true;
    write_all();
    assert_written("# HELP a_bytes A \\\"b\\\" \\\\ c.\n"
                   "# TYPE a_bytes counter\n"
                   "# UNIT a_bytes bytes\n"
                   "a_bytes_total 7\n"
                   "# HELP c C.\n"
                   "# TYPE c info\n"
                   "c_info{v=\"1.0\"} 1\n"
                   "# EOF\n");
}

static void label_values_are_escaped(void **state)
{
    (void)state;
    exposition_family(&page, &labelled);
    out.size = 0;
    exposition_sample(&page, (const char *const[]){"a\"} 1\nfake 1", "\\"},
                      (struct metric_number){.value = 3});
    assert_written("b{x=\"a\\\"} 1\\nfake 1\",y=\"\\\\\"} 3\n");
}

static void assert_decimal(uint64_t value, unsigned decimals, const char *expected)
{
    char line[64];

    exposition_sample(&page, NULL,
                      (struct metric_number){.value = value, .decimals = decimals});
    (void)snprintf(line, sizeof(line), "a_bytes_total %s\n", expected);
    assert_written(line);
}

static void decimals_are_exact(void **state)
{
    (void)state;
    exposition_family(&page, &counter);
    out.size = 0;
    assert_decimal(0, 0, "0");
    assert_decimal(0, 9, "0");
    assert_decimal(1, 9, "0.000000001");
    assert_decimal(1500, 3, "1.5");
    assert_decimal(2000, 3, "2");
    assert_decimal(UINT64_MAX, 0, "18446744073709551615");
    assert_decimal(UINT64_MAX, 9, "18446744073.709551615");
    assert_decimal(UINT64_MAX, 19, "1.8446744073709551615");
}

static void signed_numbers_keep_their_sign(void **state)
{
    struct metric_number number = {.value = (uint64_t)INT64_MIN, .is_signed = true};

    (void)state;
    exposition_family(&page, &counter);
    out.size = 0;
    exposition_sample(&page, NULL, number);
    assert_written("a_bytes_total -9223372036854775808\n");
}

static void a_histogram_is_cumulative_and_its_bounds_are_canonical(void **state)
{
    static const struct sr_histogram_bounds bounds = {.count = 4,
                                                      .upper = {50000, 1000000000, 100000000000,
                                                                2500000000000000}};
    struct metric_histogram histogram = {.bounds = &bounds,
                                         .buckets = {1, 2, 0, 3, 4},
                                         .sum = 12000000001};

    (void)state;
    exposition_family(&page, &times);
    out.size = 0;
    exposition_histogram(&page, NULL, &histogram, 9);
    assert_written("d_seconds_bucket{le=\"0.00005\"} 1\n"
                   "d_seconds_bucket{le=\"1.0\"} 3\n"
                   "d_seconds_bucket{le=\"100.0\"} 3\n"
                   "d_seconds_bucket{le=\"2.5e+06\"} 6\n"
                   "d_seconds_bucket{le=\"+Inf\"} 10\n"
                   "d_seconds_sum 12.000000001\n"
                   "d_seconds_count 10\n");
}

static void live_histograms_are_added_up(void **state)
{
    struct metric_histogram total = {.bounds = &sr_bounds_count};
    struct sr_histogram a, b;

    (void)state;
    sr_histogram_init(&a, &sr_bounds_count);
    sr_histogram_init(&b, &sr_bounds_count);
    sr_histogram_add(&a, 1);
    sr_histogram_add(&b, 1);
    sr_histogram_add(&b, UINT32_MAX);
    metric_histogram_add(&total, &a);
    metric_histogram_add(&total, &b);
    assert_int_equal(total.buckets[0], 2);
    assert_int_equal(total.buckets[sr_bounds_count.count], 1);
    assert_int_equal(total.sum, 2 + (uint64_t)UINT32_MAX);
}

static void a_full_buffer_is_told_and_nothing_follows(void **state)
{
    size_t whole;

    (void)state;
    write_all();
    whole = out.size;
    for (size_t size = 1; size < whole; size++) {
        sr_buffer_done(&out);
        sr_buffer_init(&out, size);
        page = (struct exposition){.out = &out, .result = SR_OK};
        write_all();
        assert_int_equal(page.result, SR_FULL);
        assert_in_range(out.size, 0, size);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(prometheus_text_calls_a_family_as_its_samples, begin,
                                        end),
        cmocka_unit_test_setup_teardown(openmetrics_has_units_infos_and_an_end, begin, end),
        cmocka_unit_test_setup_teardown(label_values_are_escaped, begin, end),
        cmocka_unit_test_setup_teardown(decimals_are_exact, begin, end),
        cmocka_unit_test_setup_teardown(signed_numbers_keep_their_sign, begin, end),
        cmocka_unit_test_setup_teardown(a_histogram_is_cumulative_and_its_bounds_are_canonical,
                                        begin, end),
        cmocka_unit_test_setup_teardown(live_histograms_are_added_up, begin, end),
        cmocka_unit_test_setup_teardown(a_full_buffer_is_told_and_nothing_follows, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
