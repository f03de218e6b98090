/*
 * JSON bodies: what is an increment, and how everything else is answered.
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

static void check_row(const struct row *row)
{
    struct http_increment increment = {.value = -77};
    struct http_body_error error = {0};
    /* A copy of exactly its size, so that a sanitizer sees what is read behind it. */
    uint8_t *copy = malloc(row->body.size + (row->body.size == 0));
    struct sr_span body = {.data = copy, .size = row->body.size};
    enum sr_result result;

    assert_non_null(copy);
    memcpy(copy, row->body.data, row->body.size);
    result = http_body_json(&scratch, body, &increment, &error);
    assert_memory_equal(copy, row->body.data, row->body.size);
    free(copy);
    if (error.status != row->status || result != (row->status == 0 ? SR_OK : SR_INVALID)) {
        fail_msg("%.*s: expected %u, got %u %s", (int)row->body.size,
                 (const char *)row->body.data, row->status, error.status, error.message);
    }
    if (row->status != 0) {
        assert_int_equal(increment.value, -77);
        if (strstr(error.message, row->key) == NULL) {
            fail_msg("%.*s: '%s' is not in '%s'", (int)row->body.size,
                     (const char *)row->body.data, row->key, error.message);
        }
        return;
    }
    assert_span("key", increment.key, row->key);
    assert_true(increment.value == row->value);
}

#define CHECK_ROWS(rows)                                                                       \
    do {                                                                                       \
        for (size_t i = 0; i < COUNT_OF(rows); i++) {                                          \
            check_row(&(rows)[i]);                                                             \
        }                                                                                      \
    } while (0)

static void increments_are_read(void **state)
{
    static const struct row rows[] = {
        {BYTES("{\"key\":\"test1\",\"value\":2}"), 0, "test1", 2},
        {BYTES("{\"key\": \"test1\", \"value\": 2}"), 0, "test1", 2},
        {BYTES("{\"value\":2,\"key\":\"test1\"}"), 0, "test1", 2},
        {BYTES(" \t\r\n{\n\"key\"\r:\t\"a\" , \"value\" : 0 } \n"), 0, "a", 0},
        {BYTES("{\"key\":\"a\",\"value\":-1}"), 0, "a", -1},
        {BYTES("{\"key\":\"a\",\"value\":-0}"), 0, "a", 0},
        {BYTES("{\"key\":\"a\",\"value\":9223372036854775807}"), 0, "a", INT64_MAX},
        {BYTES("{\"key\":\"a\",\"value\":-9223372036854775808}"), 0, "a", INT64_MIN},
        {BYTES("{\"key\":\"a\",\"value\":-9223372036854775807}"), 0, "a", -INT64_MAX},
        {BYTES("{\"key\":\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\",\"value\":1}"), 0,
         "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", 1},
        {BYTES("{\"key\":\"\\u00e4\\u20ac\\ud83d\\ude00\",\"value\":1}"), 0,
         "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", 1},
        {BYTES("{\"key\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u001b\",\"value\":1}"), 0,
         "\"\\/\b\f\n\r\t\x1b", 1},
        {BYTES("{\"\\u006bey\":\"a\",\"v\\u0061lue\":5}"), 0, "a", 5},
        {BYTES("{\"key\":\" \",\"value\":1}"), 0, " ", 1},
        {BYTES("{\"Key\":1,\"key\":\"a\",\"VALUE\":1,\"value\":3}"), 0, "a", 3},
        {BYTES("{\"keys\":1,\"key\":\"a\",\"valu\":1,\"value\":3}"), 0, "a", 3},
        {BYTES("{\"x\":null,\"key\":\"a\",\"y\":[1,{}],\"value\":3,\"z\":{\"key\":1}}"), 0, "a",
         3},
        {BYTES("{\"x\":1.5e9999,\"key\":\"a\",\"value\":3}"), 0, "a", 3},
        {BYTES("{\"x\":1,\"x\":2,\"key\":\"a\",\"value\":3}"), 0, "a", 3},
        {BYTES("{\"x\":\"]]]]}}}}\\\"[[[[\",\"key\":\"a\",\"value\":3}"), 0, "a", 3},
    };

    (void)state;
    CHECK_ROWS(rows);
}

