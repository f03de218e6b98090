/*
 * The table of bad input (FAULTS) as far as it is about HTTP's syntax and the head's meaning.
 * Every row is fed whole, byte by byte, and cut at every point.
 */
#include "http/head.h"

#include "bytes.h"
#include "transcript.h"

static const struct http_limits limits = {8192, 16384, 100, 8 << 20};

struct row {
    const char *name;
    struct sr_span bytes;
    uint16_t status; /* 0: requests only */
};

#define HEAD "POST /increment HTTP/1.1\r\nHost: localhost\r\n"
#define LINE "GET / HTTP/1.1\r\n"
#define END "\r\n\r\n"

static void check_cut(const struct row *row, const struct transcript *whole, transcript_cut cut,
                      size_t at)
{
    struct transcript pieces = transcript_of(row->bytes, &limits, cut, &at);

    if (!transcript_equal(whole, &pieces)) {
        fail_msg("%s: cut at %zu: %u %s instead of %u %s", row->name, at, pieces.refused,
                 pieces.detail, whole->refused, whole->detail);
    }
    transcript_done(&pieces);
}

static void check_row(const struct row *row)
{
    struct transcript whole = transcript_of(row->bytes, &limits, NULL, NULL);

    if (whole.refused != row->status) {
        fail_msg("%s: expected %u, got %u %s", row->name, row->status, whole.refused,
                 whole.detail);
    }
    if (row->status == 0 && (whole.requests_count == 0 || whole.left_at_end != 0)) {
        fail_msg("%s: no whole request", row->name);
    }
    check_cut(row, &whole, transcript_cut_each_byte, 0);
    for (size_t at = 1; at < row->bytes.size; at++) {
        check_cut(row, &whole, transcript_cut_at, at);
    }
    transcript_done(&whole);
}

#define CHECK_ROWS(rows)                                                                       \
    do {                                                                                       \
        for (size_t i = 0; i < COUNT_OF(rows); i++) {                                          \
            check_row(&(rows)[i]);                                                             \
        }                                                                                      \
    } while (0)

static void content_length_must_be_one_decimal_number(void **state)
{
    static const struct row rows[] = {
        {"plain", BYTES(HEAD "Content-Length: 2\r\n\r\n{}"), 0},
        {"zero", BYTES(HEAD "Content-Length: 0" END), 0},
        {"leading zeros", BYTES(HEAD "Content-Length: 0002\r\n\r\n{}"), 0},
        {"twice the same", BYTES(HEAD "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}"), 400},
        {"differing", BYTES(HEAD "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"), 400},
        {"other case", BYTES(HEAD "content-length: 2\r\nCONTENT-LENGTH: 3\r\n\r\n{}"), 400},
        {"list of the same", BYTES(HEAD "Content-Length: 2, 2\r\n\r\n{}"), 400},
        {"list", BYTES(HEAD "Content-Length: 2,3\r\n\r\n{}"), 400},
        {"plus", BYTES(HEAD "Content-Length: +2\r\n\r\n{}"), 400},
        {"minus", BYTES(HEAD "Content-Length: -2\r\n\r\n{}"), 400},
        {"hexadecimal", BYTES(HEAD "Content-Length: 0x2\r\n\r\n{}"), 400},
        {"hexadecimal digit", BYTES(HEAD "Content-Length: a\r\n\r\n{}"), 400},
        {"empty", BYTES(HEAD "Content-Length:\r\n\r\n{}"), 400},
        {"blank", BYTES(HEAD "Content-Length:  \r\n\r\n{}"), 400},
        {"fraction", BYTES(HEAD "Content-Length: 2.0\r\n\r\n{}"), 400},
        {"exponent", BYTES(HEAD "Content-Length: 2e0\r\n\r\n{}"), 400},
        {"two numbers", BYTES(HEAD "Content-Length: 2 3\r\n\r\n{}"), 400},
        {"quoted", BYTES(HEAD "Content-Length: \"2\"\r\n\r\n{}"), 400},
        {"over 64 bits", BYTES(HEAD "Content-Length: 18446744073709551616" END), 400},
        {"30 digits", BYTES(HEAD "Content-Length: 999999999999999999999999999999" END), 400},
        {"over the limit", BYTES(HEAD "Content-Length: 8388609" END), 413},
        {"64 bits", BYTES(HEAD "Content-Length: 18446744073709551615" END), 413},
    };

    (void)state;
    CHECK_ROWS(rows);
}

