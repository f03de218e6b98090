/*
 * Any bytes as a batch, first as an array and then as lines. An array is compared with how
 * yyjson reads it as one document: what is accepted is the same items, and what is refused as
 * malformed is no JSON, too deep, or has a member twice.
 */
#include "http/batch.h"
#include "increment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The items that yyjson found, walked along with those that the sink takes. */
struct expected {
    yyjson_val *next; /* NULL: nothing is expected */
    size_t count;
};

static enum sr_result take(void *context, const struct http_increment *increment)
{
    struct expected *expected = context;

    check_increment(increment);
    expected->count++;
    if (expected->next != NULL) {
        yyjson_val *key = yyjson_obj_get(expected->next, "key");
        yyjson_val *value = yyjson_obj_get(expected->next, "value");

        SR_CHECK(yyjson_get_len(key) == increment->key.size);
        SR_CHECK(memcmp(yyjson_get_str(key), increment->key.data, increment->key.size) == 0);
        SR_CHECK(yyjson_is_int(value) && yyjson_get_sint(value) == increment->value);
        expected->next = unsafe_yyjson_get_next(expected->next);
    }
    return SR_OK;
}

static bool names_repeat(yyjson_val *item)
{
    size_t index, max, keys = 0, values = 0;
    yyjson_val *name, *value;

    yyjson_obj_foreach(item, index, max, name, value)
    {
        keys += yyjson_equals_str(name, "key");
        values += yyjson_equals_str(name, "value");
    }
    return keys > 1 || values > 1;
}

/* Whether there is a reason besides syntax to call the array malformed. */
static bool is_refusable(struct sr_span body, yyjson_val *array)
{
    size_t openings = 0, index, max;
    yyjson_val *item;

    for (size_t i = 0; i < body.size; i++) {
        openings += body.data[i] == '[' || body.data[i] == '{';
    }
    if (openings > HTTP_JSON_DEPTH_MAX) {
        return true;
    }
    yyjson_arr_foreach(array, index, max, item)
    {
        if (names_repeat(item)) {
            return true;
        }
    }
    return false;
}

static void check_array(struct http_body_scratch *scratch, struct sr_span body)
{
    yyjson_doc *document =
        yyjson_read((const char *)body.data, body.size, YYJSON_READ_BIGNUM_AS_RAW);
    yyjson_val *root = yyjson_doc_get_root(document);
    struct expected expected = {.next = yyjson_arr_get_first(root)};
    struct http_batch_sink sink = {.context = &expected, .take = take};
    struct http_body_error error = {0};

    if (http_batch_read(scratch, HTTP_BATCH_JSON, body, &sink, &error) == SR_OK) {
        SR_CHECK(yyjson_is_arr(root) && expected.count == yyjson_arr_size(root));
    } else {
        check_body_error(&error);
        SR_CHECK(error.status != 400 || document == NULL || is_refusable(body, root));
    }
    yyjson_doc_free(document);
}

static void check_lines(struct http_body_scratch *scratch, struct sr_span body)
{
    struct expected expected = {.next = NULL};
    struct http_batch_sink sink = {.context = &expected, .take = take};
    struct http_body_error error = {0};

    if (http_batch_read(scratch, HTTP_BATCH_NDJSON, body, &sink, &error) != SR_OK) {
        check_body_error(&error);
        return;
    }
    SR_CHECK(expected.count > 0 && expected.count <= SR_BATCH_ITEMS_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct http_body_scratch scratch;
    struct sr_span body = {.data = data, .size = size};

    SR_CHECK(scratch.pool != NULL || http_body_scratch_init(&scratch) == SR_OK);
    if (http_batch_is_array(body)) {
        check_array(&scratch, body);
    }
    check_lines(&scratch, body);
    return 0;
}
