/*
 * Cuts batches into items. In an array the commas outside of strings and brackets do that;
 * whether a piece is JSON, its brackets matching and its strings ending, is found when it is
 * read. A line break cannot stand within a JSON string, so that lines need no such care.
 */
#include "http/batch.h"

#include "http/json_plain.h"
#include "http/rules.h"

#include <stdio.h>

struct batch {
    struct http_body_scratch *scratch;
    const struct http_batch_sink *sink;
    struct http_body_error *error; /* the caller's */
    uint32_t count;
    bool is_refused; /* an item was 422: the others are read to see whether all is JSON */
};

static bool is_space(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

static struct sr_span without_front_space(struct sr_span text)
{
    while (text.size > 0 && is_space(text.data[0])) {
        text.data++;
        text.size--;
    }
    return text;
}

bool http_batch_is_array(struct sr_span body)
{
    body = without_front_space(body);
    return body.size > 0 && body.data[0] == '[';
}

/* Keeps the first refusal, which a malformed item displaces. SR_OK: go on. */
static enum sr_result note_refusal(struct batch *b, enum sr_result result,
                                   const struct http_body_error *error)
{
    if (error->status == 422 && b->is_refused) {
        return SR_OK;
    }
    b->error->status = error->status;
    (void)snprintf(b->error->message, sizeof(b->error->message), "item %u: %.140s", b->count,
                   error->message);
    b->is_refused = true;
    return error->status == 422 ? SR_OK : result;
}

static enum sr_result no_memory(struct batch *b)
{
    *b->error = (struct http_body_error){.status = 503,
                                         .message = "out of memory while reading the body"};
    return SR_NO_MEMORY;
}

static enum sr_result check_room(struct batch *b)
{
    if (b->count < SR_BATCH_ITEMS_MAX) {
        return SR_OK;
    }
    return http_body_fail(b->error, 422, "the batch has more than %d items",
                          SR_BATCH_ITEMS_MAX);
}

static enum sr_result give(struct batch *b, const struct http_increment *increment)
{
    if (!b->is_refused && b->sink->take(b->sink->context, increment) != SR_OK) {
        return no_memory(b);
    }
    return SR_OK;
}

static enum sr_result take_item(struct batch *b, struct sr_span text)
{
    struct http_increment increment;
    struct http_body_error error;
    enum sr_result result = check_room(b);

    if (result != SR_OK) {
        return result;
    }
    result = http_body_json(b->scratch, text, &increment, &error);
    result = result == SR_OK ? give(b, &increment) : note_refusal(b, result, &error);
    b->count++;
    return result;
}

/* Usual items at the front, each with the comma behind it, are read as they are cut. Moves
 * behind them; what is left starts with an item. */
static enum sr_result take_usual_items(struct batch *b, const uint8_t **at, const uint8_t *end)
{
    enum sr_result result = SR_OK;

    while (result == SR_OK && b->count < SR_BATCH_ITEMS_MAX) {
        struct sr_span rest = {.data = *at, .size = (size_t)(end - *at)};
        struct http_increment increment;
        size_t size = http_json_plain_front(rest, &increment.key, &increment.value);

        if (size == 0 || size == rest.size || rest.data[size] != ',') {
            break;
        }
        result = give(b, &increment);
        b->count++;
        *at += size + 1;
    }
    return result;
}

/* Moves behind the item at `at`: to the comma or bracket that ends it, or to the end. */
static const uint8_t *skip_item(const uint8_t *at, const uint8_t *end)
{
    unsigned depth = 0;

    while (at < end) {
        switch (*at) {
        case '"':
            at = http_json_skip_string(at, end);
            continue;
        case '[':
        case '{':
            depth++;
            break;
        case ']':
        case '}':
            if (depth == 0) {
                return at;
            }
            depth--;
            break;
        case ',':
            if (depth == 0) {
                return at;
            }
            break;
        default:
            break;
        }
        at++;
    }
    return end;
}

static enum sr_result fail_array(struct batch *b, const char *what)
{
    return http_body_fail(b->error, 400, "malformed JSON: %s", what);
}

/* What stands behind the array's last bracket. */
static enum sr_result check_rest(struct batch *b, struct sr_span rest)
{
    rest = without_front_space(rest);
    return rest.size == 0 ? SR_OK : fail_array(b, "something follows the array");
}

static enum sr_result read_array(struct batch *b, struct sr_span body)
{
    const uint8_t *end = body.data + body.size;
    const uint8_t *at = without_front_space(body).data + 1;

    for (;;) {
        enum sr_result result = take_usual_items(b, &at, end);
        const uint8_t *stop = skip_item(at, end);
        struct sr_span item = {.data = at, .size = (size_t)(stop - at)};

        if (result != SR_OK) {
            return result;
        }
        if (stop == end || *stop == '}') {
            return fail_array(b, "the array does not end properly");
        }
        item = without_front_space(item);
        if (item.size == 0 && *stop == ']' && b->count == 0) {
            return check_rest(b, (struct sr_span){.data = stop + 1,
                                                  .size = (size_t)(end - stop - 1)});
        }
        result = item.size == 0 ? fail_array(b, "an item is missing") : take_item(b, item);
        if (result != SR_OK) {
            return result;
        }
        at = stop + 1;
        if (*stop == ']') {
            return check_rest(b, (struct sr_span){.data = at, .size = (size_t)(end - at)});
        }
    }
}

static enum sr_result read_lines(struct batch *b, struct sr_span body)
{
    while (body.size > 0) {
        const uint8_t *stop = memchr(body.data, '\n', body.size);
        struct sr_span line = body;
        enum sr_result result;

        if (stop != NULL) {
            line.size = (size_t)(stop - body.data);
        }
        body.data += line.size;
        body.size -= line.size;
        if (stop != NULL) {
            body.data++;
            body.size--;
        }
        if (without_front_space(line).size == 0) {
            continue;
        }
        result = take_item(b, line);
        if (result != SR_OK) {
            return result;
        }
    }
    return SR_OK;
}

enum sr_result http_batch_read(struct http_body_scratch *scratch, enum http_batch_format format,
                               struct sr_span body, const struct http_batch_sink *sink,
                               struct http_body_error *ret_error)
{
    struct batch b = {.scratch = scratch, .sink = sink, .error = ret_error};
    enum sr_result result =
        format == HTTP_BATCH_JSON ? read_array(&b, body) : read_lines(&b, body);

    if (result != SR_OK) {
        return result;
    }
    if (b.count == 0) {
        return http_body_fail(ret_error, 422, "the batch has no items");
    }
    return b.is_refused ? SR_INVALID : SR_OK;
}
