/*
 * What JSON bodies, form bodies and paths have in common: what a key and a value must be and
 * how it is said that they are not. For http/ only. Pure.
 */
#ifndef SR_HTTP_RULES_H
#define SR_HTTP_RULES_H

#include "http/body.h"

/* Fills *ret_error and returns SR_INVALID, so that `return http_body_fail(...)` reads well. */
enum sr_result http_body_fail(struct http_body_error *ret_error, uint16_t status,
                              const char *format, ...)
    __attribute__((format(printf, 3, 4))) SR_MUST_USE;

/* 422 naming the field and what it is instead of what it should be. */
enum sr_result http_key_fail(struct http_body_error *ret_error, const char *found) SR_MUST_USE;
enum sr_result http_value_fail(struct http_body_error *ret_error,
                               const char *found) SR_MUST_USE;

/* Whether well-formed UTF-8 is a key: 422 for empty, over SR_KEY_SIZE_MAX bytes, with NUL. */
enum sr_result http_key_check(struct sr_span key,
                              struct http_body_error *ret_error) SR_MUST_USE;

/* Moves behind the JSON string that starts at `at`; to the end where it does not end. */
const uint8_t *http_json_skip_string(const uint8_t *at, const uint8_t *end);

/* Reads an optional sign and decimal digits: 422 for anything else and beyond 64 bits. */
enum sr_result http_value_read(struct sr_span text, int64_t *ret_value,
                               struct http_body_error *ret_error) SR_MUST_USE;

#endif
