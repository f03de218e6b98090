/*
 * Files that the binary brings along and serves. Pure.
 */
#ifndef SR_WEB_WEB_H
#define SR_WEB_WEB_H

#include "base/span.h"

/* The OpenAPI description of the HTTP interface: src/web/openapi.yaml. */
struct sr_span web_openapi(void);

/* A file of the dashboard. */
struct web_file {
    const char *name; /* "" of the page itself */
    const char *type; /* for Content-Type */
    const char *hash; /* of its bytes: hexadecimal */
    struct sr_span plain, gzip;
};

/* NULL where there is none of that name. */
const struct web_file *web_file(struct sr_span name);

#endif
