/*
 * Form bodies and keys in paths.
 */
#include "http/body.h"

#include "bytes.h"

#include <stdlib.h>

static struct http_body_scratch scratch;

struct row {
    struct sr_span body;
    uint16_t status; /* 0: accepted */
    const char *key; /* or, where refused, a part of the message */
    int64_t value;
};

static void check_error(const struct row *row, enum sr_result result,
                        const struct http_body_error *error)
{
    if (error->status != row->status || result != (row->status == 0 ? SR_OK : SR_INVALID)) {
        fail_msg("%.*s: expected %u, got %u %s", (int)row->body.size,
                 (const char *)row->body.data, row->status, error->status, error->message);
    }
    if (row->status != 0 && strstr(error->message, row->key) == NULL) {
        fail_msg("%.*s: '%s' is not in '%s'", (int)row->body.size, (const char *)row->body.data,
                 row->key, error->message);
    }
}

static void check_form(const struct row *row)
{
    struct http_increment increment = {0};
    struct http_body_error error = {0};
    uint8_t *copy = row->body.size > 0 ? malloc(row->body.size) : NULL;
    struct sr_span body = {.data = copy, .size = row->body.size};
    enum sr_result result;

    if (copy != NULL) {
        memcpy(copy, row->body.data, row->body.size);
    }
    result = http_body_form(&scratch, body, &increment, &error);
    free(copy);
    check_error(row, result, &error);
    if (row->status == 0) {
        assert_span("key", increment.key, row->key);
        assert_true(increment.value == row->value);
    }
}

static void check_path(const struct row *row)
{
    struct http_body_error error = {0};
    struct sr_span key = {.data = scratch.key};
    enum sr_result result = http_path_key(row->body, scratch.key, &key.size, &error);

    check_error(row, result, &error);
    if (row->status == 0) {
        assert_span("key", key, row->key);
    }
}

#define CHECK_ROWS(check, rows)                                                                \
    do {                                                                                       \
        for (size_t i = 0; i < COUNT_OF(rows); i++) {                                          \
            check(&(rows)[i]);                                                                 \
        }                                                                                      \
    } while (0)

static void forms_are_read(void **state)
{
    static const struct row rows[] = {
        {BYTES("key=test1&value=2"), 0, "test1", 2},
        {BYTES("value=2&key=test1"), 0, "test1", 2},
        {BYTES("key=a&value=-2"), 0, "a", -2},
        {BYTES("key=a&value=%2B2"), 0, "a", 2},
        {BYTES("key=a&value=%2d2"), 0, "a", -2},
        {BYTES("key=a&value=007"), 0, "a", 7},
        {BYTES("key=a&value=9223372036854775807"), 0, "a", INT64_MAX},
        {BYTES("key=a&value=-9223372036854775808"), 0, "a", INT64_MIN},
        {BYTES("key=a+b%2Bc&value=0"), 0, "a b+c", 0},
        {BYTES("key=%C3%a4\xc3\xa4&value=0"), 0, "\xc3\xa4\xc3\xa4", 0},
        {BYTES("key=%C3\xa4&value=0"), 0, "\xc3\xa4", 0},
        {BYTES("k%65y=a&%76alue=1"), 0, "a", 1},
        {BYTES("key=a=b&value=1"), 0, "a=b", 1},
        {BYTES("key=a%26b&value=1"), 0, "a&b", 1},
        {BYTES("&&x&y=z&key=a&keys=b&ke=c&=d&value=1&values=2&"), 0, "a", 1},
        {BYTES("Key=x&key=a&VALUE=2&value=1"), 0, "a", 1},
        {BYTES("x=1&x=2&key=a&value=1"), 0, "a", 1},
        {BYTES("key=%0D%0A%1b&value=1"), 0, "\r\n\x1b", 1},
    };

    (void)state;
    CHECK_ROWS(check_form, rows);
}

