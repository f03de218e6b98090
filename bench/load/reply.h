/*
 * Replies out of bytes: as much of HTTP/1.1 as is needed to find a reply's status and end.
 * Only replies with Content-Length (or without a body) are understood. Pure.
 */
#ifndef BENCH_LOAD_REPLY_H
#define BENCH_LOAD_REPLY_H

#include "base/result.h"

#include <stddef.h>

#define LOAD_STATUS_MAX 600U

struct load_reply_head {
    unsigned status;  /* 100 to LOAD_STATUS_MAX - 1 */
    size_t size;      /* bytes of the head with its empty line */
    size_t body_size; /* bytes that follow it */
};

/* Reads one head. SR_AGAIN: not all there yet; SR_INVALID: not a reply as above. */
enum sr_result load_reply_read(const char *data, size_t size,
                               struct load_reply_head *ret_head) SR_MUST_USE;

#endif
