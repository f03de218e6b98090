/*
 * The parts of test_postgres.c.
 */
#ifndef SR_TEST_STORE_TEST_POSTGRES_H
#define SR_TEST_STORE_TEST_POSTGRES_H

#include "store/contract.h"

extern const struct contract_tests test_postgres_connect;
extern const struct contract_tests test_postgres_apply;
extern const struct contract_tests test_postgres_outage;
extern const struct contract_tests test_postgres_cut;
extern const struct contract_tests test_postgres_query;

#endif