static void malformed_forms_are_400(void **state)
{
    static const struct row rows[] = {
        {BYTES("key=a&value=1&key=a"), 400, "key twice", 0},
        {BYTES("key=a&value=1&value=1"), 400, "value twice", 0},
        {BYTES("key=a&value=1&k%65y=b"), 400, "key twice", 0},
        {BYTES("key=a&value=1&key"), 400, "key twice", 0},
        {BYTES("key=&key=a&value=1"), 400, "key twice", 0},
        {BYTES("key=%&value=1"), 400, "%", 0},
        {BYTES("key=%4&value=1"), 400, "%", 0},
        {BYTES("key=%4G&value=1"), 400, "%", 0},
        {BYTES("key=%G4&value=1"), 400, "%", 0},
        {BYTES("key=a&value=1%"), 400, "%", 0},
        {BYTES("key=a&value=1%3"), 400, "%", 0},
        {BYTES("key=a&value=1&x=%zz"), 400, "%", 0},
        {BYTES("key=a&value=1&%zz=x"), 400, "%", 0},
        {BYTES("key=%FF&value=1"), 400, "UTF-8", 0},
        {BYTES("key=\xff&value=1"), 400, "UTF-8", 0},
        {BYTES("key=%C3&value=1"), 400, "UTF-8", 0},
        {BYTES("key=%C0%80&value=1"), 400, "UTF-8", 0},
        {BYTES("key=%ED%A0%80&value=1"), 400, "UTF-8", 0},
        {BYTES("key=a&value=1&x=%FF"), 400, "UTF-8", 0},
        {BYTES("key=a&value=1&%FF=x"), 400, "UTF-8", 0},
    };

    (void)state;
    CHECK_ROWS(check_form, rows);
}

static void forms_without_an_increment_are_422(void **state)
{
    static const struct row rows[] = {
        {BYTES(""), 422, "key must be", 0},
        {{NULL, 0}, 422, "key must be", 0},
        {BYTES("value=1"), 422, "key must be", 0},
        {BYTES("key=&value=1"), 422, "it is empty", 0},
        {BYTES("key&value=1"), 422, "it is empty", 0},
        {BYTES("key=a%00b&value=1"), 422, "U+0000", 0},
        {BYTES("key=a"), 422, "value must be", 0},
        {BYTES("key=a&value="), 422, "value must be", 0},
        {BYTES("key=a&value"), 422, "value must be", 0},
        {BYTES("key=a&value=-"), 422, "value must be", 0},
        {BYTES("key=a&value=+1"), 422, "value must be", 0},
        {BYTES("key=a&value=1+"), 422, "value must be", 0},
        {BYTES("key=a&value=--1"), 422, "value must be", 0},
        {BYTES("key=a&value=1.5"), 422, "value must be", 0},
        {BYTES("key=a&value=2.0"), 422, "value must be", 0},
        {BYTES("key=a&value=1e2"), 422, "value must be", 0},
        {BYTES("key=a&value=0x1"), 422, "value must be", 0},
        {BYTES("key=a&value=%222%22"), 422, "value must be", 0},
        {BYTES("key=a&value=true"), 422, "value must be", 0},
        {BYTES("key=a&value=1%00"), 422, "value must be", 0},
        {BYTES("key=a&value=9223372036854775808"), 422, "outside", 0},
        {BYTES("key=a&value=-9223372036854775809"), 422, "outside", 0},
        {BYTES("key=a&value=99999999999999999999999999999999999999"), 422, "outside", 0},
        {BYTES("{\"key\":\"a\",\"value\":1}"), 422, "key must be", 0},
    };

    (void)state;
    CHECK_ROWS(check_form, rows);
}

/* before, times piece, after. */
static uint16_t answer_to(const char *before, const char *piece, size_t times,
                          const char *after)
{
    size_t size = strlen(before) + strlen(piece) * times + strlen(after);
    char *text = malloc(size + 1);
    char *at = text;
    struct http_increment increment;
    struct http_body_error error = {0};
    enum sr_result result;

    assert_non_null(text);
    at = stpcpy(at, before);
    for (size_t i = 0; i < times; i++) {
        at = stpcpy(at, piece);
    }
    (void)stpcpy(at, after);
    result = http_body_form(&scratch, sr_span_text(text), &increment, &error);
    assert_int_equal(result, error.status == 0 ? SR_OK : SR_INVALID);
    free(text);
    return error.status;
}

