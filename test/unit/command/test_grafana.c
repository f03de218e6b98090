/*
 * Annotations in Grafana: where the URL leads, and the body's JSON whatever the texts hold.
 */
#include "command/grafana.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_place(const char *url, const char *expected, const char *prefix)
{
    struct grafana_place place;

    assert_int_equal(grafana_place(url, &place, NULL), SR_OK);
    assert_string_equal(place.url, expected);
    assert_string_equal(place.prefix, prefix);
}

static void a_url_is_split_into_origin_and_path(void **state)
{
    (void)state;
    assert_place("http://grafana:3000", "http://grafana:3000", "");
    assert_place("http://grafana", "http://grafana:80", "");
    assert_place("http://grafana/", "http://grafana:80", "");
    assert_place("https://grafana", "https://grafana", "");
    assert_place("https://grafana/a/b//", "https://grafana", "/a/b");
    assert_place("http://[::1]/x", "http://[::1]:80", "/x");
    assert_place("http://[::1]:3000/x", "http://[::1]:3000", "/x");
}

static void what_cannot_be_asked_is_refused(void **state)
{
    static char host[400] = "http://";
    static char path[400] = "http://grafana/";
    const char *const bad[] = {"",
                               "grafana",
                               "://",
                               "ftp://grafana",
                               "unix:/socket",
                               "http://",
                               "http:///x",
                               "http://grafana:",
                               "http://grafana:0",
                               "http://grafana:65536",
                               "http://user@grafana",
                               "http://gra fana",
                               "http://grafana/a b",
                               "http://grafana/?a",
                               "http://grafana/#a",
                               "http://grafana?a",
                               "http://grafana/a\r\nX: y",
                               host,
                               path};
    struct grafana_place place;

    (void)state;
    memset(host + 7, 'a', sizeof(host) - 8);
    memset(path + 15, 'a', sizeof(path) - 16);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct sr_err err;

        if (grafana_place(bad[i], &place, &err) != SR_INVALID) {
            fail_msg("\"%s\" is taken for a URL", bad[i]);
        }
        assert_non_null(strstr(err.text, "--grafana-url"));
    }
}

static void assert_body(const struct grafana_annotation *annotation, const char *uid,
                        const char *expected)
{
    size_t size;
    char *body = grafana_body(annotation, uid, &size);

    assert_non_null(body);
    assert_int_equal(size, strlen(expected));
    assert_memory_equal(body, expected, size);
    free(body);
}

static void a_body_has_time_text_and_tags_and_the_dashboard_if_any(void **state)
{
    const char *const tags[] = {"a", "sha:0", NULL};
    const struct grafana_annotation annotation = {.time_ms = 1764000000000,
                                                  .text = "started",
                                                  .tags = tags};

    (void)state;
    assert_body(&annotation, NULL,
                "{\"time\":1764000000000,\"text\":\"started\",\"tags\":[\"a\",\"sha:0\"]}");
    assert_body(&annotation, "uid",
                "{\"time\":1764000000000,\"text\":\"started\",\"dashboardUID\":\"uid\","
                "\"tags\":[\"a\",\"sha:0\"]}");
}

static void texts_cannot_break_out_of_the_body(void **state)
{
    const char *const tags[] = {"\"],\"x\":[\"", NULL};
    const struct grafana_annotation annotation = {.text = "a\n\"b\\", .tags = tags};

    (void)state;
    assert_body(&annotation, NULL,
                "{\"time\":0,\"text\":\"a\\n\\\"b\\\\\",\"tags\":[\"\\\"],\\\"x\\\":[\\\"\"]}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_url_is_split_into_origin_and_path),
        cmocka_unit_test(what_cannot_be_asked_is_refused),
        cmocka_unit_test(a_body_has_time_text_and_tags_and_the_dashboard_if_any),
        cmocka_unit_test(texts_cannot_break_out_of_the_body),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
