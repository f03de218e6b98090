/*
 * Bodies of many increments: what is cut into which items, and what is refused.
 */
#include "http/batch.h"

#include "bytes.h"

#include <stdio.h>
#include <stdlib.h>

static struct http_body_scratch scratch;

/* What the sink took, as text: "key=value;key=value;". */
struct taken {
    char text[256];
    size_t size;
    unsigned count, fail_at; /* 0: never */
};

static enum sr_result take(void *context, const struct http_increment *increment)
{
    struct taken *taken = context;

    if (++taken->count == taken->fail_at) {
        return SR_NO_MEMORY;
    }
    if (taken->size < 128) {
        taken->size +=
            (size_t)snprintf(taken->text + taken->size, 128, "%.*s=%lld;",
                             (int)increment->key.size, (const char *)increment->key.data,
                             (long long)increment->value);
    }
    return SR_OK;
}

static enum sr_result read_text(enum http_batch_format format, struct sr_span text,
                                struct taken *taken, struct http_body_error *ret_error)
{
    struct http_batch_sink sink = {.context = taken, .take = take};
    /* A copy of exactly its size, so that a sanitizer sees what is read behind it. */
    uint8_t *copy = malloc(text.size + (text.size == 0));
    struct sr_span body = {.data = copy, .size = text.size};
    enum sr_result result;

    assert_non_null(copy);
    memcpy(copy, text.data, text.size);
    result = http_batch_read(&scratch, format, body, &sink, ret_error);
    free(copy);
    return result;
}

struct row {
    const char *body;
    uint16_t status;  /* 0: accepted */
    const char *text; /* what was taken, or a part of the message */
};

static void check_rows(enum http_batch_format format, const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct taken taken = {.count = 0};
        struct http_body_error error = {0};
        enum sr_result result = read_text(format, sr_span_text(rows[i].body), &taken, &error);

        if (error.status != rows[i].status ||
            result != (rows[i].status == 0 ? SR_OK : SR_INVALID)) {
            fail_msg("%s: expected %u, got %u %s", rows[i].body, rows[i].status, error.status,
                     error.message);
        }
        if (rows[i].status == 0) {
            assert_string_equal(taken.text, rows[i].text);
        } else if (strstr(error.message, rows[i].text) == NULL) {
            fail_msg("%s: '%s' is not in '%s'", rows[i].body, rows[i].text, error.message);
        }
    }
}

#define A "{\"key\":\"a\",\"value\":1}"
#define B "{\"value\":-2,\"key\":\"b\"}"

static void arrays_are_cut_at_their_own_commas(void **state)
{
    static const struct row rows[] = {
        {"[" A "]", 0, "a=1;"},
        {"[" A "," B "]", 0, "a=1;b=-2;"},
        {" \t\r\n[\n" A "\r\n,\t" B " ] \n", 0, "a=1;b=-2;"},
        {"[{\"key\":\"],[{}\\\",\\\\\",\"value\":1}," A "]", 0, "],[{}\",\\=1;a=1;"},
        {"[{\"x\":[1,{\"y\":[]}],\"key\":\"a\",\"value\":1}," B "]", 0, "a=1;b=-2;"},
        {"[" A "," A "]", 0, "a=1;a=1;"},
    };

    (void)state;
    check_rows(HTTP_BATCH_JSON, rows, COUNT_OF(rows));
}

static void what_is_no_array_of_increments_is_refused(void **state)
{
    static const struct row rows[] = {
        {"[]", 422, "no items"},
        {"[ ]", 422, "no items"},
        {"[" A ",]", 400, "malformed JSON: an item is missing"},
        {"[," A "]", 400, "malformed JSON: an item is missing"},
        {"[" A ",," B "]", 400, "malformed JSON: an item is missing"},
        {"[", 400, "malformed JSON: the array does not end"},
        {"[" A, 400, "malformed JSON: the array does not end"},
        {"[" A ",", 400, "malformed JSON: the array does not end"},
        {"[" A "}", 400, "malformed JSON: the array does not end"},
        {"[{\"key\":\"a,\"value\":1}]", 400, "malformed JSON: the array does not end"},
        {"[" A "]]", 400, "malformed JSON: something follows"},
        {"[" A "]" B, 400, "malformed JSON: something follows"},
        {"[] x", 400, "malformed JSON: something follows"},
        {"[" A " " B "]", 400, "item 0: malformed JSON"},
        {"[" A ",{\"x\"}]", 400, "item 1: malformed JSON"},
        {"[{\"key\":\"a\",\"value\":1,\"value\":1}]", 400, "item 0: the object has"},
        {"[" A ",1]", 422, "item 1: the body must be a JSON object"},
        {"[" A ",[" B "]]", 422, "item 1: the body must be a JSON object"},
        {"[" A ",{\"key\":\"a\"}]", 422, "item 1: value must"},
        {"[{\"key\":\"\",\"value\":1},{\"key\":\"a\"}]", 422, "item 0: key must"},
        {"[{\"key\":\"\",\"value\":1},{\"key\"}]", 400, "item 1: malformed JSON"},
        {"[{\"key\":\"\",\"value\":1}", 400, "malformed JSON: the array does not end"},
        {"[{\"key\":\"\",\"value\":1}] 1", 400, "malformed JSON: something follows"},
    };

    (void)state;
    check_rows(HTTP_BATCH_JSON, rows, COUNT_OF(rows));
}

