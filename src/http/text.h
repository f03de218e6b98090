/*
 * Text that replies are made of: integers and JSON strings, written to memory that is large
 * enough. For http/ only. Pure.
 */
#ifndef SR_HTTP_TEXT_H
#define SR_HTTP_TEXT_H

#include "base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_INTEGER_TEXT_MAX 20 /* "-9223372036854775808" */
#define HTTP_ESCAPE_SIZE_MAX 6   /* \u001f */

/* Writes bytes; returns the address behind them. */
static inline uint8_t *http_put(uint8_t *at, const void *bytes, size_t size)
{
    memcpy(at, bytes, size);
    return at + size;
}

/* The same for a string literal. */
#define http_put_literal(at, literal) http_put((at), (literal), sizeof(literal) - 1)

/* Writes value in decimal, at most HTTP_INTEGER_TEXT_MAX characters. */
uint8_t *http_put_u64(uint8_t *at, uint64_t value);
uint8_t *http_put_i64(uint8_t *at, int64_t value);

/* The same, as a JSON string where it is to be one: two characters more. */
static inline uint8_t *http_put_integer(uint8_t *at, int64_t value, bool as_text)
{
    if (as_text) {
        *at++ = '"';
    }
    at = http_put_i64(at, value);
    if (as_text) {
        *at++ = '"';
    }
    return at;
}

#define HTTP_EACH_BYTE(byte) (UINT64_MAX / 255 * (byte))

/* Bits in the bytes of a word that are below n, at most 128; none where no byte is. The lowest
 * bit is in the first such byte, those above it may err. */
static inline uint64_t http_bytes_below(uint64_t word, uint8_t n)
{
    return (word - HTTP_EACH_BYTE(n)) & ~word & HTTP_EACH_BYTE(0x80);
}

/* The same for the bytes that do not stand for themselves in a JSON string. */
static inline uint64_t http_bytes_special(uint64_t word)
{
    return http_bytes_below(word, 0x20) | http_bytes_below(word ^ HTTP_EACH_BYTE('"'), 1) |
           http_bytes_below(word ^ HTTP_EACH_BYTE('\\'), 1);
}

/* How many bytes the text takes within a JSON string, quotes not counted. */
size_t http_escaped_size(struct sr_span text);

/* Writes just these bytes. */
uint8_t *http_put_escaped(uint8_t *at, struct sr_span text);

#endif
