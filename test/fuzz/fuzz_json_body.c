/*
 * Any bytes as a JSON body. What is accepted is compared with how yyjson reads the same text by
 * itself, numbers and all; what is refused as malformed must be so, too deep, or ambiguous.
 */
#include "increment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_against_yyjson(struct sr_span body, const struct http_increment *increment)
{
    yyjson_doc *document =
        yyjson_read((const char *)body.data, body.size, YYJSON_READ_BIGNUM_AS_RAW);
    yyjson_val *key = yyjson_obj_get(yyjson_doc_get_root(document), "key");
    yyjson_val *value = yyjson_obj_get(yyjson_doc_get_root(document), "value");

    SR_CHECK(document != NULL);
    SR_CHECK(yyjson_get_len(key) == increment->key.size);
    SR_CHECK(memcmp(yyjson_get_str(key), increment->key.data, increment->key.size) == 0);
    SR_CHECK(yyjson_is_int(value) && yyjson_get_sint(value) == increment->value);
    yyjson_doc_free(document);
}

static size_t count_members(yyjson_val *object, const char *wanted)
{
    size_t index, max, count = 0;
    yyjson_val *name, *value;

    yyjson_obj_foreach(object, index, max, name, value)
    {
        count += yyjson_equals_str(name, wanted);
    }
    return count;
}

static size_t count_openings(struct sr_span body)
{
    size_t count = 0;

    for (size_t i = 0; i < body.size; i++) {
        count += body.data[i] == '[' || body.data[i] == '{';
    }
    return count;
}

/* 400 is for what yyjson refuses, for members sent twice and for what may be too deep. */
static void check_malformed(struct sr_span body)
{
    yyjson_doc *document =
        yyjson_read((const char *)body.data, body.size, YYJSON_READ_NUMBER_AS_RAW);
    yyjson_val *root = yyjson_doc_get_root(document);

    SR_CHECK(document == NULL || count_members(root, "key") > 1 ||
             count_members(root, "value") > 1 || count_openings(body) > HTTP_JSON_DEPTH_MAX);
    yyjson_doc_free(document);
}

/* What is an increment is a value alone as well: the same one. */
static void check_value_alone(struct http_body_scratch *scratch, struct sr_span body,
                              int64_t wanted)
{
    struct http_body_error error = {0};
    int64_t value = 0;

    SR_CHECK(http_body_json_value(scratch, body, &value, &error) == SR_OK);
    SR_CHECK(value == wanted);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct http_body_scratch scratch;
    struct sr_span body = {.data = data, .size = size};
    struct http_increment increment;
    struct http_body_error error = {0};

    SR_CHECK(scratch.pool != NULL || http_body_scratch_init(&scratch) == SR_OK);
    if (http_body_json(&scratch, body, &increment, &error) == SR_OK) {
        check_increment(&increment);
        check_against_yyjson(body, &increment);
        check_value_alone(&scratch, body, increment.value);
        return 0;
    }
    check_body_error(&error);
    if (error.status == 400) {
        check_malformed(body);
    }
    return 0;
}