static void lines_are_items(void **state)
{
    static const struct row rows[] = {
        {A, 0, "a=1;"},
        {A "\n", 0, "a=1;"},
        {A "\r\n" B "\r\n", 0, "a=1;b=-2;"},
        {"\n \n" A "\n\t\r\n" B, 0, "a=1;b=-2;"},
        {"", 422, "no items"},
        {"\n\n", 422, "no items"},
        {A "\n1\n", 422, "item 1: the body must be a JSON object"},
        {A "\n{\n", 400, "item 1: malformed JSON"},
        {A B, 400, "item 0: malformed JSON"},
        {A "," B, 400, "item 0: malformed JSON"},
        {"{\"key\":\"a\"\n,\"value\":1}", 400, "item 0: malformed JSON"},
        {"{\"key\":\"a\nb\",\"value\":1}", 400, "item 0: malformed JSON"},
        {"{\"key\":\"\",\"value\":1}\n{", 400, "item 1: malformed JSON"},
    };

    (void)state;
    check_rows(HTTP_BATCH_NDJSON, rows, COUNT_OF(rows));
}

static void an_array_is_known_by_its_first_byte(void **state)
{
    (void)state;
    assert_true(http_batch_is_array(sr_span_text("[")));
    assert_true(http_batch_is_array(sr_span_text(" \t\r\n[1")));
    assert_false(http_batch_is_array(sr_span_text("")));
    assert_false(http_batch_is_array(sr_span_text("  ")));
    assert_false(http_batch_is_array(sr_span_text("{\"[\":1}")));
}

/* `count` times the item, with what goes between. */
static struct sr_span repeat(char *bytes, const char *item, char between, unsigned count)
{
    size_t size = 0;

    bytes[size++] = between == ',' ? '[' : ' ';
    for (unsigned n = 0; n < count; n++) {
        size += (size_t)sprintf(bytes + size, "%s%c", item, between);
    }
    bytes[size - 1] = between == ',' ? ']' : ' ';
    return (struct sr_span){.data = (const uint8_t *)bytes, .size = size};
}

static void the_number_of_items_has_its_bound(void **state)
{
    static const char between[] = {',', '\n'};
    char *bytes = malloc(1 << 20);

    (void)state;
    assert_non_null(bytes);
    for (unsigned format = 0; format < 2; format++) {
        struct taken taken = {.count = 0};
        struct http_body_error error = {0};
        struct sr_span body = repeat(bytes, A, between[format], SR_BATCH_ITEMS_MAX);

        assert_int_equal(read_text((enum http_batch_format)format, body, &taken, &error),
                         SR_OK);
        assert_int_equal(taken.count, SR_BATCH_ITEMS_MAX);
        body = repeat(bytes, A, between[format], SR_BATCH_ITEMS_MAX + 1);
        assert_int_equal(read_text((enum http_batch_format)format, body, &taken, &error),
                         SR_INVALID);
        assert_int_equal(error.status, 422);
        assert_non_null(strstr(error.message, "more than 10000 items"));
    }
    free(bytes);
}

static void a_sink_without_memory_ends_the_reading(void **state)
{
    struct taken taken = {.fail_at = 2};
    struct http_body_error error = {0};

    (void)state;
    assert_int_equal(read_text(HTTP_BATCH_JSON, sr_span_text("[" A "," A "," A "]"), &taken,
                               &error),
                     SR_NO_MEMORY);
    assert_int_equal(error.status, 503);
    assert_int_equal(taken.count, 2);
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

/* A space before an item makes it one that is cut first and read then. */
static void check_both_readings(const char *items)
{
    struct taken taken[2] = {{.count = 0}, {.count = 0}};
    struct http_body_error errors[2] = {{0}, {0}};
    enum sr_result results[2];

    for (int spaced = 0; spaced < 2; spaced++) {
        char text[128];

        (void)snprintf(text, sizeof(text), "[%s%s]", spaced ? " " : "", items);
        results[spaced] =
            read_text(HTTP_BATCH_JSON, sr_span_text(text), &taken[spaced], &errors[spaced]);
    }
    assert_int_equal(results[0], results[1]);
    assert_int_equal(errors[0].status, errors[1].status);
    if (results[0] == SR_OK) {
        assert_string_equal(taken[0].text, taken[1].text);
    }
}

/* Each byte of the first item and of what follows it becomes every other byte. */
static void usual_items_are_read_as_all_others(void **state)
{
    static const char items[] =
        "{\"key\":\"abc\",\"value\":-12},{\"key\": \"d\", \"value\": 3}";

    (void)state;
    for (size_t at = 0; at < sizeof(items) - 1; at++) {
        char other[sizeof(items)];

        memcpy(other, items, sizeof(items));
        for (int byte = 1; byte < 256; byte++) {
            other[at] = (char)byte;
            check_both_readings(other);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(usual_items_are_read_as_all_others),
        cmocka_unit_test(arrays_are_cut_at_their_own_commas),
        cmocka_unit_test(what_is_no_array_of_increments_is_refused),
        cmocka_unit_test(lines_are_items),
        cmocka_unit_test(an_array_is_known_by_its_first_byte),
        cmocka_unit_test(the_number_of_items_has_its_bound),
        cmocka_unit_test(a_sink_without_memory_ends_the_reading),
    };

    return cmocka_run_group_tests(tests, take_scratch, free_scratch);
}
