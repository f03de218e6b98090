/*
 * Increments as forms, and keys in paths: percent-encoded text, decoded byte by byte.
 */
#include "http/body.h"
#include "http/field.h"
#include "http/query.h"
#include "http/rules.h"
#include "http/utf8.h"

#include <stdio.h>

/* Reads percent-encoded text. */
struct decoder {
    const uint8_t *at;
    size_t left;        /* bytes from `at` on */
    bool plus_is_space; /* in forms */
};

#define DECODED_END (-1)
#define DECODED_MALFORMED (-2)

static int hex_digit(uint8_t byte)
{
    if (byte >= '0' && byte <= '9') {
        return byte - '0';
    }
    byte |= 0x20;
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

static struct decoder decoder_of(struct sr_span text, bool plus_is_space)
{
    return (struct decoder){.at = text.data, .left = text.size, .plus_is_space = plus_is_space};
}

static const uint8_t *take(struct decoder *decoder, size_t size)
{
    const uint8_t *taken = decoder->at;

    decoder->at += size;
    decoder->left -= size;
    return taken;
}

/* The next byte, or one of the two above. */
static int decode(struct decoder *decoder)
{
    const uint8_t *encoded;
    int high, low;

    if (decoder->left == 0) {
        return DECODED_END;
    }
    if (*decoder->at != '%') {
        uint8_t byte = *take(decoder, 1);

        return byte == '+' && decoder->plus_is_space ? ' ' : byte;
    }
    if (decoder->left < 3) {
        return DECODED_MALFORMED;
    }
    encoded = take(decoder, 3);
    high = hex_digit(encoded[1]);
    low = hex_digit(encoded[2]);
    return high < 0 || low < 0 ? DECODED_MALFORMED : high << 4 | low;
}

/* 400 where the text is not percent-encoded UTF-8. */
static enum sr_result check_encoding(struct sr_span text, const char *where,
                                     struct http_body_error *ret_error)
{
    struct decoder decoder = decoder_of(text, true);
    struct http_utf8 utf8 = {0};
    int byte;

    while ((byte = decode(&decoder)) >= 0) {
        if (!http_utf8_step(&utf8, (uint8_t)byte)) {
            return http_body_fail(ret_error, 400, "%s is not UTF-8", where);
        }
    }
    if (byte == DECODED_MALFORMED) {
        return http_body_fail(ret_error, 400, "%s has a %% without two hexadecimal digits",
                              where);
    }
    if (utf8.outstanding != 0) {
        return http_body_fail(ret_error, 400, "%s is not UTF-8", where);
    }
    return SR_OK;
}

/* Decodes well-formed text; the size tells of more than size_max bytes, which are left out. */
static size_t decode_into(struct decoder *decoder, uint8_t *ret_bytes, size_t size_max)
{
    size_t size = 0;
    int byte;

    while (size <= size_max && (byte = decode(decoder)) >= 0) {
        if (size < size_max) {
            ret_bytes[size] = (uint8_t)byte;
        }
        size++;
    }
    return size;
}

static bool decodes_to(struct sr_span text, const char *expected)
{
    struct decoder decoder = decoder_of(text, true);
    size_t i = 0;
    int byte;

    while ((byte = decode(&decoder)) >= 0) {
        if (expected[i] == '\0' || byte != (uint8_t)expected[i]) {
            return false;
        }
        i++;
    }
    return expected[i] == '\0';
}

/* The two fields that matter; data NULL where absent. */
struct fields {
    struct sr_span key, value;
};

static enum sr_result take_pair(struct fields *fields, struct sr_span pair,
                                struct http_body_error *ret_error)
{
    struct sr_span name = http_cut(&pair, '=');
    struct sr_span *field = NULL;
    enum sr_result result = check_encoding(name, "a field's name", ret_error);

    if (result == SR_OK) {
        result = check_encoding(pair, "a field's value", ret_error);
    }
    if (result != SR_OK) {
        return result;
    }
    if (decodes_to(name, "key")) {
        field = &fields->key;
    } else if (decodes_to(name, "value")) {
        field = &fields->value;
    }
    if (field != NULL && field->data != NULL) {
        return http_body_fail(ret_error, 400, "the form has the field %s twice",
                              field == &fields->key ? "key" : "value");
    }
    if (field != NULL) {
        *field = pair;
    }
    return SR_OK;
}

static enum sr_result split(struct sr_span body, struct fields *ret_fields,
                            struct http_body_error *ret_error)
{
    struct fields fields = {0};

    while (body.size > 0) {
        enum sr_result result = take_pair(&fields, http_cut(&body, '&'), ret_error);

        if (result != SR_OK) {
            return result;
        }
    }
    *ret_fields = fields;
    return SR_OK;
}

static enum sr_result take_key(struct http_body_scratch *scratch, struct sr_span text,
                               struct sr_span *ret_key, struct http_body_error *ret_error)
{
    struct decoder decoder = decoder_of(text, true);
    struct sr_span key = {.data = scratch->key};
    enum sr_result result;

    if (text.data == NULL) {
        return http_key_fail(ret_error, "is missing");
    }
    key.size = decode_into(&decoder, scratch->key, sizeof(scratch->key));
    result = http_key_check(key, ret_error);
    if (result == SR_OK) {
        *ret_key = key;
    }
    return result;
}

#define VALUE_TEXT_MAX 64 /* a sign, leading zeros, 19 digits */

static enum sr_result take_value(struct sr_span text, int64_t *ret_value,
                                 struct http_body_error *ret_error)
{
    struct decoder decoder = decoder_of(text, true);
    uint8_t decoded[VALUE_TEXT_MAX];
    size_t size;

    if (text.data == NULL) {
        return http_value_fail(ret_error, "is missing");
    }
    size = decode_into(&decoder, decoded, sizeof(decoded));
    if (size > sizeof(decoded)) {
        return http_value_fail(ret_error, "is longer");
    }
    return http_value_read((struct sr_span){.data = decoded, .size = size}, ret_value,
                           ret_error);
}

enum sr_result http_body_form(struct http_body_scratch *scratch, struct sr_span body,
                              struct http_increment *ret_increment,
                              struct http_body_error *ret_error)
{
    struct fields fields;
    struct http_increment increment;
    enum sr_result result = split(body, &fields, ret_error);

    if (result == SR_OK) {
        result = take_key(scratch, fields.key, &increment.key, ret_error);
    }
    if (result == SR_OK) {
        result = take_value(fields.value, &increment.value, ret_error);
    }
    if (result == SR_OK) {
        *ret_increment = increment;
    }
    return result;
}

enum sr_result http_body_form_value(struct sr_span body, int64_t *ret_value,
                                    struct http_body_error *ret_error)
{
    struct fields fields;
    enum sr_result result = split(body, &fields, ret_error);

    return result == SR_OK ? take_value(fields.value, ret_value, ret_error) : result;
}

enum sr_result http_query_text(struct sr_span value, const char *name, uint8_t *ret_text,
                               size_t *ret_size, struct http_body_error *ret_error)
{
    struct decoder decoder = decoder_of(value, true);
    char where[64];
    enum sr_result result;
    size_t size;

    (void)snprintf(where, sizeof(where), "the parameter %s", name);
    result = check_encoding(value, where, ret_error);
    if (result != SR_OK) {
        return result;
    }
    size = decode_into(&decoder, ret_text, SR_KEY_SIZE_MAX);
    if (size > SR_KEY_SIZE_MAX) {
        return http_body_fail(ret_error, 422, "%s is longer than %d bytes", where,
                              SR_KEY_SIZE_MAX);
    }
    if (memchr(ret_text, '\0', size) != NULL) {
        return http_body_fail(ret_error, 422, "%s contains U+0000", where);
    }
    *ret_size = size;
    return SR_OK;
}

enum sr_result http_path_key(struct sr_span segment, uint8_t *ret_key, size_t *ret_size,
                             struct http_body_error *ret_error)
{
    struct decoder decoder = decoder_of(segment, false);
    size_t size;
    enum sr_result result = check_encoding(segment, "the key in the path", ret_error);

    if (result != SR_OK) {
        return result;
    }
    size = decode_into(&decoder, ret_key, SR_KEY_SIZE_MAX);
    result = http_key_check((struct sr_span){.data = ret_key, .size = size}, ret_error);
    if (result == SR_OK) {
        *ret_size = size;
    }
    return result;
}
