/*
 * Waits with a deadline of the monotonic clock.
 */
#include "support/unit.h"

#include "base/clock.h"
#include "base/condition.h"

#define FAR_MS 60000

struct shared {
    pthread_mutex_t lock;
    pthread_cond_t condition;
    bool told;
};

static void *tell(void *argument)
{
    struct shared *shared = argument;

    assert_int_equal(pthread_mutex_lock(&shared->lock), 0);
    shared->told = true;
    assert_int_equal(pthread_cond_signal(&shared->condition), 0);
    assert_int_equal(pthread_mutex_unlock(&shared->lock), 0);
    return NULL;
}

static void prepare(struct shared *shared)
{
    shared->told = false;
    assert_int_equal(pthread_mutex_init(&shared->lock, NULL), 0);
    sr_condition_init(&shared->condition);
    assert_int_equal(pthread_mutex_lock(&shared->lock), 0);
}

static void done(struct shared *shared)
{
    assert_int_equal(pthread_mutex_unlock(&shared->lock), 0);
    assert_int_equal(pthread_cond_destroy(&shared->condition), 0);
    assert_int_equal(pthread_mutex_destroy(&shared->lock), 0);
}

static void a_wait_ends_at_its_deadline_and_not_before(void **state)
{
    uint64_t deadline_ms = sr_clock_monotonic_ms() + 20;
    struct shared shared;

    (void)state;
    prepare(&shared);
    while (sr_condition_wait_until(&shared.condition, &shared.lock, deadline_ms)) {
        assert_true(sr_clock_monotonic_ms() < deadline_ms + FAR_MS);
    }
    assert_true(sr_clock_monotonic_ms() >= deadline_ms);
    done(&shared);
}

static void a_deadline_that_has_passed_is_not_waited_for(void **state)
{
    struct shared shared;

    (void)state;
    prepare(&shared);
    assert_false(sr_condition_wait_until(&shared.condition, &shared.lock, 0));
    done(&shared);
}

static void a_signal_ends_the_wait(void **state)
{
    uint64_t deadline_ms = sr_clock_monotonic_ms() + FAR_MS;
    struct shared shared;
    pthread_t thread;

    (void)state;
    prepare(&shared);
    assert_int_equal(pthread_create(&thread, NULL, tell, &shared), 0);
    while (!shared.told) {
        assert_true(sr_condition_wait_until(&shared.condition, &shared.lock, deadline_ms));
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    done(&shared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wait_ends_at_its_deadline_and_not_before),
        cmocka_unit_test(a_deadline_that_has_passed_is_not_waited_for),
        cmocka_unit_test(a_signal_ends_the_wait),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
