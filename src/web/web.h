/*
 * Files that the binary brings along and serves. Pure.
 */
#ifndef SR_WEB_WEB_H
#define SR_WEB_WEB_H

#include "base/span.h"

/* The OpenAPI description of the HTTP interface: src/web/openapi.yaml. */
struct sr_span web_openapi(void);

#endif
