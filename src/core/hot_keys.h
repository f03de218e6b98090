/*
 * Which keys are counted most, in bounded memory: the space-saving sketch of Metwally, Agrawal
 * and El Abbadi, "Efficient computation of frequent and top-k elements in data streams" (ICDT
 * 2005), with weights and with decay. Pure; one thread.
 *
 * Of each key it holds: count - error <= what was added of the key <= count. A key that it does
 * not hold was added at most least = total / capacity; so every key above that is held.
 */
#ifndef SR_CORE_HOT_KEYS_H
#define SR_CORE_HOT_KEYS_H

#include "base/result.h"
#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

struct hot_keys;

/* A key that is held. */
struct hot_key {
    struct sr_span key; /* borrowed until the sketch is changed */
    double count;       /* at least what was added of it */
    double error;       /* by how much that may be too much */
};

/* An empty sketch of at most `capacity` keys (1 to 32768); all its memory is taken here.
 * SR_NO_MEMORY. */
enum sr_result hot_keys_open(uint32_t capacity, struct hot_keys **ret_hot,
                             struct sr_err *err) SR_MUST_USE;

/* Accepts NULL and leaves NULL. */
void hot_keys_close(struct hot_keys **hot);

/* Adds weight (above 0) to a key of 1 to 512 bytes. hash is of the key, always the same one,
 * and should be one that strangers cannot foresee. Where the sketch is full and does not hold
 * the key, it takes the place of the least one and inherits its count, as error. */
void hot_keys_add(struct hot_keys *hot, struct sr_span key, uint64_t hash, double weight);

/* Multiplies everything by a factor (0 to 1), the total and the errors included: age. */
void hot_keys_scale(struct hot_keys *hot, double factor);

/* What was added in all, aged like the rest. */
double hot_keys_total(const struct hot_keys *hot);

/* Fills ret_top with the keys of the highest counts, descending; returns how many, at most
 * `limit`. */
uint32_t hot_keys_top(const struct hot_keys *hot, uint32_t limit, struct hot_key *ret_top);

/* Whether heap and index are in order: for tests. */
bool hot_keys_valid(const struct hot_keys *hot);

#endif
