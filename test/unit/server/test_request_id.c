/*
 * Which ids and traces are taken from strangers, and the ids that are drawn.
 */
#include "support/unit.h"

#include "server/request_id.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void an_id_of_harmless_characters_is_taken(void **state)
{
    static const char *const good[] = {"a", "7f9c1c52-6f0b-4a55-9d5e-2f7b54f1c9aa",
                                       "Root=1-67891233-abcdef012345678912345678",
                                       "a.b_c:d/e+f=~@-"};
    static const char *const bad[] = {"",    "a b",      "a\"b",  "a\\b", "a\tb",
                                      "a,b", "a;b",      "a\x7f", "<a>",  "\xc3\xa9",
                                      "{a}", "a\x1b[0m", "a%0a"};
    char longest[REQUEST_ID_SIZE_MAX + 2];

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(request_id_sane(sr_span_text(good[i])));
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (request_id_sane(sr_span_text(bad[i]))) {
            fail_msg("taken: '%s'", bad[i]);
        }
    }
    assert_false(request_id_sane((struct sr_span){(const uint8_t *)"a\0b", 3}));
    assert_false(request_id_sane((struct sr_span){0}));
    memset(longest, 'x', sizeof(longest));
    assert_true(
        request_id_sane((struct sr_span){(const uint8_t *)longest, REQUEST_ID_SIZE_MAX}));
    assert_false(
        request_id_sane((struct sr_span){(const uint8_t *)longest, REQUEST_ID_SIZE_MAX + 1}));
}

static int compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void drawn_ids_differ_and_depend_on_the_key(void **state)
{
    static char ids[2000][REQUEST_ID_DRAWN_SIZE + 1];
    struct request_ids first = {.key = {.k0 = 1, .k1 = 2}};
    struct request_ids second = {.key = {.k0 = 1, .k1 = 3}};

    (void)state;
    for (int i = 0; i < 1000; i++) {
        request_id_draw(&first, ids[i]);
        request_id_draw(&second, ids[1000 + i]);
        assert_true(request_id_sane(sr_span_text(ids[i])));
        assert_int_equal(strlen(ids[i]), REQUEST_ID_DRAWN_SIZE);
    }
    qsort(ids, 2000, sizeof(ids[0]), compare);
    for (int i = 1; i < 2000; i++) {
        assert_string_not_equal(ids[i - 1], ids[i]);
    }
}

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"
#define PARENT "00f067aa0ba902b7"

static void a_traceparent_is_read(void **state)
{
    static const char *const good[] = {"00-" TRACE "-" PARENT "-01",
                                       "00-" TRACE "-" PARENT "-00",
                                       "cc-" TRACE "-" PARENT "-01",
                                       "cc-" TRACE "-" PARENT "-01-what-comes-later"};
    struct trace trace;

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(trace_parse(sr_span_text(good[i]), &trace));
        assert_string_equal(trace.id, TRACE);
        assert_string_equal(trace.parent, PARENT);
    }
}

static void what_is_no_traceparent_is_none(void **state)
{
    static const char *const bad[] = {
        "",
        "00",
        "00-" TRACE "-" PARENT,
        "00-" TRACE "-" PARENT "-0",
        "00-" TRACE "-" PARENT "-01-",
        "00-" TRACE "-" PARENT "-01-more",
        "ff-" TRACE "-" PARENT "-01",
        "cc-" TRACE "-" PARENT "-01.more",
        "0x-" TRACE "-" PARENT "-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-" PARENT "-01",
        "00-00000000000000000000000000000000-" PARENT "-01",
        "00-" TRACE "-0000000000000000-01",
        "00-" TRACE "_" PARENT "-01",
        "00-" TRACE "-" PARENT "-zz",
        "00-4bf92f3577b34da6a3ce929d0e0e47\n6-" PARENT "-01",
    };
    struct trace trace;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (trace_parse(sr_span_text(bad[i]), &trace)) {
            fail_msg("taken: '%s'", bad[i]);
        }
    }
    assert_false(trace_parse((struct sr_span){0}, &trace));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_id_of_harmless_characters_is_taken),
        cmocka_unit_test(drawn_ids_differ_and_depend_on_the_key),
        cmocka_unit_test(a_traceparent_is_read),
        cmocka_unit_test(what_is_no_traceparent_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
