/*
 * The PostgreSQL driver: the contract, and what is PostgreSQL's own. Needs
 * test/lib/with-postgres.
 */
#include "store/test_postgres.h"

#include "store/postgres_support.h"

int main(void)
{
    const struct contract_tests own[] = {test_postgres_connect, test_postgres_apply,
                                         test_postgres_outage,  test_postgres_cut,
                                         test_postgres_query,   {NULL, 0}};
    int failed;

    if (!postgres_open()) {
        return 1;
    }
    failed = contract_run(&postgres_target, own);
    postgres_close();
    return failed;
}
