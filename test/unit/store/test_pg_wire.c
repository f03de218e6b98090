/*
 * store/pg_wire.c: bytes as PostgreSQL wants them.
 */
#include "store/pg_wire.h"

/* cmocka needs these before it */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static void an_array_of_text_is_header_then_sizes_and_bytes(void **state)
{
    static const uint8_t wanted[] = {0, 0, 0, 1, 0, 0, 0, 0, 0,   0,   0, 25, 0, 0, 0,  2,
                                     0, 0, 0, 1, 0, 0, 0, 2, 'h', 'i', 0, 0,  0, 1, '!'};
    struct sr_buffer array;

    (void)state;
    sr_buffer_init(&array, 100);
    assert_int_equal(pg_array_begin(&array, PG_TEXT), SR_OK);
    assert_int_equal(pg_array_bytes(&array, "hi", 2), SR_OK);
    assert_int_equal(pg_array_bytes(&array, "!", 1), SR_OK);
    pg_array_end(&array, 2);
    assert_int_equal(array.size, sizeof(wanted));
    assert_memory_equal(array.data, wanted, sizeof(wanted));
    sr_buffer_done(&array);
}

static void integers_are_big_endian_and_come_back(void **state)
{
    static const int64_t values[] = {0, 1, -1, INT64_MAX, INT64_MIN, 0x0102030405060708};
    struct sr_buffer array;

    (void)state;
    sr_buffer_init(&array, 1000);
    assert_int_equal(pg_array_begin(&array, PG_INT8), SR_OK);
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        assert_int_equal(pg_array_int8(&array, values[i]), SR_OK);
        assert_int_equal(pg_get_u32(array.data + array.size - 12), 8);
        assert_true(pg_get_int8(array.data + array.size - 8) == values[i]);
    }
    assert_memory_equal(array.data + array.size - 8, "\1\2\3\4\5\6\7\10", 8);
    sr_buffer_done(&array);
}

static void beginning_again_forgets_what_was_there(void **state)
{
    struct sr_buffer array;

    (void)state;
    sr_buffer_init(&array, 100);
    assert_int_equal(pg_array_begin(&array, PG_TEXT), SR_OK);
    assert_int_equal(pg_array_bytes(&array, "x", 1), SR_OK);
    assert_int_equal(pg_array_begin(&array, PG_INT8), SR_OK);
    assert_int_equal(array.size, PG_ARRAY_HEADER_SIZE);
    sr_buffer_done(&array);
}

static void an_array_that_does_not_fit_is_full(void **state)
{
    struct sr_buffer array;

    (void)state;
    sr_buffer_init(&array, PG_ARRAY_HEADER_SIZE + 4);
    assert_int_equal(pg_array_begin(&array, PG_TEXT), SR_OK);
    assert_int_equal(pg_array_bytes(&array, "x", 1), SR_FULL);
    sr_buffer_done(&array);
}

/* Of every length up to 5: each element is found where it lies, and nothing beside them is. */
static void ascending_elements_are_found_by_their_bytes(void **state)
{
    static const char *const texts[] = {"", "b", "bb", "d", "f"};
    static const char *const others[] = {"a", "bbb", "c", "e", "g"};
    struct sr_buffer array;
    uint32_t offsets[5];

    (void)state;
    sr_buffer_init(&array, 4096);
    assert_int_equal(pg_array_begin(&array, PG_TEXT), SR_OK);
    for (uint32_t count = 0; count <= 5; count++) {
        for (uint32_t i = 0; i < 5; i++) {
            assert_int_equal(pg_array_find(&array, offsets, count, sr_span_text(texts[i])),
                             i < count ? i : count);
            assert_int_equal(pg_array_find(&array, offsets, count, sr_span_text(others[i])),
                             count);
        }
        if (count < 5) {
            offsets[count] = (uint32_t)array.size;
            assert_int_equal(pg_array_bytes(&array, texts[count], strlen(texts[count])), SR_OK);
        }
    }
    sr_buffer_done(&array);
}

static void parameters_are_binary_and_keep_their_types(void **state)
{
    struct pg_params params = {.count = 0};
    struct sr_uuid uuid = {.bytes = {1, 2, 3}};

    (void)state;
    pg_param_int8(&params, -2);
    pg_param_uuid(&params, &uuid);
    pg_param_text(&params, "word");
    pg_param_bool(&params, true);
    pg_param_bytes(&params, PG_BYTEA, NULL, 0);
    assert_int_equal(params.count, 5);
    assert_memory_equal(params.values[0], "\377\377\377\377\377\377\377\376", 8);
    assert_ptr_equal(params.values[1], uuid.bytes);
    assert_int_equal(params.sizes[1], 16);
    assert_int_equal(params.sizes[2], 4);
    assert_int_equal(params.values[3][0], 1);
    assert_null(params.values[4]);
    assert_int_equal(params.types[0], PG_INT8);
    assert_int_equal(params.types[4], PG_BYTEA);
    for (int i = 0; i < params.count; i++) {
        assert_int_equal(params.formats[i], 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_array_of_text_is_header_then_sizes_and_bytes),
        cmocka_unit_test(integers_are_big_endian_and_come_back),
        cmocka_unit_test(beginning_again_forgets_what_was_there),
        cmocka_unit_test(an_array_that_does_not_fit_is_full),
        cmocka_unit_test(ascending_elements_are_found_by_their_bytes),
        cmocka_unit_test(parameters_are_binary_and_keep_their_types),
    };

    return cmocka_run_group_tests_name("store/pg_wire", tests, NULL, NULL);
}
