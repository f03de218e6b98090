/*
 * The PostgreSQL driver obeys the contract. Needs test/lib/with-postgres.
 */
#include "store/postgres_support.h"

int main(void)
{
    int failed;

    if (!postgres_open()) {
        return 1;
    }
    failed = contract_run(&postgres_target);
    postgres_close();
    return failed;
}
