/*
 * The rate limiter against a history of what it let pass: over every interval no client passes
 * more than burst + rate x time, whatever the table's state, and an unhurried one is not held
 * up.
 */
#include "support/unit.h"

#include "core/limiter.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define SECOND ((uint64_t)1000000000U)
#define INTERVAL (SECOND / 100)
#define BURST 20U

static struct limiter *open_limiter(uint32_t sets)
{
    struct limiter_options options = {.interval_ns = INTERVAL,
                                      .burst = BURST,
                                      .sets = sets,
                                      .hash_key = {.k0 = 1, .k1 = 2}};
    struct limiter *limiter = NULL;
    struct sr_err err;

    assert_int_equal(limiter_open(&options, &limiter, &err), SR_OK);
    return limiter;
}

static uint32_t count_passed(struct limiter *l, uint64_t client, uint32_t tries,
                             uint64_t now_ns)
{
    uint32_t passed = 0;

    for (uint32_t i = 0; i < tries; i++) {
        passed += limiter_take(l, client, 1, now_ns).passed;
    }
    return passed;
}

static void a_burst_passes_at_once_and_the_next_request_is_told_when(void **state)
{
    struct limiter *l = open_limiter(16);
    struct limiter_verdict v = limiter_take(l, 1, 1, 5 * SECOND);

    (void)state;
    assert_true(v.passed && !v.crowded);
    assert_int_equal(v.remaining, BURST - 1);
    assert_int_equal(v.restored_ns, INTERVAL);
    assert_int_equal(count_passed(l, 1, 100, 5 * SECOND), BURST - 1);
    v = limiter_take(l, 1, 1, 5 * SECOND);
    assert_false(v.passed);
    assert_int_equal(v.remaining, 0);
    assert_int_equal(v.retry_ns, INTERVAL);
    assert_false(limiter_take(l, 1, 1, 5 * SECOND + INTERVAL - 1).passed);
    assert_true(limiter_take(l, 1, 1, 5 * SECOND + INTERVAL).passed);
    assert_false(limiter_take(l, 1, 1, 5 * SECOND + INTERVAL).passed);
    limiter_close(&l);
    assert_null(l);
    limiter_close(&l);
}

static void the_rate_is_kept_for_ever_after(void **state)
{
    struct limiter *l = open_limiter(16);
    uint32_t passed = 0;

    (void)state;
    for (uint64_t ms = 0; ms < 10000; ms++) {
        passed += count_passed(l, 9, 3, SECOND + ms * 1000000U);
    }
    /* 10 s at 100/s: the last interval ends with the last millisecond. */
    assert_int_equal(passed, BURST + 999);
    limiter_close(&l);
}

static void clients_do_not_touch_each_other(void **state)
{
    struct limiter *l = open_limiter(1024);

    (void)state;
    assert_int_equal(count_passed(l, 1, 1000, SECOND), BURST);
    assert_int_equal(count_passed(l, 2, 1000, SECOND), BURST);
    assert_int_equal(count_passed(l, 1, 1000, SECOND + 5 * INTERVAL), 5);
    assert_int_equal(count_passed(l, 2, 1, SECOND + INTERVAL), 1);
    limiter_close(&l);
}

static void looking_takes_nothing(void **state)
{
    struct limiter *l = open_limiter(16);

    (void)state;
    for (int i = 0; i < 100; i++) {
        assert_true(limiter_look(l, 1, BURST, SECOND).passed);
    }
    assert_int_equal(count_passed(l, 1, 100, SECOND), BURST);
    assert_false(limiter_look(l, 1, 1, SECOND).passed);
    limiter_close(&l);
}

static void a_cost_is_taken_whole_or_not_at_all(void **state)
{
    struct limiter *l = open_limiter(16);
    struct limiter_verdict v;

    (void)state;
    assert_true(limiter_take(l, 1, 15, SECOND).passed);
    v = limiter_take(l, 1, 6, SECOND);
    assert_false(v.passed);
    assert_int_equal(v.remaining, 5);
    assert_int_equal(v.retry_ns, INTERVAL);
    assert_true(limiter_take(l, 1, 5, SECOND).passed);
    limiter_close(&l);
}

static void a_cost_beyond_the_burst_never_passes(void **state)
{
    struct limiter *l = open_limiter(16);
    struct limiter_verdict v = limiter_take(l, 1, BURST + 1, SECOND);

    (void)state;
    assert_false(v.passed);
    assert_true(v.retry_ns == UINT64_MAX);
    v = limiter_take(l, 1, UINT32_MAX, SECOND);
    assert_true(v.retry_ns == UINT64_MAX);
    assert_int_equal(v.remaining, BURST);
    limiter_close(&l);
}

