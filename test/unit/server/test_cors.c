/*
 * Origins that may read, and what their browsers are told.
 */
#include "support/unit.h"

#include "server/cors.h"

#include <stdio.h>
#include <string.h>

#define LIST "https://app.example, http://localhost:5173,https://[::1]:8443"

static const char *lines_for(const char *origin, bool preflight)
{
    static char lines[CORS_LINES_MAX];
    struct sr_span span = {0};

    if (origin != NULL) {
        span = sr_span_text(origin);
    }
    cors_lines(LIST, span, preflight, lines);
    return lines;
}

static void a_listed_origin_is_told_so(void **state)
{
    static const char *const origins[] = {"https://app.example", "http://localhost:5173",
                                          "https://[::1]:8443"};
    char wanted[256];

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        const char *lines = lines_for(origins[i], false);

        (void)snprintf(wanted, sizeof(wanted),
                       "Access-Control-Allow-Origin: %s\r\nVary: Origin\r\n", origins[i]);
        assert_memory_equal(lines, wanted, strlen(wanted));
        assert_non_null(strstr(lines, "Access-Control-Expose-Headers: "));
        assert_null(strstr(lines, "Allow-Methods"));
        assert_memory_equal(lines + strlen(lines) - 2, "\r\n", 2);
    }
}

static void a_preflight_is_told_methods_and_headers(void **state)
{
    const char *lines = lines_for("https://app.example", true);

    (void)state;
    assert_non_null(
        strstr(lines, "Access-Control-Allow-Methods: GET, HEAD, POST, PUT, DELETE\r\n"));
    assert_non_null(strstr(lines, "Idempotency-Key"));
    assert_non_null(strstr(lines, "Access-Control-Max-Age: 600\r\n"));
}

static void other_origins_and_none_are_told_nothing_but_vary(void **state)
{
    static const char *const origins[] = {
        NULL,
        "",
        "null",
        "https://app.example.evil.example",
        "https://app.exampl",
        "http://app.example",
        "https://app.example:443",
        "https://APP.example",
        "https://app.example, x",
        "localhost:5173",
        LIST,
    };

    (void)state;
    for (size_t i = 0; i < sizeof(origins) / sizeof(origins[0]); i++) {
        assert_string_equal(lines_for(origins[i], i % 2 == 0), "Vary: Origin\r\n");
    }
}

static void a_list_holds_origins_only(void **state)
{
    static const char *const lists[] = {"*",
                                        "null",
                                        "",
                                        "https://",
                                        "app.example",
                                        "https://app.example/",
                                        "https://App.example",
                                        "https://a.example,,https://b.example",
                                        "ftp://a",
                                        "https://a.example\r\nX: y",
                                        "https://a b"};
    char longest[CORS_ORIGIN_MAX + 2];
    struct sr_err err;

    (void)state;
    assert_int_equal(cors_check(LIST, &err), SR_OK);
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        if (cors_check(lists[i], &err) != SR_INVALID) {
            fail_msg("taken: '%s'", lists[i]);
        }
    }
    (void)snprintf(longest, sizeof(longest), "https://%0*d", CORS_ORIGIN_MAX - 8, 1);
    assert_int_equal(cors_check(longest, &err), SR_OK);
    strcat(longest, "1");
    assert_int_equal(cors_check(longest, &err), SR_INVALID);
}

static void the_longest_origin_has_room(void **state)
{
    char longest[CORS_ORIGIN_MAX + 1];
    char lines[CORS_LINES_MAX];

    (void)state;
    (void)snprintf(longest, sizeof(longest), "https://%0*d", CORS_ORIGIN_MAX - 8, 1);
    for (int preflight = 0; preflight < 2; preflight++) {
        cors_lines(longest, sr_span_text(longest), preflight == 1, lines);
        assert_memory_equal(lines + strlen(lines) - 2, "\r\n", 2);
        assert_true(strlen(lines) + 64 < CORS_LINES_MAX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_listed_origin_is_told_so),
        cmocka_unit_test(a_preflight_is_told_methods_and_headers),
        cmocka_unit_test(other_origins_and_none_are_told_nothing_but_vary),
        cmocka_unit_test(a_list_holds_origins_only),
        cmocka_unit_test(the_longest_origin_has_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
