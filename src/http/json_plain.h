/*
 * The usual body of POST /increment, read without a document. Pure.
 */
#ifndef SR_HTTP_JSON_PLAIN_H
#define SR_HTTP_JSON_PLAIN_H

#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * True where the body is {"key":"K","value":N} with, at most, one space behind each colon and
 * the comma, K 1 to SR_KEY_SIZE_MAX bytes of printable ASCII without quote and backslash, N an
 * integer of at most 18 digits. *ret_key then lies in the body. False says nothing: the body is
 * to be read in full.
 */
bool http_json_plain(struct sr_span body, struct sr_span *ret_key, int64_t *ret_value);

/* The key of such an object at the front of text, whatever comes behind it; false where there
 * is none. */
bool http_json_plain_key(struct sr_span text, struct sr_span *ret_key);

/* The same for such an object at the front of text: its size, 0 where there is none. */
size_t http_json_plain_front(struct sr_span text, struct sr_span *ret_key, int64_t *ret_value);

#endif