#define TE "Transfer-Encoding: "
#define NOTHING "\r\n\r\n0\r\n\r\n"

static void transfer_encoding_must_be_exactly_chunked(void **state)
{
    static const struct row rows[] = {
        {"chunked", BYTES(HEAD TE "chunked" NOTHING), 0},
        {"without space", BYTES(HEAD "transfer-encoding:CHUNKED" NOTHING), 0},
        {"after length", BYTES(HEAD "Content-Length: 5\r\n" TE "chunked" NOTHING), 400},
        {"before length", BYTES(HEAD TE "chunked\r\nContent-Length: 5" NOTHING), 400},
        {"before length 0", BYTES(HEAD TE "chunked\r\nContent-Length: 0" NOTHING), 400},
        {"gzip after length", BYTES(HEAD "Content-Length: 5\r\n" TE "gzip" NOTHING), 400},
        {"gzip", BYTES(HEAD TE "gzip" NOTHING), 501},
        {"identity", BYTES(HEAD TE "identity" NOTHING), 501},
        {"gzip, chunked", BYTES(HEAD TE "gzip, chunked" NOTHING), 501},
        {"gzip and chunked in two fields", BYTES(HEAD TE "gzip\r\n" TE "chunked" NOTHING), 501},
        {"chunked, gzip", BYTES(HEAD TE "chunked, gzip" NOTHING), 400},
        {"chunked and gzip in two fields", BYTES(HEAD TE "chunked\r\n" TE "gzip" NOTHING), 400},
        {"chunked, chunked", BYTES(HEAD TE "chunked, chunked" NOTHING), 400},
        {"chunked twice", BYTES(HEAD TE "chunked\r\n" TE "chunked" NOTHING), 400},
        {"xchunked", BYTES(HEAD TE "xchunked" NOTHING), 501},
        {"chunkedx", BYTES(HEAD TE "chunkedx" NOTHING), 501},
        {"space behind", BYTES(HEAD TE "chunked " NOTHING), 400},
        {"tab behind", BYTES(HEAD TE "chunked\t" NOTHING), 400},
        {"two spaces before", BYTES(HEAD TE " chunked" NOTHING), 400},
        {"tab before", BYTES(HEAD "Transfer-Encoding:\tchunked" NOTHING), 400},
        {"vertical tab before",
         BYTES(HEAD TE "\x0b"
                       "chunked" NOTHING),
         400},
        {"comma before", BYTES(HEAD TE ",chunked" NOTHING), 400},
        {"comma behind", BYTES(HEAD TE "chunked," NOTHING), 400},
        {"parameter", BYTES(HEAD TE "chunked;q=1" NOTHING), 400},
        {"quoted", BYTES(HEAD TE "\"chunked\"" NOTHING), 400},
        {"empty", BYTES(HEAD "Transfer-Encoding:" NOTHING), 400},
        {"HTTP/1.0", BYTES("POST / HTTP/1.0\r\n" TE "chunked" NOTHING), 400},
        {"gzip in HTTP/1.0", BYTES("POST / HTTP/1.0\r\n" TE "gzip" NOTHING), 400},
    };

    (void)state;
    CHECK_ROWS(rows);
}