static void a_value_alone_needs_no_key(void **state)
{
    struct http_body_error error = {0};
    int64_t value = 0;

    (void)state;
    assert_int_equal(http_body_form_value(sr_span_text("value=-5&x=y"), &value, &error), SR_OK);
    assert_int_equal(value, -5);
    assert_int_equal(http_body_form_value(sr_span_text("key=a"), &value, &error), SR_INVALID);
    assert_int_equal(error.status, 422);
    assert_int_equal(http_body_form_value(sr_span_text("value=1&value=1"), &value, &error),
                     SR_INVALID);
    assert_int_equal(error.status, 400);
    assert_int_equal(value, -5);
}

static void form_keys_are_measured_in_decoded_bytes(void **state)
{
    (void)state;
    assert_int_equal(answer_to("key=", "k", 512, "&value=1"), 0);
    assert_int_equal(answer_to("key=", "k", 513, "&value=1"), 422);
    assert_int_equal(answer_to("key=", "%6b", 512, "&value=1"), 0);
    assert_int_equal(answer_to("key=", "%6b", 513, "&value=1"), 422);
    assert_int_equal(answer_to("key=", "k", 1000000, "&value=1"), 422);
    assert_int_equal(answer_to("key=a&x=", "y", 1000000, "&value=1"), 0);
    assert_int_equal(answer_to("key=a&", "x=y&", 100000, "value=1"), 0);
    assert_int_equal(answer_to("key=a&value=", "0", 63, "1"), 0);
    assert_int_equal(answer_to("key=a&value=", "0", 64, "1"), 422);
}

static void path_segments_are_keys(void **state)
{
    static const struct row rows[] = {
        {BYTES("test1"), 0, "test1", 0},     {BYTES("a%20b%2Fc"), 0, "a b/c", 0},
        {BYTES("a+b"), 0, "a+b", 0},         {BYTES("%c3%A4"), 0, "\xc3\xa4", 0},
        {BYTES("a%0D%0Ab"), 0, "a\r\nb", 0}, {BYTES(""), 422, "it is empty", 0},
        {BYTES("a%00"), 422, "U+0000", 0},   {BYTES("%"), 400, "%", 0},
        {BYTES("a%2"), 400, "%", 0},         {BYTES("a%2x"), 400, "%", 0},
        {BYTES("%ff"), 400, "UTF-8", 0},     {BYTES("%c3"), 400, "UTF-8", 0},
    };

    (void)state;
    CHECK_ROWS(check_path, rows);
}

static void path_keys_are_measured_in_decoded_bytes(void **state)
{
    char text[3 * 513 + 1];
    struct http_body_error error = {0};
    size_t size = 0;

    (void)state;
    for (size_t i = 0; i < 513; i++) {
        memcpy(text + 3 * i, "%6b", 4);
    }
    assert_int_equal(http_path_key(sr_span_text(text + 3), scratch.key, &size, &error), SR_OK);
    assert_int_equal(size, 512);
    assert_int_equal(http_path_key(sr_span_text(text), scratch.key, &size, &error), SR_INVALID);
    assert_int_equal(error.status, 422);
}

static int take_scratch(void **state)
{
    (void)state;
    return http_body_scratch_init(&scratch) == SR_OK ? 0 : -1;
}

static int free_scratch(void **state)
{
    (void)state;
    http_body_scratch_done(&scratch);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms_are_read),
        cmocka_unit_test(malformed_forms_are_400),
        cmocka_unit_test(forms_without_an_increment_are_422),
        cmocka_unit_test(a_value_alone_needs_no_key),
        cmocka_unit_test(form_keys_are_measured_in_decoded_bytes),
        cmocka_unit_test(path_segments_are_keys),
        cmocka_unit_test(path_keys_are_measured_in_decoded_bytes),
    };

    return cmocka_run_group_tests(tests, take_scratch, free_scratch);
}
