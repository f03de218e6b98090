/*
 * The request field Prefer (RFC 7240), of which `return=minimal` is obeyed. Pure.
 */
#ifndef SR_SERVER_PREFER_H
#define SR_SERVER_PREFER_H

#include "base/span.h"

#include <stdbool.h>

/* True where the first `return` preference of the list is minimal. */
bool prefer_minimal(struct sr_span prefer);

#endif
