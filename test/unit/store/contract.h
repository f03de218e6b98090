/*
 * The contract of store/store.h as tests, run on every driver: test_store_sqlite.c,
 * test_store_postgres.c, test_fake.c.
 */
#ifndef SR_TEST_STORE_CONTRACT_H
#define SR_TEST_STORE_CONTRACT_H

#include "store/store.h"

#include <stdbool.h>
#include <stddef.h>

/* A row of counter_refused. */
struct contract_refused {
    char key[SR_KEY_SIZE_MAX + 1]; /* with a NUL behind */
    int64_t epoch, delta;
    bool is_set;
    char sqlstate[6];
};

/* What a driver's test gives: how to reach its database, and behind the driver's back. */
struct contract_target {
    const char *name;
    void *context;
    /* Makes the database empty: without tables. */
    void (*reset)(void *context);
    /* A connection of an instance; the test closes it. */
    struct store *(*open)(void *context, const struct sr_uuid *instance);
    /* The first `max` refused rows by key, and how many there are. */
    size_t (*refused)(void *context, struct contract_refused *ret_rows, size_t max);
    /* Lets the window of all requests with a token pass. */
    void (*age_requests)(void *context);
    /* Ends all connections as a server's restart does; NULL where there are none to end. */
    void (*cut)(void *context);
};

struct CMUnitTest;

/* A driver's own tests, run after the contract's in the same group. */
struct contract_tests {
    const struct CMUnitTest *tests;
    size_t count;
};

/* Runs all tests; `own` ends with a list without tests. Returns the number that failed. */
int contract_run(const struct contract_target *target, const struct contract_tests *own);

#endif