static void an_earlier_moment_gives_nothing_back(void **state)
{
    struct limiter *l = open_limiter(16);

    (void)state;
    assert_int_equal(count_passed(l, 1, 100, 10 * SECOND), BURST);
    assert_int_equal(count_passed(l, 1, 100, 9 * SECOND), 0);
    assert_int_equal(count_passed(l, 1, 100, 10 * SECOND + INTERVAL), 1);
    limiter_close(&l);
}

/* One set: who finds no cell shares one allowance, and nobody is let pass without any. */
static void a_full_set_leaves_the_others_one_allowance_together(void **state)
{
    struct limiter *l = open_limiter(1);
    uint32_t crowd = 0;

    (void)state;
    for (uint64_t client = 1; client <= LIMITER_WAYS; client++) {
        assert_int_equal(count_passed(l, client, 100, SECOND), BURST);
    }
    for (uint64_t client = 100; client < 200; client++) {
        struct limiter_verdict v = limiter_take(l, client, 1, SECOND);

        assert_true(v.crowded);
        crowd += v.passed;
    }
    assert_int_equal(crowd, BURST);
    /* Those with a cell do not feel it. */
    assert_int_equal(count_passed(l, 1, 100, SECOND + INTERVAL), 1);
    limiter_close(&l);
}

static void a_client_out_of_the_crowd_starts_from_what_the_crowd_used(void **state)
{
    struct limiter *l = open_limiter(1);
    uint64_t soon = SECOND + INTERVAL;

    (void)state;
    for (uint64_t client = 1; client <= LIMITER_WAYS; client++) {
        assert_true(limiter_take(l, client, 1, SECOND).passed);
    }
    assert_int_equal(count_passed(l, 100, 100, SECOND), BURST);
    /* All cells are free now, and the client gets one: but no second burst. */
    assert_int_equal(count_passed(l, 100, 100, soon), 1);
    assert_false(limiter_look(l, 100, 1, soon).crowded);
    limiter_close(&l);
}

/* ---- a history that is judged ---- */

#define CLIENTS 24U
#define PASSES_MAX 4096U

struct history {
    uint64_t at_ns[PASSES_MAX];
    uint32_t count;
};

static uint64_t draw(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005U + 1442695040888963407U;
    return *seed >> 33;
}

/* Between the i-th and the j-th pass lie at[j] - at[i]: at most 1 + that much at the rate, and
 * the burst less one that the i-th was part of. */
static void judge(const struct history *h)
{
    for (uint32_t i = 0; i < h->count; i++) {
        for (uint32_t j = i; j < h->count; j++) {
            uint64_t allowed = BURST + (h->at_ns[j] - h->at_ns[i]) / INTERVAL;

            if (j - i + 1 > allowed) {
                fail_msg("%u passed where %u may", j - i + 1, (unsigned)allowed);
            }
        }
    }
}

static void over_any_interval_no_client_passes_more_than_it_may(void **state)
{
    static struct history histories[CLIENTS];

    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct limiter *l = open_limiter(2); /* room for 14 of 24 */
        uint64_t random = seed;
        uint64_t now_ns = SECOND;

        memset(histories, 0, sizeof(histories));
        for (int i = 0; i < 40000; i++) {
            uint64_t client = draw(&random) % CLIENTS;
            struct history *h = &histories[client];

            now_ns += draw(&random) % (seed % 2 == 0 ? INTERVAL / 8 : INTERVAL / 50);
            if (limiter_take(l, client, 1, now_ns).passed) {
                assert_true(h->count < PASSES_MAX);
                h->at_ns[h->count++] = now_ns;
            }
        }
        for (size_t i = 0; i < CLIENTS; i++) {
            judge(&histories[i]);
        }
        limiter_close(&l);
    }
}

/* Half of what is let pass is given back, at once or while others take and time goes on: it is
 * as if it had not been. */
static void the_bound_holds_where_some_is_given_back(void **state)
{
    static struct history histories[CLIENTS];

    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct limiter *l = open_limiter(2);
        uint64_t random = seed;
        uint64_t now_ns = SECOND;

        memset(histories, 0, sizeof(histories));
        for (int i = 0; i < 40000; i++) {
            uint64_t client = draw(&random) % CLIENTS;
            struct history *h = &histories[client];
            struct limiter_verdict first = limiter_take(l, client, 1, now_ns);
            uint64_t taken_ns = now_ns;

            now_ns += draw(&random) % (seed % 2 == 0 ? INTERVAL / 8 : INTERVAL / 50);
            if (draw(&random) % 2 == 0 && limiter_take(l, client, 1, now_ns).passed) {
                assert_true(h->count < PASSES_MAX);
                h->at_ns[h->count++] = now_ns;
            }
            if (first.passed) {
                limiter_give(l, client, 1, first.crowded, taken_ns);
            }
        }
        for (size_t k = 0; k < CLIENTS; k++) {
            judge(&histories[k]);
        }
        limiter_close(&l);
    }
}

