/*
 * The growable buffer: its bound, its growth, consuming and printing.
 */
#include "base/buffer.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void assert_content(const struct sr_buffer *buffer, const char *text)
{
    assert_true(sr_span_equal(sr_buffer_span(buffer), sr_span_text(text)));
}

static void an_empty_buffer_holds_no_memory(void **state)
{
    struct sr_buffer buffer;

    (void)state;
    sr_buffer_init(&buffer, 100);
    assert_null(buffer.data);
    assert_int_equal(buffer.capacity, 0);
    assert_content(&buffer, "");
    sr_buffer_consume(&buffer, 0);
    sr_buffer_done(&buffer);
}

static void appended_bytes_stand_in_order(void **state)
{
    struct sr_buffer buffer;

    (void)state;
    sr_buffer_init(&buffer, 1000);
    assert_int_equal(sr_buffer_append(&buffer, "ab", 2), SR_OK);
    assert_int_equal(sr_buffer_append(&buffer, NULL, 0), SR_OK);
    assert_int_equal(sr_buffer_append(&buffer, "cd", 2), SR_OK);
    assert_content(&buffer, "abcd");
    sr_buffer_done(&buffer);
}

static void the_maximum_is_reached_but_never_passed(void **state)
{
    struct sr_buffer buffer;
    char block[300];

    (void)state;
    memset(block, 'x', sizeof(block));
    sr_buffer_init(&buffer, 1000);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(sr_buffer_append(&buffer, block, sizeof(block)), SR_OK);
    }
    assert_int_equal(sr_buffer_append(&buffer, block, 101), SR_FULL);
    assert_int_equal(buffer.size, 900);
    assert_int_equal(sr_buffer_append(&buffer, block, 100), SR_OK);
    assert_int_equal(buffer.size, 1000);
    assert_true(buffer.capacity <= 1000);
    assert_int_equal(sr_buffer_append(&buffer, "y", 1), SR_FULL);
    assert_int_equal(sr_buffer_reserve(&buffer, SIZE_MAX), SR_FULL);
    sr_buffer_done(&buffer);
}

static void reserved_room_is_there_and_counts_nothing(void **state)
{
    struct sr_buffer buffer;

    (void)state;
    sr_buffer_init(&buffer, 5000);
    assert_int_equal(sr_buffer_reserve(&buffer, 4000), SR_OK);
    assert_true(buffer.capacity >= 4000);
    assert_int_equal(buffer.size, 0);
    memset(buffer.data, 1, 4000);
    sr_buffer_done(&buffer);
}

static void consumed_bytes_make_room_at_the_end(void **state)
{
    struct sr_buffer buffer;

    (void)state;
    sr_buffer_init(&buffer, 300);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(sr_buffer_append(&buffer, "0123456789", 10), SR_OK);
        if (i > 0) {
            sr_buffer_consume(&buffer, 10);
        }
    }
    assert_content(&buffer, "0123456789");
    sr_buffer_consume(&buffer, 7);
    assert_content(&buffer, "789");
    sr_buffer_done(&buffer);
}

static void printed_text_is_appended_without_its_nul(void **state)
{
    struct sr_buffer buffer;

    (void)state;
    sr_buffer_init(&buffer, 20);
    assert_int_equal(sr_buffer_printf(&buffer, "%s=%d", "key", 42), SR_OK);
    assert_int_equal(sr_buffer_printf(&buffer, "%s", ""), SR_OK);
    assert_content(&buffer, "key=42");
    /* Text that does not fit leaves what was there. */
    assert_int_equal(sr_buffer_printf(&buffer, "%020d", 1), SR_FULL);
    assert_content(&buffer, "key=42");
    sr_buffer_done(&buffer);
}

static void a_buffer_is_usable_after_done(void **state)
{
    struct sr_buffer buffer;

    (void)state;
    sr_buffer_init(&buffer, 10);
    assert_int_equal(sr_buffer_append(&buffer, "abc", 3), SR_OK);
    sr_buffer_done(&buffer);
    assert_content(&buffer, "");
    assert_int_equal(sr_buffer_append(&buffer, "0123456789", 10), SR_OK);
    assert_content(&buffer, "0123456789");
    sr_buffer_done(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_buffer_holds_no_memory),
        cmocka_unit_test(appended_bytes_stand_in_order),
        cmocka_unit_test(the_maximum_is_reached_but_never_passed),
        cmocka_unit_test(reserved_room_is_there_and_counts_nothing),
        cmocka_unit_test(consumed_bytes_make_room_at_the_end),
        cmocka_unit_test(printed_text_is_appended_without_its_nul),
        cmocka_unit_test(a_buffer_is_usable_after_done),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