/* Reads the body as it is, and behind a space, which only the full reading takes. */
static void check_both_readings(struct sr_span body)
{
    uint8_t spaced[64] = {' '};
    struct http_increment increments[2] = {{.value = -77}, {.value = -77}};
    struct http_body_error errors[2] = {{0}, {0}};
    enum sr_result results[2];
    uint8_t key[SR_KEY_SIZE_MAX];
    size_t key_size;

    assert_true(body.size < sizeof(spaced));
    memcpy(spaced + 1, body.data, body.size);
    results[0] = http_body_json(&scratch, body, &increments[0], &errors[0]);
    key_size = increments[0].key.size;
    memcpy(key, scratch.key, key_size);
    results[1] = http_body_json(&scratch, (struct sr_span){spaced, body.size + 1},
                                &increments[1], &errors[1]);
    assert_int_equal(results[0], results[1]);
    assert_int_equal(errors[0].status, errors[1].status);
    assert_true(increments[0].value == increments[1].value);
    assert_int_equal(key_size, increments[1].key.size);
    assert_memory_equal(key, scratch.key, key_size);
}

/* Each byte of usual bodies becomes every other byte, goes, and comes twice. */
static void usual_bodies_are_read_as_all_others(void **state)
{
    static const char *const bodies[] = {
        "{\"key\":\"test1\",\"value\":2}",
        "{\"key\": \"a key of 19 bytes..\", \"value\": -120}",
        "{\"key\":\"k\",\"value\":999999999999999999}",
        "{\"key\":\"k\",\"value\":-9223372036854775808}",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        struct sr_span body = sr_span_text(bodies[i]);
        uint8_t other[64];

        for (size_t at = 0; at < body.size; at++) {
            memcpy(other, body.data, body.size);
            for (unsigned byte = 0; byte < 256; byte++) {
                other[at] = (uint8_t)byte;
                check_both_readings((struct sr_span){other, body.size});
            }
            memmove(other + at, body.data + at + 1, body.size - at - 1);
            check_both_readings((struct sr_span){other, body.size - 1});
            memcpy(other, body.data, at + 1);
            memcpy(other + at + 1, body.data + at, body.size - at);
            check_both_readings((struct sr_span){other, body.size + 1});
        }
    }
}

static void malformed_json_is_400(void **state)
{
    static const struct row rows[] = {
        {BYTES(""), 400, "empty", 0},
        {BYTES("  "), 400, "malformed", 0},
        {BYTES("{"), 400, "malformed", 0},
        {BYTES("{\"key\":\"a\",\"value\":1"), 400, "malformed", 0},
        {BYTES("{\"key\":\"a\",\"value\":1}x"), 400, "malformed", 0},
        {BYTES("{\"key\":\"a\",\"value\":1}{}"), 400, "malformed", 0},
        {BYTES("{\"key\":\"a\",\"value\":1}\0"), 400, "malformed", 0},
        {BYTES("{\"key\":\"a\",\"value\":1,}"), 400, "malformed", 0},
        {BYTES("{\"key\":\"a\" \"value\":1}"), 400, "malformed", 0},
        {BYTES("{\"key\":\"a\",,\"value\":1}"), 400, "malformed", 0},
        {BYTES("{key:\"a\",\"value\":1}"), 400, "malformed", 0},
        {BYTES("{'key':'a','value':1}"), 400, "malformed", 0},
        {BYTES("{\"key\":\"a\",/* */\"value\":1}"), 400, "malformed", 0},
        {BYTES("{\"key\":\"a\",\"value\":NaN}"), 400, "malformed", 0},
        {BYTES("{\"key\":\"a\",\"value\":Infinity}"), 400, "malformed", 0},
        {BYTES("{\"key\":\"a\",\"value\":-Infinity}"), 400, "malformed", 0},
        {BYTES("{\"key\":\"a\",\"value\":nan}"), 400, "malformed", 0},
        {BYTES("{\"key\":\"a\",\"value\":+1}"), 400, "malformed", 0},
        {BYTES("{\"key\":\"a\",\"value\":01}"), 400, "malformed", 0},
        {BYTES("{\"key\":\"a\",\"value\":-}"), 400, "malformed", 0},
        {BYTES("{\"key\":\"a\",\"value\":1.}"), 400, "malformed", 0},
        {BYTES("{\"key\":\"a\",\"value\":.5}"), 400, "malformed", 0},
        {BYTES("{\"key\":\"a\",\"value\":1e}"), 400, "malformed", 0},
        {BYTES("{\"key\":\"a\",\"value\":0x10}"), 400, "malformed", 0},
        {BYTES("{\"key\":\"a\",\"value\":tru}"), 400, "malformed", 0},
        {BYTES("{\"key\":\"a\",\"value\":True}"), 400, "malformed", 0},
        {BYTES("\xef\xbb\xbf{\"key\":\"a\",\"value\":1}"), 400, "malformed", 0},
        {BYTES("\xff\xfe{\0}\0"), 400, "malformed", 0},
        {BYTES("{\"key\":\"\xff\",\"value\":1}"), 400, "malformed", 0},
        {BYTES("{\"key\":\"\xc3\",\"value\":1}"), 400, "malformed", 0},
        {BYTES("{\"key\":\"\xc0\x80\",\"value\":1}"), 400, "malformed", 0},
        {BYTES("{\"key\":\"\xed\xa0\x80\",\"value\":1}"), 400, "malformed", 0},
        {BYTES("{\"key\":\"\xf4\x90\x80\x80\",\"value\":1}"), 400, "malformed", 0},
        {BYTES("{\"key\":\"a\",\"value\":1,\"x\":\"\xff\"}"), 400, "malformed", 0},
        {BYTES("{\"key\":\"\\ud83d\",\"value\":1}"), 400, "malformed", 0},
        {BYTES("{\"key\":\"\\ude00\",\"value\":1}"), 400, "malformed", 0},
        {BYTES("{\"key\":\"\\ud83d\\u0041\",\"value\":1}"), 400, "malformed", 0},
        {BYTES("{\"key\":\"\\ude00\\ud83d\",\"value\":1}"), 400, "malformed", 0},
        {BYTES("{\"key\":\"\\x41\",\"value\":1}"), 400, "malformed", 0},
        {BYTES("{\"key\":\"\\u12g4\",\"value\":1}"), 400, "malformed", 0},
        {BYTES("{\"key\":\"a\nb\",\"value\":1}"), 400, "malformed", 0},
        {BYTES("{\"key\":\"a\0b\",\"value\":1}"), 400, "malformed", 0},
        {BYTES("{\"key\":\"a,\"value\":1}"), 400, "malformed", 0},
        {BYTES("key=a&value=1"), 400, "malformed", 0},
        {BYTES("[1,2"), 400, "malformed", 0},
    };

    (void)state;
    CHECK_ROWS(rows);
}

