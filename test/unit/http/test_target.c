/*
 * Request targets.
 */
#include "http/target.h"

#include "bytes.h"

static void targets_are_split_into_path_and_query(void **state)
{
    static const struct {
        const char *target, *path, *query;
    } rows[] = {
        {"/", "/", ""},
        {"/a/b", "/a/b", ""},
        {"/a?b=c", "/a", "b=c"},
        {"/a?", "/a", ""},
        {"/?", "/", ""},
        {"/a?b?c", "/a", "b?c"},
        {"//a", "//a", ""},
        {"/*", "/*", ""},
        {"/%00{}|^", "/%00{}|^", ""},
        {"*", "*", ""},
        {"http://a", "/", ""},
        {"http://a/", "/", ""},
        {"http://a/b?c", "/b", "c"},
        {"http://a?c", "/", "c"},
        {"HTTPS://a:1/b", "/b", ""},
        {"http://[::1]:1/b", "/b", ""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct http_target parts = {0};

        assert_true(http_target_split(sr_span_text(rows[i].target), &parts));
        assert_span(rows[i].target, parts.path, rows[i].path);
        assert_span(rows[i].target, parts.query, rows[i].query);
    }
}

static void what_is_no_target_is_refused_and_nothing_returned(void **state)
{
    static const char *const targets[] = {
        "",         "a",       "a/b",       "?a",        "#",           "/a#b",
        "*a",       "**",      "/a b",      "/a\tb",     "/a\x7f",      "/\xc3\xa4",
        "http:/a",  "http://", "http:///a", "http://?a", "http://a b/", "http://u@a/",
        "ftp://a/", "http//a", "a:80",      "httpx://a", "http://a:b/", "ws://a/",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(targets); i++) {
        struct http_target parts = {.path.size = 77};

        if (http_target_split(sr_span_text(targets[i]), &parts)) {
            fail_msg("%s", targets[i]);
        }
        assert_int_equal(parts.path.size, 77);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(targets_are_split_into_path_and_query),
        cmocka_unit_test(what_is_no_target_is_refused_and_nothing_returned),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
