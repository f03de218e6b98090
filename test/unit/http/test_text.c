/*
 * Integers as text.
 */
#include "http/text.h"

#include "bytes.h"
#include "http/reply.h"

#include <inttypes.h>
#include <stdio.h>

static void check_integer(int64_t value)
{
    char expected[32], text[HTTP_INTEGER_TEXT_MAX];
    size_t size = http_format_i64(value, text);

    (void)snprintf(expected, sizeof(expected), "%" PRId64, value);
    assert_span("integer", (struct sr_span){(const uint8_t *)text, size}, expected);
}

/* Around each power of ten and of two. */
static void integers_are_written_as_printf_does(void **state)
{
    (void)state;
    for (int64_t power = 1; power <= INT64_MAX / 10; power *= 10) {
        for (int64_t near = -2; near <= 2; near++) {
            check_integer(power * 9 + near);
            check_integer(power + near);
            check_integer(-power + near);
        }
    }
    for (int bit = 0; bit < 63; bit++) {
        check_integer((int64_t)1 << bit);
        check_integer(-((int64_t)1 << bit));
    }
    check_integer(0);
    check_integer(INT64_MAX);
    check_integer(INT64_MIN);
}

static void unsigned_integers_have_20_digits_at_most(void **state)
{
    uint8_t text[HTTP_INTEGER_TEXT_MAX];
    struct sr_span span = {.data = text};

    (void)state;
    span.size = (size_t)(http_put_u64(text, UINT64_MAX) - text);
    assert_span("largest", span, "18446744073709551615");
}

static void the_escaped_size_is_what_is_written(void **state)
{
    (void)state;
    for (unsigned byte = 0; byte < 256; byte++) {
        uint8_t raw = (uint8_t)byte;
        uint8_t text[HTTP_ESCAPE_SIZE_MAX];
        struct sr_span span = {&raw, 1};

        assert_int_equal(http_put_escaped(text, span) - text, http_escaped_size(span));
    }
}

/* Eights of plain bytes are copied as they are: any byte may stand at any place beside them. */
static void any_byte_is_found_at_any_place(void **state)
{
    enum { SIZE = 19 };

    (void)state;
    for (unsigned byte = 0; byte < 256; byte++) {
        uint8_t raw = (uint8_t)byte;
        uint8_t escape[HTTP_ESCAPE_SIZE_MAX];
        size_t size = (size_t)(http_put_escaped(escape, (struct sr_span){&raw, 1}) - escape);

        for (size_t at = 0; at < SIZE; at++) {
            uint8_t text[SIZE], found[SIZE + HTTP_ESCAPE_SIZE_MAX];
            uint8_t wanted[SIZE + HTTP_ESCAPE_SIZE_MAX];
            struct sr_span span = {text, SIZE};

            memset(text, at % 2 == 0 ? 0xff : ' ', SIZE);
            text[at] = raw;
            memcpy(wanted, text, at);
            memcpy(wanted + at, escape, size);
            memcpy(wanted + at + size, text + at + 1, SIZE - at - 1);
            assert_int_equal(http_escaped_size(span), SIZE - 1 + size);
            assert_ptr_equal(http_put_escaped(found, span), found + SIZE - 1 + size);
            assert_memory_equal(found, wanted, SIZE - 1 + size);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_are_written_as_printf_does),
        cmocka_unit_test(unsigned_integers_have_20_digits_at_most),
        cmocka_unit_test(the_escaped_size_is_what_is_written),
        cmocka_unit_test(any_byte_is_found_at_any_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
