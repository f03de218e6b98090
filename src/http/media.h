/*
 * Header values the service decides by: media types and Accept. Pure.
 */
#ifndef SR_HTTP_MEDIA_H
#define SR_HTTP_MEDIA_H

#include "base/span.h"

#include <stdbool.h>

enum http_media {
    HTTP_MEDIA_ABSENT, /* no Content-Type, or an empty one */
    HTTP_MEDIA_JSON,   /* application/json */
    HTTP_MEDIA_FORM,   /* application/x-www-form-urlencoded */
    HTTP_MEDIA_NDJSON, /* application/x-ndjson */
    HTTP_MEDIA_OTHER   /* another type, malformed, or in a charset other than UTF-8 */
};

/* Content-Type: compared without case, parameters allowed (RFC 9110 section 8.3.1). */
enum http_media http_media_type(struct sr_span content_type);

/* Whether an Accept value takes the given type ("application", "json", lower case): RFC 9110
 * section 12.5.1 with q=0, wildcards, the most specific range wins. Absent or empty accepts
 * everything; a malformed range is passed over. */
bool http_accepts(struct sr_span accept, const char *type, const char *subtype);

/* Whether an Accept value names application/json with the given parameter (name and value
 * compared without case), and not with q=0. */
bool http_accepts_parameter(struct sr_span accept, const char *name, const char *value);

#endif
