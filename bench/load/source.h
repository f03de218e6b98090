/*
 * Which requests come next: how many are left of a run, and the keys of each. One thread.
 */
#ifndef BENCH_LOAD_SOURCE_H
#define BENCH_LOAD_SOURCE_H

#include "load/connection.h"
#include "load/options.h"
#include "load/request.h"

#include <stdint.h>

struct load_source {
    const struct load_options *options;
    const struct load_request *request;
    uint64_t claimed;  /* requests handed out, repeats not counted */
    uint64_t next_key; /* of --sequential */
    uint64_t random;   /* state of splitmix64 */
};

/* Keeps both pointers; they outlive the source. */
void load_source_init(struct load_source *source, const struct load_options *options,
                      const struct load_request *request);

/* Writes the next burst into a connection's memory: first what it is to repeat, then new
 * requests up to the depth or the end of the run. Returns its requests, 0 when none are left.
 */
uint32_t load_source_fill(struct load_source *source, struct load_connection *c);

#endif
