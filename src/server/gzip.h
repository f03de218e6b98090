/*
 * Bytes packed by zlib, for answers that are made anew each time.
 */
#ifndef SR_SERVER_GZIP_H
#define SR_SERVER_GZIP_H

#include "base/buffer.h"
#include "base/span.h"

/* Appends a gzip member (RFC 1952) of all the bytes, packed quickly rather than small. Errors
 * of the buffer; SR_NO_MEMORY. */
enum sr_result gzip_append(struct sr_buffer *out, struct sr_span bytes) SR_MUST_USE;

#endif