static void lines_end_in_cr_lf_and_fields_have_no_control_bytes(void **state)
{
    static const struct row rows[] = {
        {"bare LF at the request line", BYTES("GET / HTTP/1.1\nHost: a" END), 400},
        {"bare CR at the request line", BYTES("GET / HTTP/1.1\rHost: a" END), 400},
        {"bare LF at a field", BYTES(LINE "Host: a\nX: b" END), 400},
        {"bare CR at a field", BYTES(LINE "Host: a\rX: b" END), 400},
        {"bare CR before a value", BYTES(LINE "Host: a\r\nX: \rb" END), 400},
        {"bare LF for the empty line", BYTES(LINE "Host: a\r\n\nX: b" END), 400},
        {"bare CR for the empty line", BYTES(LINE "Host: a\r\n\rX: b" END), 400},
        {"CR CR LF", BYTES(LINE "Host: a\r\r\n\r\n"), 400},
        {"LF LF", BYTES("GET / HTTP/1.1\nHost: a\n\n"), 400},
        {"NUL in a value", BYTES(LINE "Host: a\r\nX: b\0c" END), 400},
        {"NUL in a name", BYTES(LINE "Host: a\r\nX\0Y: b" END), 400},
        {"NUL in the target", BYTES("GET /\0 HTTP/1.1\r\nHost: a" END), 400},
        {"control byte in a value", BYTES(LINE "Host: a\r\nX: b\x01" END), 400},
        {"escape in a value", BYTES(LINE "Host: a\r\nX: \x1b[0m" END), 400},
        {"DEL in a value", BYTES(LINE "Host: a\r\nX: \x7f" END), 400},
        {"tab in a value", BYTES(LINE "Host: a\r\nX: b\tc" END), 0},
        {"UTF-8 in a value", BYTES(LINE "Host: a\r\nX: \xc3\xa4" END), 0},
        {"UTF-8 in a name", BYTES(LINE "Host: a\r\n\xc3\xa4: b" END), 400},
        {"space before the colon", BYTES(LINE "Host : a" END), 400},
        {"tab before the colon", BYTES(LINE "Host\t: a" END), 400},
        {"space in a name", BYTES(LINE "Host: a\r\nX Y: b" END), 400},
        {"no colon", BYTES(LINE "Host: a\r\nXY" END), 400},
        {"empty name", BYTES(LINE "Host: a\r\n: b" END), 400},
        {"folded with a space", BYTES(LINE "Host: a\r\nX: b\r\n c" END), 400},
        {"folded with a tab", BYTES(LINE "Host: a\r\nX: b\r\n\tc" END), 400},
        {"folded from an empty value", BYTES(LINE "Host: a\r\nX:\r\n c" END), 400},
        {"space before the first field", BYTES(LINE " Host: a" END), 400},
        {"tab before the first field", BYTES(LINE "\tHost: a" END), 400},
        {"empty value", BYTES(LINE "Host: a\r\nX:" END), 0},
        {"bracket in a name", BYTES(LINE "Host: a\r\nX[]: b" END), 400},
    };

    (void)state;
    CHECK_ROWS(rows);
}

static void http_1_1_needs_exactly_one_valid_host(void **state)
{
    static const struct row rows[] = {
        {"none", BYTES(LINE "X: y" END), 400},
        {"none at all", BYTES(LINE "\r\n"), 400},
        {"none with absolute-form", BYTES("GET http://a/ HTTP/1.1\r\n\r\n"), 400},
        {"two", BYTES(LINE "Host: a\r\nHost: b" END), 400},
        {"two of the same", BYTES(LINE "Host: a\r\nhost: a" END), 400},
        {"empty", BYTES(LINE "Host:" END), 400},
        {"blank", BYTES(LINE "Host:  " END), 400},
        {"with a path", BYTES(LINE "Host: a/b" END), 400},
        {"with a user", BYTES(LINE "Host: u@a" END), 400},
        {"with a scheme", BYTES(LINE "Host: http://a" END), 400},
        {"with a space", BYTES(LINE "Host: a b" END), 400},
        {"list", BYTES(LINE "Host: a, b" END), 400},
        {"port only", BYTES(LINE "Host: :80" END), 400},
        {"port of letters", BYTES(LINE "Host: a:b" END), 400},
        {"open bracket", BYTES(LINE "Host: [::1" END), 400},
        {"name and port", BYTES(LINE "Host: a.example:3333" END), 0},
        {"IPv6", BYTES(LINE "Host: [::1]:3333" END), 0},
        {"none in HTTP/1.0", BYTES("GET / HTTP/1.0\r\n\r\n"), 0},
        {"two in HTTP/1.0", BYTES("GET / HTTP/1.0\r\nHost: a\r\nHost: b" END), 400},
        {"invalid in HTTP/1.0", BYTES("GET / HTTP/1.0\r\nHost: a/b" END), 400},
    };

    (void)state;
    CHECK_ROWS(rows);
}