static void members_sent_twice_are_400(void **state)
{
    static const struct row rows[] = {
        {BYTES("{\"key\":\"a\",\"key\":\"a\",\"value\":1}"), 400, "key twice", 0},
        {BYTES("{\"key\":\"a\",\"value\":1,\"value\":1}"), 400, "value twice", 0},
        {BYTES("{\"key\":\"a\",\"value\":1,\"\\u006bey\":\"b\"}"), 400, "key twice", 0},
        {BYTES("{\"key\":\"a\",\"value\":1,\"\\u006b\\u0065\\u0079\":1}"), 400, "key twice", 0},
        {BYTES("{\"val\\u0075e\":1,\"key\":\"a\",\"value\":1}"), 400, "value twice", 0},
        {BYTES("{\"key\":null,\"key\":\"a\",\"value\":1}"), 400, "key twice", 0},
        {BYTES("{\"value\":null,\"value\":null}"), 400, "value twice", 0},
    };

    (void)state;
    CHECK_ROWS(rows);
}

static void keys_that_are_none_are_422(void **state)
{
    static const struct row rows[] = {
        {BYTES("{}"), 422, "key must be", 0},
        {BYTES("{\"value\":1}"), 422, "it is missing", 0},
        {BYTES("{\"key\":null,\"value\":1}"), 422, "it is null", 0},
        {BYTES("{\"key\":5,\"value\":1}"), 422, "it is a number", 0},
        {BYTES("{\"key\":true,\"value\":1}"), 422, "it is a boolean", 0},
        {BYTES("{\"key\":[\"a\"],\"value\":1}"), 422, "it is an array", 0},
        {BYTES("{\"key\":{},\"value\":1}"), 422, "it is an object", 0},
        {BYTES("{\"key\":\"\",\"value\":1}"), 422, "it is empty", 0},
        {BYTES("{\"key\":\"a\\u0000b\",\"value\":1}"), 422, "U+0000", 0},
        {BYTES("{\"key\":\"\\u0000\",\"value\":1}"), 422, "U+0000", 0},
        {BYTES("{\"key\":null,\"value\":null}"), 422, "key must be", 0},
    };

    (void)state;
    CHECK_ROWS(rows);
}

