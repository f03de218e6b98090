/*
 * What must hold of every increment that was accepted, whatever body it came in.
 */
#ifndef SR_FUZZ_INCREMENT_H
#define SR_FUZZ_INCREMENT_H

#include "base/check.h"
#include "http/body.h"
#include "http/reply.h"

#include <yyjson.h>

/* The reply's body is JSON again and says the same key and value. */
static inline void check_reply(const struct http_increment *increment)
{
    static const struct http_reply reply = {.status = 200, .keep_alive = true};
    struct sr_buffer out;
    const uint8_t *body;
    yyjson_doc *document;
    yyjson_val *data, *key;

    sr_buffer_init(&out, http_reply_total_size_max(increment->key.size));
    SR_CHECK(http_reply_total(&out, &reply, increment->key, increment->value) == SR_OK);
    body = memmem(out.data, out.size, "\r\n\r\n", 4);
    SR_CHECK(body != NULL);
    body += 4;
    document = yyjson_read((const char *)body, out.size - (size_t)(body - out.data), 0);
    SR_CHECK(document != NULL);
    data = yyjson_obj_get(yyjson_doc_get_root(document), "data");
    key = yyjson_obj_get(data, "key");
    SR_CHECK(yyjson_get_len(key) == increment->key.size);
    SR_CHECK(memcmp(yyjson_get_str(key), increment->key.data, increment->key.size) == 0);
    SR_CHECK(yyjson_is_int(yyjson_obj_get(data, "value")));
    SR_CHECK(yyjson_get_sint(yyjson_obj_get(data, "value")) == increment->value);
    yyjson_doc_free(document);
    sr_buffer_done(&out);
}

static inline void check_increment(const struct http_increment *increment)
{
    SR_CHECK(increment->key.size >= 1 && increment->key.size <= SR_KEY_SIZE_MAX);
    SR_CHECK(http_utf8_valid(increment->key));
    SR_CHECK(memchr(increment->key.data, '\0', increment->key.size) == NULL);
    check_reply(increment);
}

/* A refusal has a status of its kind and printable words that fit. */
static inline void check_body_error(const struct http_body_error *error)
{
    size_t size = strnlen(error->message, sizeof(error->message));

    SR_CHECK(error->status == 400 || error->status == 422);
    SR_CHECK(size > 0 && size < sizeof(error->message));
    for (size_t i = 0; i < size; i++) {
        SR_CHECK(error->message[i] >= ' ' && error->message[i] <= '~');
    }
}

#endif
