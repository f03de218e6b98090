/*
 * What requests are found by in logs: X-Request-Id, and the trace they belong to (W3C Trace
 * Context). Both come from strangers: only what cannot be mistaken for anything else is taken.
 */
#ifndef SR_SERVER_REQUEST_ID_H
#define SR_SERVER_REQUEST_ID_H

#include "base/siphash.h"
#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

#define REQUEST_ID_SIZE_MAX 128
#define REQUEST_ID_DRAWN_SIZE 32 /* hexadecimal digits */

/* 1 to REQUEST_ID_SIZE_MAX letters, digits and any of -._:/+=~@ */
bool request_id_sane(struct sr_span id);

/* Ids that nobody can guess and that differ: a keyed hash of a number that goes up. */
struct request_ids {
    struct sr_siphash_key key; /* random per worker */
    uint64_t drawn;
};

void request_id_draw(struct request_ids *ids, char ret_id[REQUEST_ID_DRAWN_SIZE + 1]);

#define TRACE_ID_SIZE 32
#define TRACE_PARENT_SIZE 16

/* The trace and the caller's span within it, as hexadecimal digits. */
struct trace {
    char id[TRACE_ID_SIZE + 1];
    char parent[TRACE_PARENT_SIZE + 1];
};

/* Reads a traceparent; false where it is none (then a trace is as if it had not been sent). */
bool trace_parse(struct sr_span traceparent, struct trace *ret_trace);

#endif
