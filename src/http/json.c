/*
 * Increments as JSON. yyjson reads without recursion but into a document of 16 bytes a value,
 * so depth and number of values are bounded before it runs. Numbers stay text: an integer
 * literal is told from 2.0 and 1e2, and 1e400 is a number out of range and not malformed.
 */
#include "http/body.h"

#include "base/check.h"
#include "http/json_plain.h"
#include "http/rules.h"

#include <yyjson.h>

/* Whether an odd number of backslashes stands before `at`, back to `begin`. */
static bool is_escaped(const uint8_t *begin, const uint8_t *at)
{
    size_t backslashes = 0;

    while (at > begin && at[-1] == '\\') {
        backslashes++;
        at--;
    }
    return backslashes % 2 != 0;
}

const uint8_t *http_json_skip_string(const uint8_t *at, const uint8_t *end)
{
    const uint8_t *begin = at + 1;

    while ((at = memchr(begin, '"', (size_t)(end - begin))) != NULL) {
        if (!is_escaped(begin, at)) {
            return at + 1;
        }
        begin = at + 1;
    }
    return end;
}

struct json_extent {
    unsigned depth, depth_max, values;
};

static void count_byte(struct json_extent *extent, uint8_t byte)
{
    switch (byte) {
    case '{':
    case '[':
        extent->values++;
        extent->depth++;
        if (extent->depth > extent->depth_max) {
            extent->depth_max = extent->depth;
        }
        break;
    case '}':
    case ']':
        extent->depth -= extent->depth > 0;
        break;
    case ',':
    case ':':
        extent->values++;
        break;
    default:
        break;
    }
}

/* Refuses what would make too large a document. Whether it is JSON at all is left to yyjson. */
static enum sr_result check_extent(struct sr_span body, struct http_body_error *ret_error)
{
    const uint8_t *end = body.data + body.size;
    struct json_extent extent = {0};

    for (const uint8_t *at = body.data; at < end;) {
        if (*at == '"') {
            at = http_json_skip_string(at, end);
            continue;
        }
        count_byte(&extent, *at++);
        if (extent.depth_max > HTTP_JSON_DEPTH_MAX) {
            return http_body_fail(ret_error, 400, "the JSON is nested deeper than %d levels",
                                  HTTP_JSON_DEPTH_MAX);
        }
        if (extent.values > HTTP_JSON_VALUES_MAX) {
            return http_body_fail(ret_error, 422, "the JSON has more than %d names and values",
                                  HTTP_JSON_VALUES_MAX);
        }
    }
    return SR_OK;
}

static enum sr_result fail_reading(const yyjson_read_err *error,
                                   struct http_body_error *ret_error)
{
    if (error->code == YYJSON_READ_ERROR_MEMORY_ALLOCATION) {
        *ret_error =
            (struct http_body_error){.status = 503,
                                     .message = "out of memory while reading the body"};
        return SR_NO_MEMORY;
    }
    return http_body_fail(ret_error, 400, "malformed JSON at byte %zu: %.80s", error->pos,
                          error->msg);
}

/* The document lies in the pool where that suffices; otherwise *ret_heap is set and it must be
 * freed. Neither refers to the body. */
static enum sr_result read_document(struct http_body_scratch *scratch, struct sr_span body,
                                    yyjson_doc **ret_document, bool *ret_heap,
                                    struct http_body_error *ret_error)
{
    yyjson_read_err error = {.code = YYJSON_READ_ERROR_MEMORY_ALLOCATION};
    yyjson_doc *document = NULL;
    yyjson_alc pool;
    bool heap = false;
    /* Not written to without YYJSON_READ_INSITU. */
    char *text = (char *)(uintptr_t)body.data;

    if (yyjson_read_max_memory_usage(body.size, YYJSON_READ_NUMBER_AS_RAW) <=
        scratch->pool_size) {
        SR_CHECK(yyjson_alc_pool_init(&pool, scratch->pool, scratch->pool_size));
        document = yyjson_read_opts(text, body.size, YYJSON_READ_NUMBER_AS_RAW, &pool, &error);
    }
    if (document == NULL && error.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION) {
        heap = true;
        document = yyjson_read_opts(text, body.size, YYJSON_READ_NUMBER_AS_RAW, NULL, &error);
    }
    if (document == NULL) {
        return fail_reading(&error, ret_error);
    }
    *ret_document = document;
    *ret_heap = heap;
    return SR_OK;
}

/* The two members that matter; NULL where absent. */
struct members {
    yyjson_val *key, *value;
};

static yyjson_val **member_of(struct members *members, yyjson_val *name)
{
    if (yyjson_equals_strn(name, "key", 3)) {
        return &members->key;
    }
    return yyjson_equals_strn(name, "value", 5) ? &members->value : NULL;
}

static enum sr_result find_members(yyjson_val *object, const char *wanted,
                                   struct members *ret_members,
                                   struct http_body_error *ret_error)
{
    struct members members = {0};
    yyjson_obj_iter iterator;
    yyjson_val *name;

