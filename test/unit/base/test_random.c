/*
 * Random bytes and UUIDs of version 4 (RFC 9562).
 */
#include "base/random.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void drawn_uuids_carry_version_and_variant_and_differ(void **state)
{
    struct sr_uuid before = {{0}};

    (void)state;
    for (int i = 0; i < 100; i++) {
        struct sr_uuid uuid;

        assert_int_equal(sr_uuid_draw(&uuid, NULL), SR_OK);
        assert_int_equal(uuid.bytes[6] >> 4, 4);
        assert_int_equal(uuid.bytes[8] >> 6, 2);
        assert_memory_not_equal(&uuid, &before, sizeof(uuid));
        before = uuid;
    }
}

static void the_text_of_a_uuid_is_that_of_the_rfc(void **state)
{
    /* RFC 9562 appendix A.3. */
    static const struct sr_uuid uuid = {{0x91, 0x91, 0x08, 0xf7, 0x52, 0xd1, 0x43, 0x20, 0x9b,
                                         0xac, 0xf8, 0x47, 0xdb, 0x41, 0x48, 0xa8}};
    char text[SR_UUID_TEXT_SIZE];

    (void)state;
    sr_uuid_text(&uuid, text);
    assert_string_equal(text, "919108f7-52d1-4320-9bac-f847db4148a8");
}

static void all_bytes_are_filled(void **state)
{
    uint8_t seen[1000] = {0};
    uint8_t drawn[1000];

    (void)state;
    /* A byte that stays 0 in 16 draws is one in 2^128. */
    for (int i = 0; i < 16; i++) {
        assert_int_equal(sr_random_bytes(drawn, sizeof(drawn), NULL), SR_OK);
        for (size_t at = 0; at < sizeof(drawn); at++) {
            seen[at] |= drawn[at];
        }
    }
    assert_null(memchr(seen, 0, sizeof(seen)));
    assert_int_equal(sr_random_bytes(NULL, 0, NULL), SR_OK);
}

static void a_uuid_is_read_from_its_own_text_alone(void **state)
{
    static const char *const wrong[] = {"",
                                        "9191",
                                        "919108f7-52d1-4320-9bac-f847db4148a",
                                        "919108f7-52d1-4320-9bac-f847db4148a81",
                                        "919108F7-52d1-4320-9bac-f847db4148a8",
                                        "919108f752d143209bacf847db4148a8",
                                        "919108f7-52d1-4320-9bac-f847db4148ag",
                                        " 919108f7-52d1-4320-9bac-f847db4148a8"};
    struct sr_uuid drawn, uuid = {{7}};
    char text[SR_UUID_TEXT_SIZE];

    (void)state;
    assert_int_equal(sr_uuid_draw(&drawn, NULL), SR_OK);
    sr_uuid_text(&drawn, text);
    assert_true(sr_uuid_parse(text, &uuid));
    assert_memory_equal(&uuid, &drawn, sizeof(uuid));
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_false(sr_uuid_parse(wrong[i], &uuid));
    }
    assert_memory_equal(&uuid, &drawn, sizeof(uuid));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(drawn_uuids_carry_version_and_variant_and_differ),
        cmocka_unit_test(the_text_of_a_uuid_is_that_of_the_rfc),
        cmocka_unit_test(a_uuid_is_read_from_its_own_text_alone),
        cmocka_unit_test(all_bytes_are_filled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
