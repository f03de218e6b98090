/*
 * SipHash-1-3: the keyed hash of the counter table, so that strangers cannot choose keys that
 * collide. Aumasson and Bernstein, "SipHash: a fast short-input PRF" (2012); the 1-3 variant
 * as in the Rust and Ruby standard libraries. Pure.
 */
#ifndef SR_BASE_SIPHASH_H
#define SR_BASE_SIPHASH_H

#include "base/span.h"

#include <stdint.h>

struct sr_siphash_key {
    uint64_t k0, k1; /* random per process */
};

uint64_t sr_siphash13(const struct sr_siphash_key *key, struct sr_span bytes);

#endif
