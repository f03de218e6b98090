/*
 * Names of fields, hosts and transfer codings.
 */
#include "http/field.h"

#include "bytes.h"

static void names_are_known_in_any_case(void **state)
{
    static const struct {
        const char *name;
        unsigned field;
    } rows[] = {
        {"Host", HTTP_FIELD_HOST},
        {"HOST", HTTP_FIELD_HOST},
        {"content-type", HTTP_FIELD_CONTENT_TYPE},
        {"Content-Type", HTTP_FIELD_CONTENT_TYPE},
        {"Accept", HTTP_FIELD_ACCEPT},
        {"Accept-Encoding", HTTP_FIELD_ACCEPT_ENCODING},
        {"Expect", HTTP_FIELD_EXPECT},
        {"Prefer", HTTP_FIELD_PREFER},
        {"Idempotency-Key", HTTP_FIELD_IDEMPOTENCY_KEY},
        {"Authorization", HTTP_FIELD_AUTHORIZATION},
        {"Origin", HTTP_FIELD_ORIGIN},
        {"Forwarded", HTTP_FIELD_FORWARDED},
        {"X-Forwarded-For", HTTP_FIELD_X_FORWARDED_FOR},
        {"X-Request-ID", HTTP_FIELD_X_REQUEST_ID},
        {"traceparent", HTTP_FIELD_TRACEPARENT},
        {"Transfer-Encoding", HTTP_FIELD_TRANSFER_ENCODING},
        {"", HTTP_FIELD_UNKNOWN},
        {"X", HTTP_FIELD_UNKNOWN},
        {"Hos", HTTP_FIELD_UNKNOWN},
        {"Hosts", HTTP_FIELD_UNKNOWN},
        {"Hose", HTTP_FIELD_UNKNOWN},
        {"Ghost", HTTP_FIELD_UNKNOWN},
        {"Content_Type", HTTP_FIELD_UNKNOWN},
        {"Content-Typ\xe5", HTTP_FIELD_UNKNOWN},
        {"Content-Length", HTTP_FIELD_CONTENT_LENGTH},
        {"Content-Lengths", HTTP_FIELD_UNKNOWN},
        {"User-Agent", HTTP_FIELD_UNKNOWN},
        {"Transfer-Encoding-Of-Many", HTTP_FIELD_UNKNOWN},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (http_field_of(sr_span_text(rows[i].name)) != rows[i].field) {
            fail_msg("%s", rows[i].name);
        }
    }
}

static void hosts_are_names_or_addresses_and_ports(void **state)
{
    static const char *const valid[] = {
        "a",
        "localhost:3333",
        "a.b-c_d~e:0",
        "127.0.0.1",
        "127.0.0.1:80",
        "[::1]",
        "[::1]:3333",
        "[2001:db8::1.2.3.4]:80",
        "a:",
        "xn--4ca.example.",
        "%41b",
        "a!$&'()*+,;=b",
        "a:65535",
    };
    static const char *const invalid[] = {
        "",      ":",    ":80",      "a b", "a/b",   "a?b",  "a#b",  "u@a",    "a:b",
        "a:1:2", "a:-1", "a:123456", "[",   "[]",    "[:]",  "[::1", "[::1]x", "[::1]80",
        "[::g]", "::1",  "%4",       "%4g", "a\xe4", "a\\b", "a\"b", "<a>",    "{a}",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(valid); i++) {
        if (!http_host_valid(sr_span_text(valid[i]))) {
            fail_msg("%s", valid[i]);
        }
    }
    for (size_t i = 0; i < COUNT_OF(invalid); i++) {
        if (http_host_valid(sr_span_text(invalid[i]))) {
            fail_msg("%s", invalid[i]);
        }
    }
}

static void transfer_codings_are_chunked_unknown_or_bad(void **state)
{
    static const struct {
        const char *value;
        enum http_coding coding;
    } rows[] = {
        {"chunked", HTTP_CODING_CHUNKED},
        {"Chunked", HTTP_CODING_CHUNKED},
        {"gzip", HTTP_CODING_UNKNOWN},
        {"gzip, chunked", HTTP_CODING_UNKNOWN},
        {"chunked, gzip", HTTP_CODING_UNKNOWN},
        {"gzip;q=1", HTTP_CODING_UNKNOWN},
        {"chunkedx", HTTP_CODING_UNKNOWN},
        {"", HTTP_CODING_BAD},
        {"chunked, chunked", HTTP_CODING_BAD},
        {"chunked ", HTTP_CODING_BAD},
        {" chunked", HTTP_CODING_BAD},
        {"chunked;q=1", HTTP_CODING_BAD},
        {",chunked", HTTP_CODING_BAD},
        {"chunked,", HTTP_CODING_BAD},
        {",", HTTP_CODING_BAD},
        {"\"gzip\"", HTTP_CODING_BAD},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (http_transfer_coding(sr_span_text(rows[i].value)) != rows[i].coding) {
            fail_msg("'%s'", rows[i].value);
        }
    }
}

static void texts_are_compared_whole_and_without_case(void **state)
{
    static const struct sr_span with_nul = BYTES("ab\0");

    (void)state;
    assert_true(http_same_text(sr_span_text("aBc"), "abc"));
    assert_false(http_same_text(sr_span_text("ab"), "abc"));
    assert_false(http_same_text(sr_span_text("abcd"), "abc"));
    assert_false(http_same_text(with_nul, "ab"));
    assert_true(http_same_text(sr_span_text(""), ""));
}

static void blanks_are_trimmed_at_both_ends_only(void **state)
{
    (void)state;
    assert_span("both", http_trimmed(sr_span_text(" \ta b\t ")), "a b");
    assert_span("none", http_trimmed(sr_span_text("a")), "a");
    assert_span("all", http_trimmed(sr_span_text(" \t ")), "");
    assert_span("empty", http_trimmed(sr_span_text("")), "");
}

static void token_bytes_are_those_of_rfc_9110(void **state)
{
    size_t count = 0;

    (void)state;
    for (unsigned byte = 0; byte < 256; byte++) {
        count += http_is_token_byte((uint8_t)byte);
    }
    assert_int_equal(count, 26 + 26 + 10 + 15);
    assert_false(http_is_token_byte(0));
    assert_false(http_is_token_byte(' '));
    assert_false(http_is_token_byte(':'));
    assert_true(http_is_token_byte('~'));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_known_in_any_case),
        cmocka_unit_test(hosts_are_names_or_addresses_and_ports),
        cmocka_unit_test(transfer_codings_are_chunked_unknown_or_bad),
        cmocka_unit_test(texts_are_compared_whole_and_without_case),
        cmocka_unit_test(blanks_are_trimmed_at_both_ends_only),
        cmocka_unit_test(token_bytes_are_those_of_rfc_9110),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
