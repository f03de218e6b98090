/*
 * Names and values of header fields that decide how a request is read: which field it is,
 * whether a Host is one, what a Transfer-Encoding asks for. Pure.
 */
#ifndef SR_HTTP_FIELD_H
#define SR_HTTP_FIELD_H

#include "base/span.h"
#include "http/parser.h"

#include <stdbool.h>

/* Beside those of enum http_field: what only the parser looks at, and all others. */
#define HTTP_FIELD_TRANSFER_ENCODING (HTTP_FIELD_COUNT)
#define HTTP_FIELD_CONTENT_LENGTH (HTTP_FIELD_COUNT + 1)
#define HTTP_FIELD_UNKNOWN (HTTP_FIELD_COUNT + 2)

/* The field of that name, compared without case: an enum http_field or one of those above. */
unsigned http_field_of(struct sr_span name);

/* True where text is `lower` (all lower case) without regard to the case of ASCII letters. */
bool http_same_text(struct sr_span text, const char *lower);

/* The span without spaces and tabs at its ends (RFC 9110 section 5.6.3, OWS). */
struct sr_span http_trimmed(struct sr_span text);

/* Cuts what stands before the first `end`, or everything, off the front of *text, and `end`
 * too.
 */
struct sr_span http_cut(struct sr_span *text, uint8_t end);

/* True for the bytes a method or field name is made of (RFC 9110 section 5.6.2, tchar). */
bool http_is_token_byte(uint8_t byte);

/* True for uri-host [ ":" port ] (RFC 9110 section 7.2) with a host that is not empty. */
bool http_host_valid(struct sr_span host);

enum http_coding {
    HTTP_CODING_CHUNKED, /* exactly "chunked" */
    HTTP_CODING_UNKNOWN, /* a list with a coding that is not offered */
    HTTP_CODING_BAD      /* not a list of codings, chunked with something around it, or twice */
};

/* What a Transfer-Encoding value, not trimmed, asks for. */
enum http_coding http_transfer_coding(struct sr_span value);

#endif
