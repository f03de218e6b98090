/*
 * What the table costs: bytes a key, as it counts them and as the kernel does; and that the
 * bound on memory holds whatever sizes of keys come one after the other.
 */
#include "keys.h"
#include "support/sanitized.h"
#include "table.h"

#include <stdio.h>
#include <unistd.h>

#define KEYS (SANITIZED ? 200000U : 1000000U)
#define INSERTS (SANITIZED ? 500000U : 5000000U)

static size_t resident_bytes(void)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    assert_non_null(file);
    assert_int_equal(fscanf(file, "%*u %lu", &pages), 1);
    (void)fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* DESIGN section 6: at most 64 bytes a key beside the key's own, all of them touched. */
static void a_key_costs_at_most_64_bytes_beside_its_own(void **state)
{
    const size_t key_size = 20;
    struct table t;
    size_t before;
    double counted;
    double resident;

    (void)state;
    table_init(&t, (size_t)1 << 30, 0);
    before = resident_bytes();
    t.turn.may_wait = false;
    for (uint64_t i = 0; i < KEYS; i++) {
        assert_int_equal(add_numbered(&t, i, key_size, 1), COUNTERS_DONE_UNKNOWN);
    }
    resident = (double)(resident_bytes() - before) / KEYS - (double)key_size;
    counted = (double)table_stats(&t).memory_bytes / KEYS - (double)key_size;
    print_message(
        "# %u keys of %zu bytes: %.1f bytes beside each by our count, %.1f resident\n", KEYS,
        key_size, counted, resident);
    assert_int_equal(table_stats(&t).dirty[TABLE_EPOCH & 1], KEYS);
    assert_true(counted <= 64);
    assert_true(SANITIZED || resident <= 64);
    /* Our count is what the kernel says, or a little more. */
    assert_true(SANITIZED || (resident > counted - 4 && resident < counted + 2));
    table_done(&t);
}

/* Flushes and returns the sum of what was counted. */
static int64_t flush_sum(struct table *t)
{
    struct counters_sealed sealed;
    int64_t sum = 0;

    table_tick(t);
    table_next_turn(t);
    sealed = table_collect(t);
    for (size_t i = 0; i < sealed.count; i++) {
        struct sr_change change;

        counters_sealed_change(t->counters, &sealed, i, &change);
        sum += (int64_t)change.value;
    }
    table_complete(t, &sealed, NULL);
    return sum;
}

static void the_bound_holds_while_the_sizes_of_keys_change(void **state)
{
    const size_t memory = (size_t)32 << 20;
    struct table t;
    size_t before;
    size_t most = 0;
    unsigned flushes = 0;
    int64_t sum = 0;

    (void)state;
    table_init(&t, memory, 0);
    before = resident_bytes();
    t.turn.may_wait = false;
    for (uint64_t i = 0; i < INSERTS; i++) {
        /* Runs of like sizes, and now and then a mixture. */
        size_t size = 8 + (i >> 15) * 97 % 300 + (i >> 19) % 2 * (i % 200);

        if (add_numbered(&t, i, size, 1) == COUNTERS_TABLE_FULL) {
            size_t resident = resident_bytes() - before;

            most = resident > most ? resident : most;
            assert_true(table_stats(&t).memory_bytes <= memory);
            sum += flush_sum(&t);
            flushes++;
            assert_int_equal(add_numbered(&t, i, size, 1), COUNTERS_DONE_UNKNOWN);
        }
    }
    sum += flush_sum(&t);
    print_message("# %u keys of changing sizes within %zu MiB: %u flushes, %.1f MiB resident\n",
                  INSERTS, memory >> 20, flushes, (double)most / (1 << 20));
    assert_true(sum == (int64_t)INSERTS);
    assert_true(SANITIZED || most <= memory + (1U << 20));
    assert_true(counters_valid(t.counters));
    table_done(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_costs_at_most_64_bytes_beside_its_own),
        cmocka_unit_test(the_bound_holds_while_the_sizes_of_keys_change),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
