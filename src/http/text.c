/*
 * Integers two digits at a time; JSON strings by a table of what must be escaped.
 */
#include "http/text.h"

#include "base/bytes.h"

static const char digit_pairs[] = "00010203040506070809"
                                  "10111213141516171819"
                                  "20212223242526272829"
                                  "30313233343536373839"
                                  "40414243444546474849"
                                  "50515253545556575859"
                                  "60616263646566676869"
                                  "70717273747576777879"
                                  "80818283848586878889"
                                  "90919293949596979899";

uint8_t *http_put_u64(uint8_t *at, uint64_t value)
{
    uint8_t text[HTTP_INTEGER_TEXT_MAX];
    size_t from = sizeof(text);

    while (value >= 100) {
        from -= 2;
        memcpy(text + from, digit_pairs + value % 100 * 2, 2);
        value /= 100;
    }
    if (value >= 10) {
        from -= 2;
        memcpy(text + from, digit_pairs + value * 2, 2);
    } else {
        text[--from] = (uint8_t)('0' + value);
    }
    return http_put(at, text + from, sizeof(text) - from);
}

uint8_t *http_put_i64(uint8_t *at, int64_t value)
{
    if (value >= 0) {
        return http_put_u64(at, (uint64_t)value);
    }
    *at = '-';
    return http_put_u64(at + 1, -(uint64_t)value);
}

/* Bytes more than one that a byte takes in a JSON string. */
static inline size_t escape_cost(uint8_t byte)
{
    if (byte < 0x20) {
        return HTTP_ESCAPE_SIZE_MAX - 1;
    }
    return byte == '"' || byte == '\\';
}

/* Whether the eight bytes stand for themselves in a JSON string. */
static inline bool are_plain(const uint8_t *at)
{
    return http_bytes_special(sr_get_u64(at)) == 0;
}

/* How many bytes at the front are plain, in eights; all where all are. The last eight are
 * looked at once more where they overlap those before. */
static inline size_t plain_front(struct sr_span text)
{
    size_t size = 0;

    while (text.size - size >= sizeof(uint64_t) && are_plain(text.data + size)) {
        size += sizeof(uint64_t);
    }
    if (size > 0 && text.size - size < sizeof(uint64_t) &&
        are_plain(text.data + text.size - sizeof(uint64_t))) {
        return text.size;
    }
    return size;
}

size_t http_escaped_size(struct sr_span text)
{
    size_t size = text.size;

    for (size_t i = plain_front(text); i < text.size; i++) {
        size += escape_cost(text.data[i]);
    }
    return size;
}

static uint8_t *put_escape(uint8_t *at, uint8_t byte)
{
    static const char digits[] = "0123456789abcdef";

    *at++ = '\\';
    if (byte >= 0x20) {
        *at++ = byte;
        return at;
    }
    at = http_put_literal(at, "u00");
    *at++ = (uint8_t)digits[byte >> 4];
    *at++ = (uint8_t)digits[byte & 15];
    return at;
}

uint8_t *http_put_escaped(uint8_t *at, struct sr_span text)
{
    size_t plain = plain_front(text);

    if (plain > 0) {
        at = http_put(at, text.data, plain);
    }
    for (size_t i = plain; i < text.size; i++) {
        if (escape_cost(text.data[i]) == 0) {
            *at++ = text.data[i];
        } else {
            at = put_escape(at, text.data[i]);
        }
    }
    return at;
}
