/*
 * The parts of test_sqlite.c.
 */
#ifndef SR_TEST_STORE_TEST_SQLITE_H
#define SR_TEST_STORE_TEST_SQLITE_H

#include "store/contract.h"

extern const struct contract_tests test_sqlite_others;

#endif
