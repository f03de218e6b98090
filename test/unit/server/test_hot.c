/*
 * Rates of the hottest keys out of samples: exact while every increment is looked at, near
 * where one of so many is, in the right order, and of the last seconds only.
 */
#include "support/unit.h"

#include "server/hot.h"

#include <stdio.h>
#include <string.h>

struct bench {
    struct counters *counters;
    struct hot_board board;
    struct hot_sampler sampler;
    uint64_t counted; /* and not taken yet */
};

static void set_up(struct bench *b)
{
    struct counters_options options = {.memory_max = 8U << 20, .hash_key = {.k0 = 1, .k1 = 2}};
    struct sr_err err;

    memset(b, 0, sizeof(*b));
    assert_int_equal(counters_open(&options, &b->counters, &err), SR_OK);
    assert_int_equal(hot_board_init(&b->board, b->counters, &err), SR_OK);
    hot_sampler_init(&b->sampler, 1);
}

static void tear_down(struct bench *b)
{
    hot_sampler_done(&b->sampler);
    hot_board_done(&b->board);
    counters_close(&b->counters);
}

/* A second in which each of `keys` keys, taking turns, is counted `times` times, the first one
 * twice as often. */
static void run_second(struct bench *b, uint32_t keys, uint32_t times)
{
    for (uint32_t i = 0; i < times; i++) {
        for (uint32_t k = 0; k <= keys; k++) {
            char text[16];

            (void)snprintf(text, sizeof(text), "k%u", k == keys ? 0 : k);
            hot_look(&b->sampler);
            hot_count(&b->sampler, sr_span_text(text));
            b->counted++;
        }
    }
    hot_board_age(&b->board, 1);
    if (hot_board_take(&b->board, &b->sampler, b->counted)) {
        b->counted = 0;
    }
}

static bool is_near(double value, double wanted, double share)
{
    return value >= wanted * (1 - share) - 0.001 && value <= wanted * (1 + share) + 0.001;
}

static void rates_are_exact_while_every_increment_is_looked_at(void **state)
{
    struct bench b;
    struct hot_top top;

    (void)state;
    set_up(&b);
    for (uint32_t second = 0; second < 3; second++) {
        run_second(&b, 3, 100);
        hot_board_top(&b.board, HOT_TOP_MAX, &top);
        assert_int_equal(top.sampled, 1);
        assert_int_equal(top.count, 3);
        assert_true(is_near(top.rate, 400, 0));
        assert_true(sr_span_equal(top.rows[0].key, sr_span_text("k0")));
        assert_true(is_near(top.rows[0].rate, 200, 0) && is_near(top.rows[1].rate, 100, 0));
        assert_true(top.rows[0].error <= 0 && top.rows[2].error <= 0);
        hot_board_release(&b.board);
    }
    tear_down(&b);
}

static void a_busy_worker_is_sampled_and_rates_stay_near(void **state)
{
    struct bench b;
    struct hot_top top;

    (void)state;
    set_up(&b);
    for (uint32_t second = 0; second < 10; second++) {
        run_second(&b, 3, 25000); /* 100,000 increments: about one of 51 */
    }
    hot_board_top(&b.board, 1, &top);
    assert_int_equal(top.count, 1);
    assert_true(top.sampled >= 40 && top.sampled <= 60);
    assert_true(sr_span_equal(top.rows[0].key, sr_span_text("k0")));
    /* Half of about 13,000 samples in effect: the standard deviation is below a percent. */
    assert_true(is_near(top.rows[0].rate, 50000, 0.05));
    assert_true(is_near(top.rate, 100000, 0.0001));
    hot_board_release(&b.board);
    tear_down(&b);
}

static void a_worker_that_calms_down_is_looked_at_closely_at_once(void **state)
{
    struct bench b;
    struct hot_top top;

    (void)state;
    set_up(&b);
    run_second(&b, 1, 100000);
    run_second(&b, 1, 100000);
    run_second(&b, 1, 5); /* rarely still, and none of ten may have been met */
    run_second(&b, 1, 5);
    run_second(&b, 1, 5);
    hot_board_top(&b.board, 1, &top);
    assert_int_equal(top.sampled, 1);
    /* Nothing was lost: what no sample stood for then, those that followed stand for. */
    assert_int_equal(b.counted, 0);
    hot_board_release(&b.board);
    tear_down(&b);
}

static void keys_that_are_not_counted_any_more_leave(void **state)
{
    struct bench b;
    struct hot_top top;

    (void)state;
    set_up(&b);
    run_second(&b, 5, 10);
    for (uint32_t second = 0; second < 60; second++) {
        hot_board_age(&b.board, 1);
        assert_false(hot_board_take(&b.board, &b.sampler, 0));
    }
    hot_board_top(&b.board, HOT_TOP_MAX, &top);
    assert_int_equal(top.count, 0);
    hot_board_release(&b.board);
    tear_down(&b);
}

static void a_basket_that_is_full_drops_and_asks_for_fewer(void **state)
{
    struct bench b;
    struct hot_top top;
    uint8_t bytes[512];

    (void)state;
    set_up(&b);
    memset(bytes, 'x', sizeof(bytes));
    for (uint32_t i = 0; i < 1000; i++) {
        hot_count(&b.sampler, (struct sr_span){.data = bytes, .size = sizeof(bytes)});
    }
    hot_board_age(&b.board, 1);
    assert_true(hot_board_take(&b.board, &b.sampler, 1000));
    hot_board_top(&b.board, 1, &top);
    assert_true(is_near(top.rows[0].rate, 1000, 0));
    hot_board_release(&b.board);
    hot_look(&b.sampler);
    assert_true(b.sampler.period > 1);
    tear_down(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rates_are_exact_while_every_increment_is_looked_at),
        cmocka_unit_test(a_busy_worker_is_sampled_and_rates_stay_near),
        cmocka_unit_test(a_worker_that_calms_down_is_looked_at_closely_at_once),
        cmocka_unit_test(keys_that_are_not_counted_any_more_leave),
        cmocka_unit_test(a_basket_that_is_full_drops_and_asks_for_fewer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