static void other_versions_are_told_from_noise(void **state)
{
    static const struct row rows[] = {
        {"HTTP/2 preface", BYTES("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505},
        {"HTTP/2.0", BYTES("GET / HTTP/2.0\r\nHost: a" END), 505},
        {"HTTP/9.9", BYTES("GET / HTTP/9.9\r\nHost: a" END), 505},
        {"HTTP/1.2", BYTES("GET / HTTP/1.2\r\nHost: a" END), 505},
        {"HTTP/3.0", BYTES("GET / HTTP/3.0\r\nHost: a" END), 505},
        {"HTTP/0.9", BYTES("GET / HTTP/0.9\r\nHost: a" END), 505},
        {"no version", BYTES("GET /\r\n\r\n"), 400},
        {"no version and a Host", BYTES("GET /\r\nHost: a" END), 400},
        {"no version, bare LF", BYTES("GET /\n\n"), 400},
        {"HTTP/2", BYTES("GET / HTTP/2\r\nHost: a" END), 400},
        {"HTTP/1.10", BYTES("GET / HTTP/1.10\r\nHost: a" END), 400},
        {"HTTP/1.x", BYTES("GET / HTTP/1.x\r\nHost: a" END), 400},
        {"HTTP/x.1", BYTES("GET / HTTP/x.1\r\nHost: a" END), 400},
        {"http/1.1", BYTES("GET / http/1.1\r\nHost: a" END), 400},
        {"RTSP", BYTES("OPTIONS * RTSP/1.0\r\nHost: a" END), 400},
        {"RTSP/1.1 with POST", BYTES("POST / RTSP/1.1\r\nHost: a" END), 400},
        {"ICE", BYTES("SOURCE / ICE/1.0\r\nHost: a" END), 400},
        {"space behind the version", BYTES("GET / HTTP/1.1 \r\nHost: a" END), 400},
        {"TLS hello", BYTES("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), 400},
        {"SSL 2 hello", BYTES("\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10"), 400},
        {"noise", BYTES("\xff\xfe\x00garbage\r\n"), 400},
        {"NUL", BYTES("\0\0\0\0"), 400},
        {"SSH", BYTES("SSH-2.0-OpenSSH_9.2\r\n"), 400},
        {"a word", BYTES("hello\r\n"), 400},
    };

    (void)state;
    CHECK_ROWS(rows);
}

static void a_line_without_a_version_is_told_so(void **state)
{
    static const struct sr_span bytes = BYTES("GET /\r\nHost: a" END);
    struct transcript whole = transcript_of(bytes, &limits, NULL, NULL);

    (void)state;
    assert_int_equal(whole.refused, 400);
    assert_non_null(strstr(whole.detail, "version"));
    transcript_done(&whole);
}

static void methods_are_known_or_501_and_noise_is_400(void **state)
{
    static const struct row rows[] = {
        {"PATCH is known and unused", BYTES("PATCH / HTTP/1.1\r\nHost: a" END), 0},
        {"TRACE is known and unused", BYTES("TRACE / HTTP/1.1\r\nHost: a" END), 0},
        {"PROPFIND is known and unused", BYTES("PROPFIND / HTTP/1.1\r\nHost: a" END), 0},
        {"unknown", BYTES("BREW /pot HTTP/1.1\r\nHost: a" END), 501},
        {"lower case", BYTES("get / HTTP/1.1\r\nHost: a" END), 501},
        {"longer than a known one", BYTES("POSTS / HTTP/1.1\r\nHost: a" END), 501},
        {"prefix of a known one", BYTES("PO / HTTP/1.1\r\nHost: a" END), 501},
        {"of RTSP", BYTES("DESCRIBE / HTTP/1.1\r\nHost: a" END), 501},
        {"CONNECT", BYTES("CONNECT a:80 HTTP/1.1\r\nHost: a:80" END), 501},
        {"no token", BYTES("G{T / HTTP/1.1\r\nHost: a" END), 400},
        {"longer than any", BYTES("ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJK / HTTP/1.1" END), 400},
        {"space first", BYTES(" GET / HTTP/1.1\r\nHost: a" END), 400},
        {"tab between", BYTES("GET\t/ HTTP/1.1\r\nHost: a" END), 400},
        {"two spaces before the target", BYTES("GET  / HTTP/1.1\r\nHost: a" END), 400},
        {"two spaces behind the target", BYTES("GET /  HTTP/1.1\r\nHost: a" END), 400},
    };

    (void)state;
    CHECK_ROWS(rows);
}

static void targets_are_paths_or_http_urls(void **state)
{
    static const struct row rows[] = {
        {"path", BYTES("GET /a/b?c=d HTTP/1.1\r\nHost: a" END), 0},
        {"URL", BYTES("GET http://a/b HTTP/1.1\r\nHost: a" END), 0},
        {"URL of https", BYTES("GET HTTPS://a HTTP/1.1\r\nHost: a" END), 0},
        {"star", BYTES("OPTIONS * HTTP/1.1\r\nHost: a" END), 0},
        {"star for another method", BYTES("GET * HTTP/1.1\r\nHost: a" END), 400},
        {"star and more", BYTES("OPTIONS *x HTTP/1.1\r\nHost: a" END), 400},
        {"relative path", BYTES("GET a HTTP/1.1\r\nHost: a" END), 400},
        {"authority", BYTES("GET a:80 HTTP/1.1\r\nHost: a" END), 400},
        {"URL without host", BYTES("GET http:///a HTTP/1.1\r\nHost: a" END), 400},
        {"URL with user", BYTES("GET http://u:p@a/ HTTP/1.1\r\nHost: a" END), 400},
        {"URL of ftp", BYTES("GET ftp://a/ HTTP/1.1\r\nHost: a" END), 400},
        {"fragment", BYTES("GET /a#b HTTP/1.1\r\nHost: a" END), 400},
        {"raw UTF-8", BYTES("GET /\xc3\xa4 HTTP/1.1\r\nHost: a" END), 400},
        {"control byte", BYTES("GET /\x01 HTTP/1.1\r\nHost: a" END), 400},
        {"tab", BYTES("GET /a\tb HTTP/1.1\r\nHost: a" END), 400},
    };

    (void)state;
    CHECK_ROWS(rows);
}

#define EXPECT(value) HEAD "Content-Length: 2\r\nExpect: " value "\r\n\r\n{}"

static void expectations_other_than_100_continue_are_417(void **state)
{
    static const struct row rows[] = {
        {"100-continue", BYTES(EXPECT("100-continue")), 0},
        {"other case", BYTES(EXPECT("100-Continue")), 0},
        {"other", BYTES(EXPECT("200-ok")), 417},
        {"list", BYTES(EXPECT("100-continue, x")), 417},
        {"empty", BYTES(EXPECT("")), 417},
        {"other in a second field", BYTES(EXPECT("100-continue\r\nExpect: x")), 417},
        {"too large beside it",
         BYTES(HEAD "Content-Length: 9999999\r\nExpect: 100-continue" END), 413},
        {"HTTP/1.0",
         BYTES("POST / HTTP/1.0\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n{}"), 0},
    };

    (void)state;
    CHECK_ROWS(rows);
}

static void upgrade_is_ignored_and_parsing_goes_on(void **state)
{
    static const struct row rows[] = {
        {"h2c",
         BYTES(LINE "Host: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
                    "HTTP2-Settings: AAMAAABkAAQAAP__" END LINE "Host: b" END),
         0},
        {"websocket",
         BYTES(LINE "Host: a\r\nConnection: upgrade\r\nUpgrade: websocket" END LINE
                    "Host: b" END),
         0},
        {"with a body",
         BYTES(HEAD "Connection: upgrade\r\nUpgrade: x\r\nContent-Length: 2\r\n\r\n"
                    "{}" LINE "Host: b" END),
         0},
        {"with chunks",
         BYTES(HEAD "Connection: upgrade\r\nUpgrade: x\r\n" TE "chunked" NOTHING LINE
                    "Host: b" END),
         0},
    };

    (void)state;
    CHECK_ROWS(rows);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct transcript whole = transcript_of(rows[i].bytes, &limits, NULL, NULL);

        assert_int_equal(whole.requests_count, 2);
        transcript_done(&whole);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(content_length_must_be_one_decimal_number),
        cmocka_unit_test(transfer_encoding_must_be_exactly_chunked),
        cmocka_unit_test(lines_end_in_cr_lf_and_fields_have_no_control_bytes),
        cmocka_unit_test(http_1_1_needs_exactly_one_valid_host),
        cmocka_unit_test(other_versions_are_told_from_noise),
        cmocka_unit_test(a_line_without_a_version_is_told_so),
        cmocka_unit_test(methods_are_known_or_501_and_noise_is_400),
        cmocka_unit_test(targets_are_paths_or_http_urls),
        cmocka_unit_test(expectations_other_than_100_continue_are_417),
        cmocka_unit_test(upgrade_is_ignored_and_parsing_goes_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
