/*
 * Numbers, durations and sizes as people write them.
 */
#include "base/units.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

typedef bool parse_fn(const char *text, uint64_t *ret_value);

static void assert_parsed(parse_fn *parse, const char *text, uint64_t expected)
{
    uint64_t value = 77;

    assert_true(parse(text, &value));
    assert_true(value == expected);
}

static void assert_refused(parse_fn *parse, const char *text)
{
    uint64_t value = 77;

    assert_false(parse(text, &value));
    assert_int_equal(value, 77);
}

static void numbers_up_to_64_bits_are_read(void **state)
{
    (void)state;
    assert_parsed(sr_parse_u64, "0", 0);
    assert_parsed(sr_parse_u64, "007", 7);
    assert_parsed(sr_parse_u64, "18446744073709551615", UINT64_MAX);
    assert_refused(sr_parse_u64, "18446744073709551616");
    assert_refused(sr_parse_u64, "99999999999999999999999");
}

static void what_is_no_number_is_refused(void **state)
{
    const char *const bad[] = {"", " 1", "1 ", "+1", "-1", "1.5", "0x10", "1e3", "one", "1\n"};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_refused(sr_parse_u64, bad[i]);
        assert_refused(sr_parse_duration, bad[i]);
    }
}

static void durations_need_a_unit_but_for_0(void **state)
{
    (void)state;
    assert_parsed(sr_parse_duration, "0", 0);
    assert_parsed(sr_parse_duration, "500ms", 500);
    assert_parsed(sr_parse_duration, "10s", 10000);
    assert_parsed(sr_parse_duration, "5m", 300000);
    assert_parsed(sr_parse_duration, "24h", 86400000);
    assert_parsed(sr_parse_duration, "7d", 604800000);
    assert_refused(sr_parse_duration, "10");
    assert_refused(sr_parse_duration, "10S");
    assert_refused(sr_parse_duration, "10sec");
    assert_refused(sr_parse_duration, "s");
    assert_refused(sr_parse_duration, "18446744073709551615s");
}

static void sizes_are_bytes_or_multiples_of_1024(void **state)
{
    (void)state;
    assert_parsed(sr_parse_size, "4096", 4096);
    assert_parsed(sr_parse_size, "1KiB", 1024);
    assert_parsed(sr_parse_size, "128MiB", (uint64_t)128 << 20);
    assert_parsed(sr_parse_size, "8GiB", (uint64_t)8 << 30);
    assert_parsed(sr_parse_size, "2TiB", (uint64_t)2 << 40);
    assert_refused(sr_parse_size, "1GB");
    assert_refused(sr_parse_size, "1g");
    assert_refused(sr_parse_size, "1.5GiB");
    assert_refused(sr_parse_size, "16777216TiB");
}

static void what_is_written_is_short_and_reads_back(void **state)
{
    const uint64_t values[] = {0,    1,        999,     1000,    1024,      60000,     90000,
                               1536, 86400000, 1 << 20, 1 << 30, 123456789, UINT64_MAX};
    char text[SR_UNITS_TEXT_SIZE];

    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        sr_format_duration(values[i], text);
        assert_parsed(sr_parse_duration, text, values[i]);
        sr_format_size(values[i], text);
        assert_parsed(sr_parse_size, text, values[i]);
    }
    sr_format_duration(90000, text);
    assert_string_equal(text, "90s");
    sr_format_duration(600000, text);
    assert_string_equal(text, "10m");
    sr_format_size((uint64_t)8 << 30, text);
    assert_string_equal(text, "8GiB");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_up_to_64_bits_are_read),
        cmocka_unit_test(what_is_no_number_is_refused),
        cmocka_unit_test(durations_need_a_unit_but_for_0),
        cmocka_unit_test(sizes_are_bytes_or_multiples_of_1024),
        cmocka_unit_test(what_is_written_is_short_and_reads_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