static void what_is_given_back_at_once_was_never_taken(void **state)
{
    struct limiter *l = open_limiter(1);

    (void)state;
    for (uint64_t client = 1; client <= LIMITER_WAYS + 1; client++) {
        struct limiter_verdict v = {0};

        for (int i = 0; i < 100; i++) {
            v = limiter_take(l, client, 1, SECOND);
            assert_true(v.passed);
            limiter_give(l, client, 1, v.crowded, SECOND);
        }
        assert_int_equal(count_passed(l, client, 100, SECOND), BURST);
        assert_int_equal(v.crowded, client == LIMITER_WAYS + 1);
    }
    limiter_close(&l);
}

static void what_the_rate_has_restored_is_not_given_back_again(void **state)
{
    struct limiter *l = open_limiter(16);
    struct limiter_verdict v = limiter_take(l, 1, 1, SECOND);

    (void)state;
    assert_int_equal(count_passed(l, 1, 100, SECOND + INTERVAL), BURST);
    limiter_give(l, 1, 1, v.crowded, SECOND);
    assert_int_equal(count_passed(l, 1, 100, SECOND + INTERVAL), 0);
    limiter_close(&l);
}

static void a_million_addresses_take_the_memory_of_one(void **state)
{
    struct limiter *l = open_limiter(LIMITER_SETS);
    size_t before = limiter_memory(l);
    uint64_t crowded = 0;

    (void)state;
    assert_true(before < (size_t)3 << 20);
    for (uint64_t client = 0; client < 1000000; client++) {
        struct limiter_verdict v = limiter_take(l, client, 1, SECOND + client);

        crowded += v.crowded;
    }
    assert_int_equal(limiter_memory(l), before);
    assert_true(crowded > 800000); /* a millisecond for all: the table was full */
    /* A moment later all have their burst back, and nobody is crowded. */
    for (uint64_t client = 0; client < 1000; client++) {
        assert_false(limiter_look(l, client, 1, 10 * SECOND).crowded);
    }
    limiter_close(&l);
}

/* ---- threads ---- */

#define THREADS 4

struct taker {
    struct limiter *limiter;
    uint32_t passed;
    pthread_t thread;
};

static void *take_many(void *argument)
{
    struct taker *taker = argument;

    for (uint64_t i = 0; i < 100000; i++) {
        taker->passed += limiter_take(taker->limiter, 7, 1, SECOND + i * 10000U).passed;
        (void)limiter_take(taker->limiter, 1000 + i, 1, SECOND + i * 10000U);
    }
    return NULL;
}

static void threads_share_one_allowance(void **state)
{
    struct limiter *l = open_limiter(64);
    struct taker takers[THREADS] = {0};
    uint32_t passed = 0;

    (void)state;
    for (int i = 0; i < THREADS; i++) {
        takers[i].limiter = l;
        assert_int_equal(pthread_create(&takers[i].thread, NULL, take_many, &takers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(takers[i].thread, NULL), 0);
        passed += takers[i].passed;
    }
    /* One second passes, as each thread tells it. */
    assert_true(passed <= BURST + 100);
    assert_true(passed >= BURST);
    limiter_close(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_burst_passes_at_once_and_the_next_request_is_told_when),
        cmocka_unit_test(the_rate_is_kept_for_ever_after),
        cmocka_unit_test(clients_do_not_touch_each_other),
        cmocka_unit_test(looking_takes_nothing),
        cmocka_unit_test(a_cost_is_taken_whole_or_not_at_all),
        cmocka_unit_test(a_cost_beyond_the_burst_never_passes),
        cmocka_unit_test(an_earlier_moment_gives_nothing_back),
        cmocka_unit_test(a_full_set_leaves_the_others_one_allowance_together),
        cmocka_unit_test(a_client_out_of_the_crowd_starts_from_what_the_crowd_used),
        cmocka_unit_test(over_any_interval_no_client_passes_more_than_it_may),
        cmocka_unit_test(the_bound_holds_where_some_is_given_back),
        cmocka_unit_test(what_is_given_back_at_once_was_never_taken),
        cmocka_unit_test(what_the_rate_has_restored_is_not_given_back_again),
        cmocka_unit_test(a_million_addresses_take_the_memory_of_one),
        cmocka_unit_test(threads_share_one_allowance),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
