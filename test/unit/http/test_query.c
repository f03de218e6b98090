/*
 * Queries: pairs, decoded texts, and how integers are answered.
 */
#include "http/query.h"

#include "bytes.h"

static void pairs_are_cut_at_ampersands(void **state)
{
    struct sr_span query = sr_span_text("a=1&&b&=c&d=e=f&");
    static const char *const wanted[][2] = {{"a", "1"}, {"b", ""}, {"", "c"}, {"d", "e=f"}};
    struct sr_span name, value;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(wanted); i++) {
        assert_true(http_query_next(&query, &name, &value));
        assert_span("name", name, wanted[i][0]);
        assert_span("value", value, wanted[i][1]);
    }
    assert_false(http_query_next(&query, &name, &value));
    query = (struct sr_span){.size = 0};
    assert_false(http_query_next(&query, &name, &value));
}

static void texts_are_decoded_once(void **state)
{
    static const struct {
        const char *value;
        uint16_t status;
        const char *text; /* or a part of the message */
    } rows[] = {
        {"", 0, ""},
        {"a+b%20c%2B%2525", 0, "a b c+%25"},
        {"%C3%A9", 0, "\xc3\xa9"},
        {"%zz", 400, "parameter after"},
        {"%c3", 400, "parameter after"},
        {"%00", 422, "parameter after"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint8_t space[SR_KEY_SIZE_MAX];
        struct http_body_error error = {0};
        size_t size = 0;
        enum sr_result result =
            http_query_text(sr_span_text(rows[i].value), "after", space, &size, &error);
        struct sr_span text = {.data = space, .size = size};

        assert_int_equal(error.status, rows[i].status);
        assert_int_equal(result, rows[i].status == 0 ? SR_OK : SR_INVALID);
        if (rows[i].status == 0) {
            assert_span("text", text, rows[i].text);
        } else {
            assert_non_null(strstr(error.message, rows[i].text));
        }
    }
}

static void integers_are_strings_for_who_asks(void **state)
{
    static const struct {
        const char *query, *accept;
        int wanted; /* 422: refused */
    } rows[] = {
        {"", "", 0},
        {"as=string", "", 1},
        {"x=1&as=string&y", "", 1},
        {"as=number", "", 0},
        {"as=number", "application/json; int64=string", 0},
        {"as=", "", 422},
        {"as=text", "", 422},
        {"as=String", "", 422},
        {"as=string&as=string", "", 422},
        {"was=string", "", 0},
        {"", "application/json; int64=string", 1},
        {"", "application/json;int64=\"string\"", 1},
        {"", "text/html, Application/JSON ; q=0.5; Int64=String", 1},
        {"", "application/json; int64=string; q=0", 0},
        {"", "application/json; int64=number", 0},
        {"", "text/json; int64=string", 0},
        {"", "*/*; int64=string", 0},
        {"", "application/json, application/xml; int64=string", 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct http_body_error error = {0};
        bool as_text = false;
        enum sr_result result =
            http_query_integers(sr_span_text(rows[i].query), sr_span_text(rows[i].accept),
                                &as_text, &error);

        if ((result == SR_OK ? as_text : error.status) != rows[i].wanted) {
            fail_msg("%s, %s", rows[i].query, rows[i].accept);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pairs_are_cut_at_ampersands),
        cmocka_unit_test(texts_are_decoded_once),
        cmocka_unit_test(integers_are_strings_for_who_asks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
