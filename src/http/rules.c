/*
 * Keys and values, whatever they were sent in.
 */
#include "http/rules.h"

#include <stdarg.h>
#include <stdio.h>

#define TEXT(number) #number
#define NUMBER_TEXT(number) TEXT(number)

enum sr_result http_body_fail(struct http_body_error *ret_error, uint16_t status,
                              const char *format, ...)
{
    va_list arguments;

    ret_error->status = status;
    va_start(arguments, format);
    (void)vsnprintf(ret_error->message, sizeof(ret_error->message), format, arguments);
    va_end(arguments);
    return SR_INVALID;
}

enum sr_result http_key_fail(struct http_body_error *ret_error, const char *found)
{
    return http_body_fail(ret_error, 422,
                          "key must be a string of 1 to " NUMBER_TEXT(
                              SR_KEY_SIZE_MAX) " bytes "
                                               "without U+0000; it %s",
                          found);
}

enum sr_result http_value_fail(struct http_body_error *ret_error, const char *found)
{
    return http_body_fail(ret_error, 422,
                          "value must be an integer from -9223372036854775808 to "
                          "9223372036854775807, without fraction or exponent; it %s",
                          found);
}

enum sr_result http_key_check(struct sr_span key, struct http_body_error *ret_error)
{
    if (key.size == 0) {
        return http_key_fail(ret_error, "is empty");
    }
    if (key.size > SR_KEY_SIZE_MAX) {
        return http_key_fail(ret_error, "is longer");
    }
    if (memchr(key.data, '\0', key.size) != NULL) {
        return http_key_fail(ret_error, "contains U+0000");
    }
    return SR_OK;
}

enum sr_result http_value_read(struct sr_span text, int64_t *ret_value,
                               struct http_body_error *ret_error)
{
    size_t i = text.size > 0 && (text.data[0] == '-' || text.data[0] == '+');
    bool negative = i == 1 && text.data[0] == '-';
    bool outside = false;
    int64_t value = 0;

    if (i == text.size) {
        return http_value_fail(ret_error, text.size == 0 ? "is empty" : "is a sign only");
    }
    for (; i < text.size; i++) {
        int digit = text.data[i] - '0';

        if (digit < 0 || digit > 9) {
            return http_value_fail(ret_error, "is something else");
        }
        /* Counted below zero, where the range is one wider. */
        outside = outside || __builtin_mul_overflow(value, 10, &value) ||
                  __builtin_sub_overflow(value, digit, &value);
    }
    if (outside || (!negative && value == INT64_MIN)) {
        return http_value_fail(ret_error, "is outside of it");
    }
    *ret_value = negative ? value : -value;
    return SR_OK;
}
