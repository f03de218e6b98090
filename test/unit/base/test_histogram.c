/*
 * Histograms: which bucket a value falls into, sums, the bounds themselves.
 */
#include "base/histogram.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct sr_histogram_bounds bounds = {.count = 3, .upper = {10, 20, 50}};

static void a_value_falls_under_the_first_bound_not_below_it(void **state)
{
    static const uint64_t expected[4] = {2, 2, 1, 2};
    struct sr_histogram histogram;

    (void)state;
    sr_histogram_init(&histogram, &bounds);
    sr_histogram_add(&histogram, 0);
    sr_histogram_add(&histogram, 10);
    sr_histogram_add(&histogram, 11);
    sr_histogram_add(&histogram, 20);
    sr_histogram_add(&histogram, 50);
    sr_histogram_add(&histogram, 51);
    sr_histogram_add(&histogram, 1000);
    for (unsigned i = 0; i < 4; i++) {
        assert_true(histogram.buckets[i] == expected[i]);
    }
    assert_true(histogram.sum == 0 + 10 + 11 + 20 + 50 + 51 + 1000);
}

static void assert_ascending(const struct sr_histogram_bounds *b)
{
    assert_true(b->count > 0 && b->count <= SR_HISTOGRAM_BOUNDS_MAX);
    for (uint32_t i = 1; i < b->count; i++) {
        assert_true(b->upper[i] > b->upper[i - 1]);
    }
}

static void the_bounds_ascend(void **state)
{
    (void)state;
    assert_ascending(&sr_bounds_time_ns);
    assert_ascending(&sr_bounds_count);
    assert_ascending(&sr_bounds_bytes);
    assert_ascending(&sr_bounds_age_ms);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_falls_under_the_first_bound_not_below_it),
        cmocka_unit_test(the_bounds_ascend),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
