/*
 * What bytes that were received ask for, most likely: a guess for those who want to have it at
 * hand when the request is read. Pure.
 */
#ifndef SR_HTTP_GUESS_H
#define SR_HTTP_GUESS_H

#include "base/span.h"

#include <stdbool.h>

/* The key of a usual increment at the end of what was received; *ret_key lies in it. False: no
 * idea. Says nothing about whether the request is well-formed. */
bool http_guess_key(struct sr_span received, struct sr_span *ret_key);

#endif
