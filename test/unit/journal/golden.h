/*
 * Golden files: data directories of on-disk version 1 as they were written once, kept in git,
 * and readable for ever. golden_write.c made them from the samples; test_golden.c reads them.
 *
 *   golden/1/<directory>/expected   what a start must find, one line each
 *   golden/1/<directory>/<file>     without the zeros behind its last block that holds
 * something
 */
#ifndef SR_TEST_JOURNAL_GOLDEN_H
#define SR_TEST_JOURNAL_GOLDEN_H

#include "core/record.h"
#include "sample_journal.h"

#define GOLDEN_TOKEN_RECORDS 3U

/* A record with a token part as golden/1/tokens holds it. */
struct golden_token {
    enum record_kind kind;
    uint64_t epoch;
    int64_t value;
    const char *key, *token; /* token NULL: none */
    uint8_t answer_kind;
    uint16_t status;
    uint32_t records;
    int64_t totals[2];
};

/* A batch of two under one token, the second without one of its own; one whose totals were not
 * known. */
static const struct golden_token golden_tokens[GOLDEN_TOKEN_RECORDS] = {
    {.kind = RECORD_ADD,
     .epoch = 1,
     .value = 5,
     .key = "first",
     .token = "order-4711",
     .answer_kind = RECORD_ANSWER_TOTALS,
     .status = 200,
     .records = 1,
     .totals = {5, -7}},
    {.kind = RECORD_ADD, .epoch = 1, .value = -7, .key = "second"},
    {.kind = RECORD_ADD,
     .epoch = 1,
     .value = 1,
     .key = "third",
     .token = "\x01token of any bytes\xff",
     .answer_kind = RECORD_ANSWER_UNKNOWN,
     .status = 202},
};

/* Every request hash in golden/1/tokens is 0, 1, ... 31. */
static inline void golden_request_hash(uint8_t hash[RECORD_REQUEST_HASH_SIZE])
{
    for (unsigned i = 0; i < RECORD_REQUEST_HASH_SIZE; i++) {
        hash[i] = (uint8_t)i;
    }
}

#endif
