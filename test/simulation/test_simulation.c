/*
 * The short form of the simulation: fresh-looking seeds, and those that found a bug once. A
 * violation ends the program with its seed.
 */
#include "support/unit.h"
#include "world.h"

#include <stdlib.h>

static void run(uint64_t first, uint64_t count, int64_t *ret_acknowledged,
                uint64_t *ret_crashes)
{
    struct world *w = malloc(sizeof(*w));

    *ret_acknowledged = 0;
    *ret_crashes = 0;
    for (uint64_t seed = first; seed < first + count; seed++) {
        world_history(seed, w);
        *ret_crashes += w->crashes;
        for (int key = 0; key < KEYS; key++) {
            *ret_acknowledged += w->judge.acknowledged[key];
        }
    }
    free(w);
}

static void three_hundred_histories_lose_nothing_and_double_nothing(void **state)
{
    int64_t acknowledged;
    uint64_t crashes;

    (void)state;
    run(1, 300, &acknowledged, &crashes);
    /* A history that acknowledges or crashes nothing would prove nothing. */
    assert_true(acknowledged > 100000);
    assert_true(crashes > 1000);
}

static void seeds_that_found_a_bug_stay_clean(void **state)
{
    static const uint64_t seeds[] = {2, 9, 860, 1158, 1255};
    int64_t acknowledged;
    uint64_t crashes;

    (void)state;
    for (size_t i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++) {
        run(seeds[i], 1, &acknowledged, &crashes);
        assert_true(acknowledged > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_hundred_histories_lose_nothing_and_double_nothing),
        cmocka_unit_test(seeds_that_found_a_bug_stay_clean),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
