/*
 * What a request for a file says about the copy that it wants: coded how, and which one its
 * sender has already. Pure.
 */
#ifndef SR_HTTP_CACHED_H
#define SR_HTTP_CACHED_H

#include "base/span.h"

#include <stdbool.h>

/* Whether an Accept-Encoding value names gzip, and not with q=0 (RFC 9110 section 12.5.3). An
 * absent one, and a wildcard, get what every client can show. */
bool http_accepts_gzip(struct sr_span accept_encoding);

/* Whether an If-None-Match value holds the entity tag (with its quotes), or is the one that
 * every tag matches; the weak comparison of RFC 9110 section 8.8.3.2. */
bool http_matches_etag(struct sr_span if_none_match, const char *etag);

#endif