    if (!yyjson_obj_iter_init(object, &iterator)) {
        return http_body_fail(ret_error, 422, "the body must be a JSON object with %s", wanted);
    }
    while ((name = yyjson_obj_iter_next(&iterator)) != NULL) {
        yyjson_val **member = member_of(&members, name);

        if (member == NULL) {
            continue;
        }
        if (*member != NULL) {
            return http_body_fail(ret_error, 400, "the object has the member %s twice",
                                  member == &members.key ? "key" : "value");
        }
        *member = yyjson_obj_iter_get_val(name);
    }
    *ret_members = members;
    return SR_OK;
}

/* What a value is, to go on after "it ". */
static const char *found(yyjson_val *value)
{
    switch (yyjson_get_type(value)) {
    case YYJSON_TYPE_NONE:
        return "is missing";
    case YYJSON_TYPE_NULL:
        return "is null";
    case YYJSON_TYPE_BOOL:
        return "is a boolean";
    case YYJSON_TYPE_STR:
        return "is a string";
    case YYJSON_TYPE_ARR:
        return "is an array";
    case YYJSON_TYPE_OBJ:
        return "is an object";
    default:
        return "is a number";
    }
}

static struct sr_span keep_key(struct http_body_scratch *scratch, struct sr_span key)
{
    memcpy(scratch->key, key.data, key.size);
    return (struct sr_span){.data = scratch->key, .size = key.size};
}

static enum sr_result take_key(struct http_body_scratch *scratch, yyjson_val *value,
                               struct sr_span *ret_key, struct http_body_error *ret_error)
{
    struct sr_span key;
    enum sr_result result;

    if (!yyjson_is_str(value)) {
        return http_key_fail(ret_error, found(value));
    }
    key.data = (const uint8_t *)yyjson_get_str(value);
    key.size = yyjson_get_len(value);
    result = http_key_check(key, ret_error);
    if (result != SR_OK) {
        return result;
    }
    *ret_key = keep_key(scratch, key);
    return SR_OK;
}

/* yyjson has checked that the text is a number of JSON. */
static enum sr_result take_value(yyjson_val *value, int64_t *ret_value,
                                 struct http_body_error *ret_error)
{
    struct sr_span text;

    if (!yyjson_is_raw(value)) {
        return http_value_fail(ret_error, found(value));
    }
    text.data = (const uint8_t *)yyjson_get_raw(value);
    text.size = yyjson_get_len(value);
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '.' || (text.data[i] | 0x20) == 'e') {
            return http_value_fail(ret_error, "has one");
        }
    }
    return http_value_read(text, ret_value, ret_error);
}

static enum sr_result take_increment(struct http_body_scratch *scratch, yyjson_val *root,
                                     struct http_increment *ret_increment,
                                     struct http_body_error *ret_error)
{
    struct members members = {0};
    struct http_increment increment;
    enum sr_result result = find_members(root, "key and value", &members, ret_error);

    if (result == SR_OK) {
        result = take_key(scratch, members.key, &increment.key, ret_error);
    }
    if (result == SR_OK) {
        result = take_value(members.value, &increment.value, ret_error);
    }
    if (result == SR_OK) {
        *ret_increment = increment;
    }
    return result;
}

/* Reads the whole body as one document. */
static enum sr_result read_body(struct http_body_scratch *scratch, struct sr_span body,
                                yyjson_doc **ret_document, bool *ret_heap,
                                struct http_body_error *ret_error)
{
    if (body.size == 0) {
        return http_body_fail(ret_error, 400, "the body is empty; expected a JSON object");
    }
    if (body.size > 2 * HTTP_JSON_DEPTH_MAX) { /* what is shorter and JSON is not deeper */
        enum sr_result result = check_extent(body, ret_error);

        if (result != SR_OK) {
            return result;
        }
    }
    return read_document(scratch, body, ret_document, ret_heap, ret_error);
}

static enum sr_result read_increment(struct http_body_scratch *scratch, struct sr_span body,
                                     struct http_increment *ret_increment,
                                     struct http_body_error *ret_error)
{
    yyjson_doc *document = NULL;
    bool heap = false;
    enum sr_result result = read_body(scratch, body, &document, &heap, ret_error);

    if (result != SR_OK) {
        return result;
    }
    result = take_increment(scratch, yyjson_doc_get_root(document), ret_increment, ret_error);
    if (heap) {
        yyjson_doc_free(document);
    }
    return result;
}

enum sr_result http_body_json(struct http_body_scratch *scratch, struct sr_span body,
                              struct http_increment *ret_increment,
                              struct http_body_error *ret_error)
{
    struct sr_span key;

    if (!http_json_plain(body, &key, &ret_increment->value)) {
        return read_increment(scratch, body, ret_increment, ret_error);
    }
    ret_increment->key = keep_key(scratch, key);
    return SR_OK;
}

enum sr_result http_body_json_value(struct http_body_scratch *scratch, struct sr_span body,
                                    int64_t *ret_value, struct http_body_error *ret_error)
{
    yyjson_doc *document = NULL;
    struct members members = {0};
    bool heap = false;
    enum sr_result result = read_body(scratch, body, &document, &heap, ret_error);

    if (result != SR_OK) {
        return result;
    }
    result = find_members(yyjson_doc_get_root(document), "value", &members, ret_error);
    if (result == SR_OK) {
        result = take_value(members.value, ret_value, ret_error);
    }
    if (heap) {
        yyjson_doc_free(document);
    }
    return result;
}
