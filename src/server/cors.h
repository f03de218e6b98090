/*
 * Pages of other origins that may read our answers (Fetch standard, CORS protocol): an explicit
 * list, and what answers to their browsers say.
 */
#ifndef SR_SERVER_CORS_H
#define SR_SERVER_CORS_H

#include "base/result.h"
#include "base/span.h"

#include <stdbool.h>

#define CORS_ORIGIN_MAX 128 /* bytes of an origin */
#define CORS_LINES_MAX 640  /* bytes of what cors_lines tells, its NUL included */

/* Checks a comma list of origins such as https://app.example:8443. SR_INVALID: names the one
 * that is none; "*" and "null" are none. */
enum sr_result cors_check(const char *origins, struct sr_err *err) SR_MUST_USE;

/* The header lines for an answer to a request with this Origin (data NULL: without one), as one
 * text; `preflight`: it is OPTIONS. origins is a list that cors_check took. */
void cors_lines(const char *origins, struct sr_span origin, bool preflight,
                char ret_lines[CORS_LINES_MAX]);

#endif
