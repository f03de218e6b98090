/*
 * Bodies of POST /increment and PUT /counters/{key}: a JSON object (RFC 8259, by yyjson) or a
 * form (WHATWG URL standard, application/x-www-form-urlencoded) with exactly what the service
 * takes: a key and a signed 64-bit value. Pure; memory comes from the caller's pool, nothing is
 * allocated on the usual path.
 */
#ifndef SR_HTTP_BODY_H
#define SR_HTTP_BODY_H

#include "base/limits.h"
#include "base/result.h"
#include "base/span.h"
#include "http/utf8.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_JSON_DEPTH_MAX 64     /* objects and arrays within each other */
#define HTTP_JSON_VALUES_MAX 65536 /* names and values: bounds the document */

/* Scratch for one worker: the pool yyjson takes its document from and the decoded key. A body
 * that needs more than the pool falls back to the heap, bounded by the body limit. */
struct http_body_scratch {
    uint8_t *pool; /* owned */
    size_t pool_size;
    uint8_t key[SR_KEY_SIZE_MAX];
};

/* Takes the pool. SR_NO_MEMORY. */
enum sr_result http_body_scratch_init(struct http_body_scratch *scratch) SR_MUST_USE;

/* Frees the pool. */
void http_body_scratch_done(struct http_body_scratch *scratch);

/* One increment. key points into the scratch: valid until the next body is read with it. */
struct http_increment {
    struct sr_span key;
    int64_t value;
};

/* How a bad body is answered. */
struct http_body_error {
    uint16_t status; /* 400 malformed, 422 well-formed but not acceptable, 503 out of memory */
    char message[160]; /* what was wrong and what would be right; ASCII, no input echoed raw */
};

/*
 * SR_OK with the increment, or SR_INVALID with *ret_error filled (SR_NO_MEMORY: the same with
 * status 503). Rules (FAULTS, table of bad input):
 * 400: malformed JSON, trailing bytes, byte order mark, NaN/Infinity, depth over 64, invalid
 * UTF-8, lone surrogate, `key` or `value` twice (also when spelt with escapes).
 * 422: not an object; over HTTP_JSON_VALUES_MAX values; key absent, null, not a string, empty,
 * over 512 bytes, with U+0000; value absent, null, not an integer literal (1.5, 2.0, 1e2, "2",
 * true), outside signed 64 bits (2^63, 1e400). Unknown other members are ignored.
 */
enum sr_result http_body_json(struct http_body_scratch *scratch, struct sr_span body,
                              struct http_increment *ret_increment,
                              struct http_body_error *ret_error) SR_MUST_USE;

/* The same for `key=K&value=N`: value is an optional sign and decimal digits (a plus sign is
 * sent as %2B, for '+' is a space). `key` or `value` twice, malformed percent-encoding and
 * invalid UTF-8 anywhere are 400; the rest as above. */
enum sr_result http_body_form(struct http_body_scratch *scratch, struct sr_span body,
                              struct http_increment *ret_increment,
                              struct http_body_error *ret_error) SR_MUST_USE;

/* The value alone, for a body whose key is in the path; a member or field `key` is ignored. The
 * rest as above. */
enum sr_result http_body_json_value(struct http_body_scratch *scratch, struct sr_span body,
                                    int64_t *ret_value,
                                    struct http_body_error *ret_error) SR_MUST_USE;
enum sr_result http_body_form_value(struct sr_span body, int64_t *ret_value,
                                    struct http_body_error *ret_error) SR_MUST_USE;

/* Decodes a percent-encoded path segment into ret_key (SR_KEY_SIZE_MAX bytes, contents
 * undefined on failure) and checks that it is a key: 400 for malformed encoding or invalid
 * UTF-8, 422 for empty, too long or with NUL. '+' is a plus sign. */
enum sr_result http_path_key(struct sr_span segment, uint8_t *ret_key, size_t *ret_size,
                             struct http_body_error *ret_error) SR_MUST_USE;

#endif
