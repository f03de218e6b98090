/*
 * The usual body of POST /increment: a key without escapes and a number that cannot overflow.
 */
#include "http/json_plain.h"

#include "base/bytes.h"
#include "base/limits.h"
#include "http/text.h"

#define DIGITS_MAX 18 /* fits an int64_t whatever they are */

/* Moves on behind the literal; false where something else stands there. */
#define TAKE(at, end, literal) take((at), (end), (literal), sizeof(literal) - 1)

static inline bool take(const uint8_t **at, const uint8_t *end, const char *text, size_t size)
{
    if ((size_t)(end - *at) < size || memcmp(*at, text, size) != 0) {
        return false;
    }
    *at += size;
    return true;
}

static inline void skip_space(const uint8_t **at, const uint8_t *end)
{
    *at += *at < end && **at == ' ';
}

/* The string's inside up to the quote that ends it; false where it holds anything that needs a
 * closer look. What follows a key is longer than a word: near the end of the body there is
 * none.
 */
static inline bool take_text(const uint8_t **at, const uint8_t *end, struct sr_span *ret_text)
{
    const uint8_t *begin = *at;
    const uint8_t *here = begin;
    uint64_t other = 0;

    while (end - here >= (ptrdiff_t)sizeof(uint64_t)) {
        uint64_t word = sr_get_u64(here);

        other = http_bytes_special(word) | (word & HTTP_EACH_BYTE(0x80));
        if (other != 0) {
            here += __builtin_ctzll(other) / 8;
            break;
        }
        here += sizeof(word);
    }
    *ret_text = (struct sr_span){.data = begin, .size = (size_t)(here - begin)};
    *at = here + 1;
    return other != 0 && *here == '"';
}

static inline bool take_integer(const uint8_t **at, const uint8_t *end, int64_t *ret_value)
{
    bool negative = TAKE(at, end, "-");
    const uint8_t *begin = *at;
    int64_t value = 0;
    ptrdiff_t digits;

    while (*at < end && **at >= '0' && **at <= '9' && *at - begin < DIGITS_MAX) {
        value = value * 10 + (**at - '0');
        (*at)++;
    }
    digits = *at - begin;
    if (digits == 0 || (digits > 1 && *begin == '0')) {
        return false;
    }
    *ret_value = negative ? -value : value;
    return true;
}

static inline bool take_key(const uint8_t **at, const uint8_t *end, struct sr_span *ret_key)
{
    if (!TAKE(at, end, "{\"key\":")) {
        return false;
    }
    skip_space(at, end);
    return TAKE(at, end, "\"") && take_text(at, end, ret_key) && ret_key->size > 0 &&
           ret_key->size <= SR_KEY_SIZE_MAX;
}

bool http_json_plain_key(struct sr_span text, struct sr_span *ret_key)
{
    const uint8_t *at = text.data;

    return take_key(&at, text.data + text.size, ret_key);
}

size_t http_json_plain_front(struct sr_span text, struct sr_span *ret_key, int64_t *ret_value)
{
    const uint8_t *at = text.data;
    const uint8_t *end = text.data + text.size;
    struct sr_span key;
    int64_t value;

    if (!take_key(&at, end, &key) || !TAKE(&at, end, ",")) {
        return 0;
    }
    skip_space(&at, end);
    if (!TAKE(&at, end, "\"value\":")) {
        return 0;
    }
    skip_space(&at, end);
    if (!take_integer(&at, end, &value) || !TAKE(&at, end, "}")) {
        return 0;
    }
    *ret_key = key;
    *ret_value = value;
    return (size_t)(at - text.data);
}

bool http_json_plain(struct sr_span body, struct sr_span *ret_key, int64_t *ret_value)
{
    struct sr_span key;
    int64_t value;

    if (body.size == 0 || http_json_plain_front(body, &key, &value) != body.size) {
        return false;
    }
    *ret_key = key;
    *ret_value = value;
    return true;
}
