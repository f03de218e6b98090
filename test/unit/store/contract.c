/*
 * Runs the contract's tests on a driver.
 */
#include "store/contract.h"

#include "store/contract_support.h"

#include "base/check.h"

#include <string.h>

#define TESTS_MAX 120

static int empty_database(void **state)
{
    const struct contract_target *target = *state;

    target->reset(target->context);
    return 0;
}

static size_t gather(struct CMUnitTest *tests, size_t count, const struct CMUnitTest *from,
                     size_t from_count)
{
    SR_CHECK(count + from_count <= TESTS_MAX);
    memcpy(tests + count, from, from_count * sizeof(*from));
    return count + from_count;
}

int contract_run(const struct contract_target *target, const struct contract_tests *own)
{
    static struct CMUnitTest tests[TESTS_MAX];
    static struct contract_target state;
    size_t count = gather(tests, 0, contract_claim_tests, contract_claim_tests_count);

    count = gather(tests, count, contract_apply_tests, contract_apply_tests_count);
    count = gather(tests, count, contract_refused_tests, contract_refused_tests_count);
    count = gather(tests, count, contract_operator_tests, contract_operator_tests_count);
    count = gather(tests, count, contract_requests_tests, contract_requests_tests_count);
    count = gather(tests, count, contract_read_tests, contract_read_tests_count);
    state = *target;
    for (size_t i = 0; i < count; i++) {
        tests[i].setup_func = empty_database;
        tests[i].initial_state = &state;
    }
    for (; own->tests != NULL; own++) {
        count = gather(tests, count, own->tests, own->count);
    }
    return _cmocka_run_group_tests(target->name, tests, count, NULL, NULL);
}
