/*
 * The request target (RFC 9112 section 3.2): origin-form, absolute-form and "*". Pure.
 */
#ifndef SR_HTTP_TARGET_H
#define SR_HTTP_TARGET_H

#include "base/span.h"

#include <stdbool.h>

/* The parts of a target; spans into it, or a static "/" where an absolute-form has no path. */
struct http_target {
    struct sr_span path;  /* starts with '/', or is "*" */
    struct sr_span query; /* without '?', empty where there is none */
};

/*
 * Splits a target. False where it is none of the three forms, holds bytes that no URI has
 * (controls, spaces, non-ASCII, a fragment), or an absolute-form's authority is not a host.
 */
bool http_target_split(struct sr_span target, struct http_target *ret_parts);

#endif
