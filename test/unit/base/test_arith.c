/*
 * Checked and wide arithmetic at the ends of its ranges; spans and little-endian integers.
 */
#include "base/arith.h"
#include "base/bytes.h"
#include "base/span.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void a_sum_in_range_is_given(void **state)
{
    int64_t sum = 0;
    size_t size = 0;

    (void)state;
    assert_true(sr_add_i64(INT64_MAX, INT64_MIN, &sum));
    assert_true(sum == -1);
    assert_true(sr_add_i64(INT64_MAX - 1, 1, &sum));
    assert_true(sum == INT64_MAX);
    assert_true(sr_add_i64(INT64_MIN + 1, -1, &sum));
    assert_true(sum == INT64_MIN);
    assert_true(sr_add_size(SIZE_MAX - 1, 1, &size));
    assert_true(size == SIZE_MAX);
}

static void a_sum_out_of_range_is_refused_and_leaves_the_output(void **state)
{
    int64_t sum = 42;
    size_t size = 42;

    (void)state;
    assert_false(sr_add_i64(INT64_MAX, 1, &sum));
    assert_false(sr_add_i64(INT64_MIN, -1, &sum));
    assert_false(sr_add_i64(INT64_MIN, INT64_MIN, &sum));
    assert_true(sum == 42);
    assert_false(sr_add_size(SIZE_MAX, 1, &size));
    assert_true(size == 42);
}

static void wide_sums_tell_whether_they_fit(void **state)
{
    sr_wide wide = INT64_MAX;

    (void)state;
    assert_true(sr_wide_fits_i64(wide));
    assert_false(sr_wide_fits_i64(wide + 1));
    wide = INT64_MIN;
    assert_true(sr_wide_fits_i64(wide));
    assert_false(sr_wide_fits_i64(wide - 1));
    wide = (sr_wide)INT64_MAX * 3 - (sr_wide)INT64_MAX * 2;
    assert_true(sr_wide_fits_i64(wide));
}

static void sizes_are_rounded_up_to_the_next_multiple(void **state)
{
    (void)state;
    assert_int_equal(sr_round_up(0, 4096), 0);
    assert_int_equal(sr_round_up(1, 4096), 4096);
    assert_int_equal(sr_round_up(4096, 4096), 4096);
    assert_int_equal(sr_round_up(4097, 4096), 8192);
    assert_int_equal(sr_round_up(7, 1), 7);
}

static void spans_compare_by_bytes_and_the_shorter_first(void **state)
{
    (void)state;
    assert_true(sr_span_compare(sr_span_text("a"), sr_span_text("b")) < 0);
    assert_true(sr_span_compare(sr_span_text("ab"), sr_span_text("a")) > 0);
    assert_true(sr_span_compare(sr_span_text("a"), sr_span_text("ab")) < 0);
    assert_true(sr_span_compare(sr_span_text("a"), sr_span_text("\xc3\xa9")) < 0);
    assert_int_equal(sr_span_compare(sr_span_text("ab"), sr_span_text("ab")), 0);
    assert_int_equal(sr_span_compare((struct sr_span){0}, sr_span_text("")), 0);
    assert_true(sr_span_equal((struct sr_span){0}, sr_span_text("")));
    assert_true(sr_span_equal(sr_span_text("ab"), sr_span_text("ab")));
    assert_false(sr_span_equal(sr_span_text("ab"), sr_span_text("ac")));
    assert_false(sr_span_equal(sr_span_text("ab"), sr_span_text("abc")));
}

static void integers_are_little_endian_at_any_address(void **state)
{
    static const uint8_t expected[15] = {0xff, 0x22, 0x11, 0x66, 0x55, 0x44, 0x33, 0xee,
                                         0xdd, 0xcc, 0xbb, 0xaa, 0x99, 0x88, 0x77};
    uint8_t bytes[15] = {0xff};

    (void)state;
    sr_put_u16(bytes + 1, 0x1122);
    sr_put_u32(bytes + 3, 0x33445566);
    sr_put_u64(bytes + 7, 0x778899aabbccddeeU);
    assert_memory_equal(bytes, expected, sizeof(bytes));
    assert_int_equal(sr_get_u16(bytes + 1), 0x1122);
    assert_int_equal(sr_get_u32(bytes + 3), 0x33445566);
    assert_true(sr_get_u64(bytes + 7) == 0x778899aabbccddeeU);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sum_in_range_is_given),
        cmocka_unit_test(a_sum_out_of_range_is_refused_and_leaves_the_output),
        cmocka_unit_test(wide_sums_tell_whether_they_fit),
        cmocka_unit_test(sizes_are_rounded_up_to_the_next_multiple),
        cmocka_unit_test(spans_compare_by_bytes_and_the_shorter_first),
        cmocka_unit_test(integers_are_little_endian_at_any_address),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
