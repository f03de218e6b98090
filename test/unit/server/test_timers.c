/*
 * Deadlines in lists.
 */
#include "support/unit.h"

#include "server/timers.h"

static const uint32_t timeouts_ms[TIMER_KIND_COUNT] = {[TIMER_IDLE] = 60,
                                                       [TIMER_HEADER] = 10,
                                                       [TIMER_BODY] = 20,
                                                       [TIMER_WRITE] = 30,
                                                       [TIMER_LINGER] = 2};

static void without_timers_there_is_no_next_deadline(void **state)
{
    struct timers timers;

    (void)state;
    timers_init(&timers, timeouts_ms);
    assert_true(timers_next_ms(&timers) == UINT64_MAX);
    assert_null(timers_take_expired(&timers, UINT64_MAX));
}

static void timers_of_all_kinds_expire_at_their_deadlines(void **state)
{
    struct timer items[TIMER_KIND_COUNT] = {0};
    struct timers timers;

    (void)state;
    timers_init(&timers, timeouts_ms);
    for (enum timer_kind kind = TIMER_IDLE; kind < TIMER_KIND_COUNT; kind++) {
        timers_set(&timers, &items[kind], kind, 1000);
    }
    assert_int_equal(timers_next_ms(&timers), 1002);
    assert_null(timers_take_expired(&timers, 1001));
    assert_ptr_equal(timers_take_expired(&timers, 1002), &items[TIMER_LINGER]);
    assert_null(timers_take_expired(&timers, 1009));
    assert_ptr_equal(timers_take_expired(&timers, 1010), &items[TIMER_HEADER]);
    assert_int_equal(items[TIMER_HEADER].kind, TIMER_HEADER);
    assert_int_equal(timers_next_ms(&timers), 1020);
}

static void a_timer_set_again_starts_anew_behind_the_others(void **state)
{
    struct timer a = {0};
    struct timer b = {0};
    struct timers timers;

    (void)state;
    timers_init(&timers, timeouts_ms);
    timers_set(&timers, &a, TIMER_IDLE, 0);
    timers_set(&timers, &b, TIMER_IDLE, 5);
    timers_set(&timers, &a, TIMER_IDLE, 10);
    assert_int_equal(timers_next_ms(&timers), 65);
    assert_ptr_equal(timers_take_expired(&timers, 100), &b);
    assert_ptr_equal(timers_take_expired(&timers, 100), &a);
    assert_null(timers_take_expired(&timers, 100));
}

static void a_timer_may_change_its_kind_and_stop(void **state)
{
    struct timer a = {0};
    struct timers timers;

    (void)state;
    timers_init(&timers, timeouts_ms);
    timers_set(&timers, &a, TIMER_NONE, 0); /* stopping what does not run is no harm */
    timers_set(&timers, &a, TIMER_IDLE, 0);
    timers_set(&timers, &a, TIMER_HEADER, 0);
    assert_int_equal(timers_next_ms(&timers), 10);
    timers_set(&timers, &a, TIMER_NONE, 0);
    assert_true(timers_next_ms(&timers) == UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_timers_there_is_no_next_deadline),
        cmocka_unit_test(timers_of_all_kinds_expire_at_their_deadlines),
        cmocka_unit_test(a_timer_set_again_starts_anew_behind_the_others),
        cmocka_unit_test(a_timer_may_change_its_kind_and_stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
