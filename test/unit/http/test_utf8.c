/*
 * UTF-8: every character, and what is none.
 */
#include "http/utf8.h"

#include "bytes.h"

/* RFC 3629 section 3, without a look at what is allowed. */
static size_t encode(uint32_t code, uint8_t *ret_bytes)
{
    if (code < 0x80) {
        ret_bytes[0] = (uint8_t)code;
        return 1;
    }
    if (code < 0x800) {
        ret_bytes[0] = (uint8_t)(0xc0 | code >> 6);
        ret_bytes[1] = (uint8_t)(0x80 | (code & 63));
        return 2;
    }
    if (code < 0x10000) {
        ret_bytes[0] = (uint8_t)(0xe0 | code >> 12);
        ret_bytes[1] = (uint8_t)(0x80 | (code >> 6 & 63));
        ret_bytes[2] = (uint8_t)(0x80 | (code & 63));
        return 3;
    }
    ret_bytes[0] = (uint8_t)(0xf0 | code >> 18);
    ret_bytes[1] = (uint8_t)(0x80 | (code >> 12 & 63));
    ret_bytes[2] = (uint8_t)(0x80 | (code >> 6 & 63));
    ret_bytes[3] = (uint8_t)(0x80 | (code & 63));
    return 4;
}

static void all_characters_and_no_others_are_valid(void **state)
{
    (void)state;
    for (uint32_t code = 0; code < 0x1fffff; code++) {
        uint8_t bytes[4];
        size_t size = encode(code, bytes);
        bool character = code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);

        if (http_utf8_valid((struct sr_span){bytes, size}) != character) {
            fail_msg("U+%04X", code);
        }
        if (size > 1 && http_utf8_valid((struct sr_span){bytes, size - 1})) {
            fail_msg("U+%04X cut", code);
        }
    }
}

static void malformed_sequences_are_found_anywhere(void **state)
{
    static const struct sr_span bad[] = {
        BYTES("\x80"),
        BYTES("\xbf"),
        BYTES("\xc0\x80"),
        BYTES("\xc1\xbf"),
        BYTES("\xe0\x80\x80"),
        BYTES("\xe0\x9f\xbf"),
        BYTES("\xf0\x80\x80\x80"),
        BYTES("\xf0\x8f\xbf\xbf"),
        BYTES("\xf5\x80\x80\x80"),
        BYTES("\xff"),
        BYTES("\xfe"),
        BYTES("\xc3"),
        BYTES("\xe2\x82"),
        BYTES("\xf0\x9f\x98"),
        BYTES("\xc3\xc3"),
        BYTES("\xc3"
              "a"),
        BYTES("\xe2"
              "a\x82"),
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        for (size_t before = 0; before < 20; before++) {
            uint8_t text[64];
            size_t size = before + bad[i].size;

            memset(text, 'x', sizeof(text));
            memcpy(text + before, bad[i].data, bad[i].size);
            assert_false(http_utf8_valid((struct sr_span){text, size}));
            assert_false(http_utf8_valid((struct sr_span){text, size + 16}));
        }
    }
}

static void valid_text_is_valid_at_every_offset(void **state)
{
    (void)state;
    for (size_t before = 0; before < 20; before++) {
        uint8_t text[64];

        memset(text, 'x', sizeof(text));
        memcpy(text + before, "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", 9);
        assert_true(http_utf8_valid((struct sr_span){text, sizeof(text)}));
        assert_true(http_utf8_valid((struct sr_span){text, before + 9}));
    }
    assert_true(http_utf8_valid((struct sr_span){0}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_characters_and_no_others_are_valid),
        cmocka_unit_test(malformed_sequences_are_found_anywhere),
        cmocka_unit_test(valid_text_is_valid_at_every_offset),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
