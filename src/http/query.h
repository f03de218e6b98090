/*
 * What follows the question mark of a target: name=value pairs joined by ampersands, and how a
 * client wants integers answered. Pure.
 */
#ifndef SR_HTTP_QUERY_H
#define SR_HTTP_QUERY_H

#include "http/body.h"

/* Cuts the next pair, still encoded, off the front; false at the end. A pair without '=' has an
 * empty value; empty pairs are passed over. */
bool http_query_next(struct sr_span *query, struct sr_span *ret_name,
                     struct sr_span *ret_value);

/*
 * Decodes a value, with '+' as a space, into ret_text (SR_KEY_SIZE_MAX bytes, contents
 * undefined on failure): 400 for malformed percent-encoding or invalid UTF-8, 422 for more than
 * SR_KEY_SIZE_MAX bytes and for U+0000; the message names the parameter.
 */
enum sr_result http_query_text(struct sr_span value, const char *name, uint8_t *ret_text,
                               size_t *ret_size, struct http_body_error *ret_error) SR_MUST_USE;

/*
 * Whether integers are to be answered as JSON strings, for clients whose numbers end at 2^53:
 * asked for by the parameter as=string (as=number is the default), or by an Accept of
 * application/json; int64=string. 422 for another value of `as`, and where it comes twice.
 */
enum sr_result http_query_integers(struct sr_span query, struct sr_span accept,
                                   bool *ret_as_text,
                                   struct http_body_error *ret_error) SR_MUST_USE;

#endif
