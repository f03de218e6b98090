/*
 * How changes of a key within an epoch become one.
 */
#include "core/change.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct sr_change change(enum sr_change_kind kind, uint32_t generation, int64_t value)
{
    return (struct sr_change){.key = sr_span_text("k"),
                              .value = value,
                              .generation = generation,
                              .kind = kind};
}

static struct sr_change merged(struct sr_change a, struct sr_change b)
{
    sr_change_merge(&a, &b);
    return a;
}

static void assert_same(struct sr_change a, struct sr_change b)
{
    assert_int_equal(a.kind, b.kind);
    assert_int_equal(a.generation, b.generation);
    assert_true(a.value == b.value);
}

static void adds_of_a_generation_are_summed(void **state)
{
    (void)state;
    assert_same(merged(change(SR_CHANGE_ADD, 0, 5), change(SR_CHANGE_ADD, 0, -7)),
                change(SR_CHANGE_ADD, 0, -2));
}

static void sums_may_leave_64_bits_on_their_way(void **state)
{
    struct sr_change sum =
        merged(change(SR_CHANGE_ADD, 0, INT64_MAX), change(SR_CHANGE_ADD, 0, INT64_MAX));

    (void)state;
    assert_true(sum.value == (sr_wide)INT64_MAX * 2);
    sum = merged(sum, change(SR_CHANGE_ADD, 0, INT64_MIN));
    assert_true(sum.value == INT64_MAX - 1);
}

static void an_add_over_a_set_adds_to_its_value(void **state)
{
    (void)state;
    assert_same(merged(change(SR_CHANGE_SET, 1, 100), change(SR_CHANGE_ADD, 1, 3)),
                change(SR_CHANGE_SET, 1, 103));
    assert_same(merged(change(SR_CHANGE_ADD, 1, 3), change(SR_CHANGE_SET, 1, 100)),
                change(SR_CHANGE_SET, 1, 103));
}

static void an_add_over_a_delete_starts_from_zero(void **state)
{
    (void)state;
    assert_same(merged(change(SR_CHANGE_DELETE, 2, 0), change(SR_CHANGE_ADD, 2, 3)),
                change(SR_CHANGE_SET, 2, 3));
    /* Even an add of 0 brings the row back. */
    assert_same(merged(change(SR_CHANGE_DELETE, 2, 0), change(SR_CHANGE_ADD, 2, 0)),
                change(SR_CHANGE_SET, 2, 0));
}

static void the_higher_generation_wins_alone_in_either_order(void **state)
{
    struct sr_change old = change(SR_CHANGE_ADD, 0, 1000);
    struct sr_change set = change(SR_CHANGE_SET, 1, 5);
    struct sr_change gone = change(SR_CHANGE_DELETE, 2, 0);

    (void)state;
    assert_same(merged(old, set), set);
    assert_same(merged(set, old), set);
    assert_same(merged(set, gone), gone);
    assert_same(merged(gone, set), gone);
    assert_same(merged(set, change(SR_CHANGE_ADD, UINT32_MAX, 1)),
                change(SR_CHANGE_ADD, UINT32_MAX, 1));
}

static void the_key_stays(void **state)
{
    struct sr_change into = change(SR_CHANGE_ADD, 0, 1);
    struct sr_change later = change(SR_CHANGE_SET, 1, 1);
    const uint8_t *data = into.key.data;
    char other[] = "k";

    (void)state;
    later.key = sr_span_text(other);
    sr_change_merge(&into, &later);
    assert_ptr_equal(into.key.data, data);
}

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static struct sr_change random_change(uint64_t *seed)
{
    static const int64_t values[] = {INT64_MIN, -3, -1, 0, 1, 2, 1000, INT64_MAX};
    enum sr_change_kind kind = (enum sr_change_kind)(1 + next_random(seed) % 3);
    int64_t value = kind == SR_CHANGE_DELETE ? 0 : values[next_random(seed) % 8];

    return change(kind, (uint32_t)(next_random(seed) % 3), value);
}

static void merging_is_commutative_and_associative(void **state)
{
    uint64_t seed = 42;

    (void)state;
    for (int i = 0; i < 200000; i++) {
        struct sr_change a = random_change(&seed);
        struct sr_change b = random_change(&seed);
        struct sr_change c = random_change(&seed);

        assert_same(merged(a, b), merged(b, a));
        assert_same(merged(merged(a, b), c), merged(a, merged(b, c)));
    }
}

/* What happens to a key, in order, gives the same as any order of its records. */
static void any_order_of_records_gives_what_happened(void **state)
{
    uint64_t seed = 7;

    (void)state;
    for (int round = 0; round < 20000; round++) {
        struct sr_change records[6];
        struct sr_change happened = change(SR_CHANGE_ADD, 0, 0);
        struct sr_change replayed;
        uint32_t generation = 0;

        for (int i = 0; i < 6; i++) {
            enum sr_change_kind kind = (enum sr_change_kind)(1 + next_random(&seed) % 3);
            int64_t value =
                kind == SR_CHANGE_DELETE ? 0 : (int64_t)(next_random(&seed) % 100) - 50;

            generation += kind != SR_CHANGE_ADD;
            records[i] = change(kind, generation, value);
            if (kind != SR_CHANGE_ADD) {
                happened = records[i];
            } else {
                happened.value += value;
                happened.kind = happened.kind == SR_CHANGE_ADD ? SR_CHANGE_ADD : SR_CHANGE_SET;
            }
        }
        for (int i = 5; i > 0; i--) {
            uint64_t other = next_random(&seed) % (uint64_t)(i + 1);
            struct sr_change swap = records[i];

            records[i] = records[other];
            records[other] = swap;
        }
        replayed = records[0];
        for (int i = 1; i < 6; i++) {
            sr_change_merge(&replayed, &records[i]);
        }
        assert_same(replayed, happened);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adds_of_a_generation_are_summed),
        cmocka_unit_test(sums_may_leave_64_bits_on_their_way),
        cmocka_unit_test(an_add_over_a_set_adds_to_its_value),
        cmocka_unit_test(an_add_over_a_delete_starts_from_zero),
        cmocka_unit_test(the_higher_generation_wins_alone_in_either_order),
        cmocka_unit_test(the_key_stays),
        cmocka_unit_test(merging_is_commutative_and_associative),
        cmocka_unit_test(any_order_of_records_gives_what_happened),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
