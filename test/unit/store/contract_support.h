/*
 * What the contract's tests are written with: sources, a recording sink, shorthands for calls
 * that must succeed.
 */
#ifndef SR_TEST_STORE_CONTRACT_SUPPORT_H
#define SR_TEST_STORE_CONTRACT_SUPPORT_H

#include "store/contract.h"

/* cmocka needs these before it */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define CONTRACT_KEYS_VALID 16384

/* Changes from an array or made by number; forgets keys as soon as it may. */
struct contract_source {
    struct store_source source; /* its context is this */
    const struct sr_change *changes;
    struct sr_change (*make)(uint64_t index, char *key_space); /* where changes is NULL */
    uint64_t count;
    uint64_t fail_at; /* this change is an error instead; UINT64_MAX: none */
    uint64_t at;
    uint64_t rewinds;
    char (*keys)[SR_KEY_SIZE_MAX + 1]; /* ring of CONTRACT_KEYS_VALID */
};

/* Records the outcomes of one apply; owned memory. */
struct contract_sink {
    struct store_sink sink; /* its context is this */
    struct store_outcome *outcomes;
    uint64_t count, room;
    uint64_t restarts;
};

/* A connection of an instance that has claimed, and the epoch its row is at. */
struct contract_writer {
    const struct contract_target *target;
    struct sr_uuid instance, owner;
    struct store *store;
    uint64_t epoch;
    struct sr_err err; /* of the last call */
};

struct sr_uuid contract_uuid(uint8_t number);
struct sr_change contract_change(enum sr_change_kind kind, const char *key, int64_t value);

void contract_source_init(struct contract_source *source, const struct sr_change *changes,
                          uint64_t count);
void contract_source_make(struct contract_source *source, uint64_t count,
                          struct sr_change (*make)(uint64_t index, char *key_space));
void contract_source_done(struct contract_source *source);
void contract_sink_init(struct contract_sink *sink);
void contract_sink_done(struct contract_sink *sink);

/* Opens a store, and claims with insert_row. */
void contract_writer_open(struct contract_writer *writer, const struct contract_target *target,
                          uint8_t instance);
void contract_writer_close(struct contract_writer *writer);

/* Applies the next epoch; on SR_OK the writer's epoch goes on. */
enum sr_result contract_apply(struct contract_writer *writer, struct contract_source *source,
                              struct contract_sink *sink);

/* Applies an array that must succeed; outcomes may be NULL, else has room for count. */
void contract_apply_all(struct contract_writer *writer, const struct sr_change *changes,
                        uint64_t count, struct store_outcome *ret_outcomes);

/* Loads one key and checks the epoch; the row must exist, or not. */
void contract_assert_value(struct contract_writer *writer, const char *key, int64_t value);
void contract_assert_absent(struct contract_writer *writer, const char *key);

/* A claim with n tokens numbered as given; the first is fresh. */
enum sr_result contract_claim(struct store *store, const uint8_t *tokens, size_t count,
                              bool insert_row, uint64_t *ret_epoch, struct sr_err *err);

#define CONTRACT_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The tests, one list per file; each gets the target as its initial state. */
extern const struct CMUnitTest contract_claim_tests[];
extern const size_t contract_claim_tests_count;
extern const struct CMUnitTest contract_apply_tests[];
extern const size_t contract_apply_tests_count;
extern const struct CMUnitTest contract_refused_tests[];
extern const size_t contract_refused_tests_count;
extern const struct CMUnitTest contract_operator_tests[];
extern const size_t contract_operator_tests_count;
extern const struct CMUnitTest contract_requests_tests[];
extern const size_t contract_requests_tests_count;
extern const struct CMUnitTest contract_read_tests[];
extern const size_t contract_read_tests_count;

#endif
