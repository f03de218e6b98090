/*
 * URLs of services: what is taken, and what would not be sent is refused.
 */
#include "client/endpoint.h"

#include "support/unit.h"

#include <stdio.h>
#include <string.h>

struct row {
    const char *url;
    bool tls;
    const char *host, *port, *authority;
};

static void urls_are_taken_apart(void **state)
{
    static const struct row rows[] = {
        {"http://counter", false, "counter", "3333", "counter:3333"},
        {"http://counter/", false, "counter", "3333", "counter:3333"},
        {"http://127.0.0.1:80", false, "127.0.0.1", "80", "127.0.0.1:80"},
        {"http://counter:65535/", false, "counter", "65535", "counter:65535"},
        {"http://counter:1", false, "counter", "1", "counter:1"},
        {"https://counter.example", true, "counter.example", "443", "counter.example:443"},
        {"https://counter.example:8443", true, "counter.example", "8443",
         "counter.example:8443"},
        {"http://[::1]", false, "::1", "3333", "[::1]:3333"},
        {"http://[fe80::1]:81/", false, "fe80::1", "81", "[fe80::1]:81"},
        {"https://[::1]", true, "::1", "443", "[::1]:443"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct endpoint e;
        struct sr_err err;

        assert_int_equal(endpoint_parse(rows[i].url, &e, &err), SR_OK);
        assert_int_equal(e.tls, rows[i].tls);
        assert_false(e.is_unix);
        assert_string_equal(e.host, rows[i].host);
        assert_string_equal(e.port, rows[i].port);
        assert_string_equal(e.authority, rows[i].authority);
    }
}

static void a_unix_socket_is_a_path(void **state)
{
    struct endpoint e;
    struct sr_err err;

    (void)state;
    assert_int_equal(endpoint_parse("unix:/run/simple request.sock", &e, &err), SR_OK);
    assert_true(e.is_unix && !e.tls);
    assert_string_equal(e.host, "/run/simple request.sock");
    assert_string_equal(e.port, "");
    assert_string_equal(e.authority, "localhost");
}

static void what_would_not_be_sent_is_refused(void **state)
{
    static const char *const rows[][2] = {
        {"", "begins with none"},
        {"counter:3333", "begins with none"},
        {"HTTP://counter", "begins with none"},
        {"ftp://counter", "begins with none"},
        {"http:/counter", "begins with none"},
        {"http://", "needs a host"},
        {"http:///", "needs a host"},
        {"http://:80", "needs a host"},
        {"http://[]:80", "needs a host"},
        {"http://[::1", "needs a host"},
        {"http://[::1]80", "needs a host"},
        {"http://counter:", "port"},
        {"http://counter:0", "port"},
        {"http://counter:65536", "port"},
        {"http://counter:100000", "port"},
        {"http://counter:80x", "port"},
        {"http://counter:-1", "port"},
        {"http://counter:+80", "port"},
        {"http://a:b:80", "port"},
        {"http://me@counter", "--token-file"},
        {"http://me:secret@counter", "--token-file"},
        {"http://counter/path", "a path"},
        {"http://counter//", "a path"},
        {"http://counter?a=b", "a path"},
        {"http://counter/?a", "a path"},
        {"http://counter#top", "a path"},
        {"http://two words", "spaces"},
        {"http://counter\r\nX-Evil: 1", "spaces"},
        {"http://\xc3\xa4.example", "ASCII"},
        {"unix:", "path of a socket"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct endpoint e = {.host = "untouched"};
        struct sr_err err = {.text = ""};

        if (endpoint_parse(rows[i][0], &e, &err) != SR_INVALID ||
            strstr(err.text, rows[i][1]) == NULL) {
            fail_msg("'%s' gave: %s", rows[i][0], err.text);
        }
        assert_string_equal(e.host, "untouched");
    }
}

/* A URL of a prefix, `size` letters and a suffix. */
static enum sr_result parse_long(const char *prefix, int size, const char *suffix)
{
    struct endpoint e;
    struct sr_err err;
    char letters[400];
    char url[600];

    memset(letters, 'a', sizeof(letters));
    (void)snprintf(url, sizeof(url), "%s%.*s%s", prefix, size, letters, suffix);
    return endpoint_parse(url, &e, &err);
}

static void what_has_no_room_is_refused_and_not_cut(void **state)
{
    (void)state;
    assert_int_equal(parse_long("http://", 255, ""), SR_OK);
    assert_int_equal(parse_long("http://", 256, ""), SR_INVALID);
    assert_int_equal(parse_long("https://", 255, ":65535"), SR_OK);
    assert_int_equal(parse_long("http://[", 255, "]:65535"), SR_OK);
    assert_int_equal(parse_long("http://[", 256, "]"), SR_INVALID);
    assert_int_equal(parse_long("unix:/", 106, ""), SR_OK);
    assert_int_equal(parse_long("unix:/", 107, ""), SR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_are_taken_apart),
        cmocka_unit_test(a_unix_socket_is_a_path),
        cmocka_unit_test(what_would_not_be_sent_is_refused),
        cmocka_unit_test(what_has_no_room_is_refused_and_not_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