static void values_that_are_no_64_bit_integers_are_422(void **state)
{
    static const struct row rows[] = {
        {BYTES("{\"key\":\"a\"}"), 422, "value must be", 0},
        {BYTES("{\"key\":\"a\",\"value\":null}"), 422, "it is null", 0},
        {BYTES("{\"key\":\"a\",\"value\":\"2\"}"), 422, "it is a string", 0},
        {BYTES("{\"key\":\"a\",\"value\":true}"), 422, "it is a boolean", 0},
        {BYTES("{\"key\":\"a\",\"value\":[1]}"), 422, "it is an array", 0},
        {BYTES("{\"key\":\"a\",\"value\":{}}"), 422, "it is an object", 0},
        {BYTES("{\"key\":\"a\",\"value\":1.5}"), 422, "it has one", 0},
        {BYTES("{\"key\":\"a\",\"value\":2.0}"), 422, "it has one", 0},
        {BYTES("{\"key\":\"a\",\"value\":1e2}"), 422, "it has one", 0},
        {BYTES("{\"key\":\"a\",\"value\":1E+2}"), 422, "it has one", 0},
        {BYTES("{\"key\":\"a\",\"value\":1e400}"), 422, "it has one", 0},
        {BYTES("{\"key\":\"a\",\"value\":-1e400}"), 422, "it has one", 0},
        {BYTES("{\"key\":\"a\",\"value\":1e-400}"), 422, "it has one", 0},
        {BYTES("{\"key\":\"a\",\"value\":-0.0}"), 422, "it has one", 0},
        {BYTES("{\"key\":\"a\",\"value\":9223372036854775808}"), 422, "outside", 0},
        {BYTES("{\"key\":\"a\",\"value\":-9223372036854775809}"), 422, "outside", 0},
        {BYTES("{\"key\":\"a\",\"value\":18446744073709551615}"), 422, "outside", 0},
        {BYTES("{\"key\":\"a\",\"value\":18446744073709551618}"), 422, "outside", 0},
        {BYTES("{\"key\":\"a\",\"value\":99999999999999999999999999999999999}"), 422, "outside",
         0},
    };

    (void)state;
    CHECK_ROWS(rows);
}

static void what_is_no_object_is_422(void **state)
{
    static const struct row rows[] = {
        {BYTES("[]"), 422, "object", 0},      {BYTES("[{\"key\":\"a\"}]"), 422, "object", 0},
        {BYTES("\"key\""), 422, "object", 0}, {BYTES("5"), 422, "object", 0},
        {BYTES("1e400"), 422, "object", 0},   {BYTES("null"), 422, "object", 0},
        {BYTES("true"), 422, "object", 0},
    };

    (void)state;
    CHECK_ROWS(rows);
}

