/*
 * Replies as bytes: status line, headers and body appended to a buffer in one go. Prepared
 * texts and an integer table; no formatted printing. Neither Date nor Server is sent. Pure.
 */
#ifndef SR_HTTP_REPLY_H
#define SR_HTTP_REPLY_H

#include "base/buffer.h"
#include "base/result.h"
#include "base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What all replies share. */
struct http_reply {
    uint16_t status;
    bool head;                 /* answer to HEAD: Content-Length as for GET, no body bytes */
    bool keep_alive;           /* false adds Connection: close */
    bool http_1_0;             /* with keep_alive adds Connection: keep-alive */
    bool no_length;            /* no Content-Length: 304, or a body without an end */
    bool text_integers;        /* values as strings, for who counts in doubles */
    const char *content_type;  /* NULL: application/json where there is a body */
    const char *extra_headers; /* NULL or whole lines, each ended by CRLF: "Allow: POST\r\n" */
    const char *more_headers;  /* the same, from another hand */
    size_t *ret_body_size;     /* NULL, or told how many bytes follow the head */
};

/* The most bytes a reply of http_reply_total, without extra headers or content type, can take
 * for a key of key_size bytes (all escaped). */
size_t http_reply_total_size_max(size_t key_size);

/* reply->status (200) {"data":{"key":K,"value":TOTAL}}. The usual path: one reserve, prepared
 * bytes. The key is escaped as RFC 8259 demands (\u00XX, \" and \\; the rest of UTF-8 raw).
 * Errors of sr_buffer_reserve, then nothing was appended; so with all of these. */
enum sr_result http_reply_total(struct sr_buffer *out, const struct http_reply *reply,
                                struct sr_span key, int64_t total) SR_MUST_USE;

/* reply->status (202) {"data":{"key":K,"value":null}}: counted, total unknown. */
enum sr_result http_reply_unknown_total(struct sr_buffer *out, const struct http_reply *reply,
                                        struct sr_span key) SR_MUST_USE;

/* {"data":{"key":K,"value":TOTAL,"synced":S}}; synced is null where synced_known is false. */
enum sr_result http_reply_counter(struct sr_buffer *out, const struct http_reply *reply,
                                  struct sr_span key, int64_t total, bool synced_known,
                                  int64_t synced) SR_MUST_USE;

/* {"error":{"message":...}} for 409, 422, 429, 503; {"errors":{"detail":...}} for all other
 * statuses. The message, UTF-8, is escaped. */
enum sr_result http_reply_error(struct sr_buffer *out, const struct http_reply *reply,
                                const char *message) SR_MUST_USE;

/* Any body. 204 has neither body nor Content-Length. */
enum sr_result http_reply_bytes(struct sr_buffer *out, const struct http_reply *reply,
                                struct sr_span body) SR_MUST_USE;

/* "HTTP/1.1 100 Continue\r\n\r\n" */
enum sr_result http_reply_continue(struct sr_buffer *out) SR_MUST_USE;

/* Reason phrase of a status the service sends; "Unknown" of any other. */
const char *http_reason(uint16_t status);

/* Writes value in decimal; returns the number of characters (at most 20, no NUL). */
size_t http_format_i64(int64_t value, char *ret_text);

/* Appends the JSON string of well-formed UTF-8 (with its quotes). */
enum sr_result http_json_string(struct sr_buffer *out, struct sr_span bytes) SR_MUST_USE;

#endif
