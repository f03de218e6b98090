/*
 * Keys and values, and that what is said about bad ones fits its place.
 */
#include "http/rules.h"

#include "bytes.h"

static void integers_are_read_up_to_both_ends_of_the_range(void **state)
{
    static const struct {
        const char *text;
        int64_t value;
    } rows[] = {
        {"0", 0},
        {"-0", 0},
        {"+0", 0},
        {"7", 7},
        {"-7", -7},
        {"+7", 7},
        {"0007", 7},
        {"9223372036854775807", INT64_MAX},
        {"+9223372036854775807", INT64_MAX},
        {"-9223372036854775807", -INT64_MAX},
        {"-9223372036854775808", INT64_MIN},
        {"-0009223372036854775808", INT64_MIN},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct http_body_error error = {0};
        int64_t value = 77;

        assert_int_equal(http_value_read(sr_span_text(rows[i].text), &value, &error), SR_OK);
        assert_true(value == rows[i].value);
    }
}

static void what_is_no_integer_is_422_and_nothing_returned(void **state)
{
    static const char *const texts[] = {
        "",
        "-",
        "+",
        "--1",
        "+-1",
        "1-",
        " 1",
        "1 ",
        "a",
        "1a",
        "1.0",
        "1e1",
        "0x1",
        "/",
        ":",
        "9223372036854775808",
        "-9223372036854775809",
        "18446744073709551616",
        "-18446744073709551616",
        "92233720368547758070",
        "99999999999999999999999999999999999999",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct http_body_error error = {0};
        int64_t value = 77;

        if (http_value_read(sr_span_text(texts[i]), &value, &error) != SR_INVALID) {
            fail_msg("%s", texts[i]);
        }
        assert_int_equal(error.status, 422);
        assert_int_equal(value, 77);
        assert_true(strlen(error.message) < sizeof(error.message) - 1);
    }
}

static void keys_have_1_to_512_bytes_and_no_nul(void **state)
{
    static uint8_t bytes[513];
    struct http_body_error error = {0};

    (void)state;
    memset(bytes, 'k', sizeof(bytes));
    assert_int_equal(http_key_check((struct sr_span){bytes, 1}, &error), SR_OK);
    assert_int_equal(http_key_check((struct sr_span){bytes, 512}, &error), SR_OK);
    assert_int_equal(http_key_check((struct sr_span){bytes, 0}, &error), SR_INVALID);
    assert_int_equal(http_key_check((struct sr_span){bytes, 513}, &error), SR_INVALID);
    bytes[511] = '\0';
    assert_int_equal(http_key_check((struct sr_span){bytes, 511}, &error), SR_OK);
    assert_int_equal(http_key_check((struct sr_span){bytes, 512}, &error), SR_INVALID);
    assert_int_equal(error.status, 422);
    assert_true(strlen(error.message) < sizeof(error.message) - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_are_read_up_to_both_ends_of_the_range),
        cmocka_unit_test(what_is_no_integer_is_422_and_nothing_returned),
        cmocka_unit_test(keys_have_1_to_512_bytes_and_no_nul),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