static void a_value_alone_is_read_by_the_same_rules(void **state)
{
    static const struct row rows[] = {
        {BYTES("{\"value\":-5}"), 0, "", -5},
        {BYTES("{\"key\":1,\"value\":9223372036854775807,\"synced\":null}"), 0, "", INT64_MAX},
        {BYTES(""), 400, "empty", 0},
        {BYTES("{\"value\":1,\"value\":1}"), 400, "value twice", 0},
        {BYTES("{\"value\":1}x"), 400, "malformed", 0},
        {BYTES("5"), 422, "a JSON object with value", 0},
        {BYTES("{\"key\":\"a\"}"), 422, "value must", 0},
        {BYTES("{\"value\":\"1\"}"), 422, "value must", 0},
        {BYTES("{\"value\":9223372036854775808}"), 422, "value must", 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct http_body_error error = {0};
        int64_t value = -77;
        enum sr_result result = http_body_json_value(&scratch, rows[i].body, &value, &error);

        assert_int_equal(error.status, rows[i].status);
        assert_int_equal(result, rows[i].status == 0 ? SR_OK : SR_INVALID);
        assert_true(value == (rows[i].status == 0 ? rows[i].value : -77));
        assert_non_null(strstr(error.message, rows[i].key));
    }
}

/* Builds bodies that are too long for a table. */
struct text {
    char *bytes;
    size_t size;
};

static void add(struct text *text, const char *piece, size_t times)
{
    size_t size = strlen(piece);

    text->bytes = realloc(text->bytes, text->size + size * times + 1);
    assert_non_null(text->bytes);
    for (size_t i = 0; i < times; i++) {
        memcpy(text->bytes + text->size, piece, size);
        text->size += size;
    }
    text->bytes[text->size] = '\0';
}

/* Reads the text and frees it. Returns the status, 0 where it is an increment. */
static uint16_t answer_to(struct text *text)
{
    struct sr_span body = {.data = (const uint8_t *)text->bytes, .size = text->size};
    struct http_increment increment;
    struct http_body_error error = {0};
    enum sr_result result = http_body_json(&scratch, body, &increment, &error);

    assert_true(result == SR_OK || result == SR_INVALID);
    if (result == SR_OK) {
        assert_true(increment.value == 1 && increment.key.data == scratch.key);
    }
    free(text->bytes);
    *text = (struct text){0};
    return error.status;
}

static uint16_t answer_to_key(const char *piece, size_t times)
{
    struct text text = {0};

    add(&text, "{\"key\":\"", 1);
    add(&text, piece, times);
    add(&text, "\",\"value\":1}", 1);
    return answer_to(&text);
}

static void keys_are_measured_in_decoded_bytes(void **state)
{
    (void)state;
    assert_int_equal(answer_to_key("k", 512), 0);
    assert_int_equal(answer_to_key("k", 513), 422);
    assert_int_equal(answer_to_key("k", 100000), 422);
    assert_int_equal(answer_to_key("\\u006b", 512), 0);
    assert_int_equal(answer_to_key("\\u006b", 513), 422);
    assert_int_equal(answer_to_key("\xc3\xa4", 256), 0);
    assert_int_equal(answer_to_key("\xc3\xa4", 257), 422);
    assert_int_equal(answer_to_key("\\u00e4", 257), 422);
}

static uint16_t answer_to_depth(const char *open, const char *close, size_t depth)
{
    struct text text = {0};

    add(&text, "{\"key\":\"a\",\"value\":1,\"x\":", 1);
    add(&text, open, depth);
    add(&text, "0", 1);
    add(&text, close, depth);
    add(&text, "}", 1);
    return answer_to(&text);
}

static void json_deeper_than_64_levels_is_400(void **state)
{
    struct text text = {0};

    (void)state;
    assert_int_equal(answer_to_depth("[", "]", 63), 0);
    assert_int_equal(answer_to_depth("[", "]", 64), 400);
    assert_int_equal(answer_to_depth("{\"y\":", "}", 63), 0);
    assert_int_equal(answer_to_depth("{\"y\":", "}", 64), 400);
    assert_int_equal(answer_to_depth("[", "]", 100000), 400);
    assert_int_equal(answer_to_depth("[", "", 100000), 400);
    add(&text, "[", 100000);
    assert_int_equal(answer_to(&text), 400);
    add(&text, "[", 65);
    assert_int_equal(answer_to(&text), 400);
    add(&text, "[", 65);
    add(&text, "]", 65);
    assert_int_equal(answer_to(&text), 400);
    add(&text, "[", 64);
    add(&text, "]", 64);
    assert_int_equal(answer_to(&text), 422); /* an array */
    add(&text, "{\"a\":", 100000);
    assert_int_equal(answer_to(&text), 400);
}

static uint16_t answer_to_other(const char *before, const char *piece, size_t times,
                                const char *after)
{
    struct text text = {0};

    add(&text, "{\"key\":\"a\",\"value\":1,\"x\":", 1);
    add(&text, before, 1);
    add(&text, piece, times);
    add(&text, after, 1);
    add(&text, "}", 1);
    return answer_to(&text);
}

static void bodies_larger_than_the_pool_are_read(void **state)
{
    (void)state;
    assert_int_equal(answer_to_other("\"", "x", 1000000, "\""), 0);
    assert_int_equal(answer_to_other("\"", "\\\"[", 100000, "\""), 0);
    assert_int_equal(answer_to_other("[0", ",0", 60000, "]"), 0);
    assert_int_equal(answer_to_other("[0", ",0", 70000, "]"), 422);
    assert_int_equal(answer_to_other("[0", ",0", 60000, ""), 400);
    assert_int_equal(answer_to_other("", " ", 1000000, "0"), 0);
}

/* Around the pool's size, where the document does not quite fit. */
static void bodies_of_all_sizes_around_the_pool_are_read(void **state)
{
    (void)state;
    for (size_t count = 1; count < 4000; count += 37) {
        assert_int_equal(answer_to_other("[0", ",0", count, "]"), 0);
        assert_int_equal(answer_to_other("[[]", ",[]", count, "]"), 0);
    }
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
        cmocka_unit_test(increments_are_read),
        cmocka_unit_test(usual_bodies_are_read_as_all_others),
        cmocka_unit_test(malformed_json_is_400),
        cmocka_unit_test(members_sent_twice_are_400),
        cmocka_unit_test(keys_that_are_none_are_422),
        cmocka_unit_test(values_that_are_no_64_bit_integers_are_422),
        cmocka_unit_test(what_is_no_object_is_422),
        cmocka_unit_test(a_value_alone_is_read_by_the_same_rules),
        cmocka_unit_test(keys_are_measured_in_decoded_bytes),
        cmocka_unit_test(json_deeper_than_64_levels_is_400),
        cmocka_unit_test(bodies_larger_than_the_pool_are_read),
        cmocka_unit_test(bodies_of_all_sizes_around_the_pool_are_read),
    };

    return cmocka_run_group_tests(tests, take_scratch, free_scratch);
}
