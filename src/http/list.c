/*
 * Writes lists of counters: counts the bytes of everything, reserves once, then writes.
 */
#include "http/list.h"

#include "base/check.h"
#include "http/reply_parts.h"
#include "http/text.h"

static const char list_begin[] = "{\"data\":[";
static const char item_begin[] = "{\"key\":\"";
static const char item_value[] = "\",\"value\":";
static const char item_null[] = "null";
static const char list_next[] = "],\"next\":";
static const char list_end[] = "]}";

#define LITERAL_SIZE(text) (sizeof(text) - 1)

/* Of an item without its key and value, with the brace and comma that end it. */
#define ITEM_SIZE (LITERAL_SIZE(item_begin) + LITERAL_SIZE(item_value) + 2)

/* Of what stands around the items. */
static size_t frame_size(const struct http_list *list)
{
    if (!list->is_page) {
        return LITERAL_SIZE(list_begin) + LITERAL_SIZE(list_end);
    }
    return LITERAL_SIZE(list_begin) + LITERAL_SIZE(list_next) + 1 +
           (list->next.size == 0 ? LITERAL_SIZE(item_null) : http_escaped_size(list->next) + 2);
}

size_t http_list_size_max(const struct http_reply *reply, const struct http_list *list)
{
    size_t size = frame_size(list) + http_head_size_max(reply);

    for (uint32_t i = 0; i < list->count; i++) {
        struct http_list_item item;

        list->item(list->context, i, &item);
        size += ITEM_SIZE + http_escaped_size(item.key) + HTTP_INTEGER_TEXT_MAX + 2;
    }
    return size;
}

static size_t value_size(const struct http_list_item *item, bool quoted)
{
    uint8_t text[HTTP_INTEGER_TEXT_MAX + 2];

    if (!item->known) {
        return LITERAL_SIZE(item_null);
    }
    return (size_t)(http_put_integer(text, item->value, quoted) - text);
}

static size_t body_size(const struct http_list *list, bool quoted)
{
    size_t size = frame_size(list);

    for (uint32_t i = 0; i < list->count; i++) {
        struct http_list_item item;

        list->item(list->context, i, &item);
        size += ITEM_SIZE + http_escaped_size(item.key) + value_size(&item, quoted);
    }
    return size - (list->count > 0); /* no comma behind the last one */
}

static uint8_t *put_item(uint8_t *at, const struct http_list_item *item, bool quoted)
{
    at = http_put_literal(at, item_begin);
    at = http_put_escaped(at, item->key);
    at = http_put_literal(at, item_value);
    at = item->known ? http_put_integer(at, item->value, quoted)
                     : http_put_literal(at, item_null);
    return http_put_literal(at, "}");
}

static uint8_t *put_end(uint8_t *at, const struct http_list *list)
{
    if (!list->is_page) {
        return http_put_literal(at, list_end);
    }
    at = http_put_literal(at, list_next);
    if (list->next.size == 0) {
        at = http_put_literal(at, item_null);
    } else {
        at = http_put_literal(at, "\"");
        at = http_put_escaped(at, list->next);
        at = http_put_literal(at, "\"");
    }
    return http_put_literal(at, "}");
}

static uint8_t *put_list(uint8_t *at, const struct http_list *list, bool quoted)
{
    at = http_put_literal(at, list_begin);
    for (uint32_t i = 0; i < list->count; i++) {
        struct http_list_item item;

        list->item(list->context, i, &item);
        at = i > 0 ? http_put_literal(at, ",") : at;
        at = put_item(at, &item, quoted);
    }
    return put_end(at, list);
}

enum sr_result http_reply_list(struct sr_buffer *out, const struct http_reply *reply,
                               const struct http_list *list)
{
    size_t size = body_size(list, reply->text_integers);
    enum sr_result result = sr_buffer_reserve(out, http_head_size_max(reply) + size);
    const uint8_t *body;
    uint8_t *at;

    if (result != SR_OK) {
        return result;
    }
    at = http_put_head(out->data + out->size, reply, size);
    if (!reply->head) {
        body = at;
        at = put_list(at, list, reply->text_integers);
        SR_CHECK((size_t)(at - body) == size);
    }
    out->size = (size_t)(at - out->data);
    return SR_OK;
}
