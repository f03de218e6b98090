/*
 * Requests as bytes: built once, after which only the digits of the keys change. Every request
 * of a run has the same size, so Content-Length never changes. Pure.
 */
#ifndef BENCH_LOAD_REQUEST_H
#define BENCH_LOAD_REQUEST_H

#include "base/result.h"
#include "load/options.h"

#include <stddef.h>
#include <stdint.h>

/*
 *   POST /increment ... {"key":"bench-key-0000000000","value":1}
 *   |                              digits_at ^               |
 *   |------------------------ size --------------------------|
 *   The next item's digits of a batch stand item_stride bytes further on.
 */
struct load_request {
    char *bytes;        /* owned */
    size_t size;        /* bytes of one request */
    size_t digits_at;   /* offset of the first item's digits */
    size_t item_stride; /* bytes from one item's digits to the next one's */
    size_t items;       /* items of one request */
    uint32_t first_key; /* the number in a key is this and its index */
};

/* Builds the request that the options describe, all items for the key of index 0.
 * SR_NO_MEMORY, SR_FULL. */
enum sr_result load_request_init(struct load_request *request,
                                 const struct load_options *options,
                                 struct sr_err *err) SR_MUST_USE;

/* Frees the memory. */
void load_request_done(struct load_request *request);

/* Makes `bytes`, a copy of the request, the one for the keys of request->items indexes. */
void load_request_set_keys(const struct load_request *request, const uint32_t *indexes,
                           char *bytes);

#endif
