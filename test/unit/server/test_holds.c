/*
 * The ring of held answers.
 */
#include "support/unit.h"

#include "server/holds.h"

#include <string.h>

static struct answered one_answer(void)
{
    struct answered answered = {0};

    assert_true(answered_add(&answered, HTTP_METHOD_POST, HTTP_ROUTE_INCREMENT, 200));
    return answered;
}

static void holds_come_out_in_the_order_they_went_in_while_the_ring_grows(void **state)
{
    struct answered answered = one_answer();
    struct holds holds;
    uint64_t in = 0;
    uint64_t out = 0;

    (void)state;
    holds_init(&holds);
    for (size_t room = 1; room <= 300; room++) {
        assert_int_equal(holds_reserve(&holds, room), SR_OK);
        while (holds.count < room) {
            holds_push(&holds, &answered)->since_ns = in++;
        }
        for (size_t i = 0; i < room / 2; i++) {
            assert_int_equal(holds_first(&holds)->since_ns, out++);
            holds_pop(&holds);
        }
    }
    assert_int_equal(holds.answers, in - out);
    while (holds_first(&holds) != NULL) {
        assert_int_equal(holds_first(&holds)->since_ns, out++);
        holds_pop(&holds);
    }
    assert_int_equal(in, out);
    assert_int_equal(holds.answers, 0);
    holds_done(&holds);
}

static void the_end_of_a_turn_names_its_holds_and_no_others(void **state)
{
    struct answered answered = one_answer();
    struct holds holds;

    (void)state;
    holds_init(&holds);
    assert_int_equal(holds_reserve(&holds, 4), SR_OK);
    holds_push(&holds, &answered)->turn = 7;
    (void)holds_push(&holds, &answered);
    (void)holds_push(&holds, &answered);
    holds.open_count = 2;
    holds_close_turn(&holds, 8);
    assert_int_equal(holds.open_count, 0);
    assert_int_equal(holds_first(&holds)->turn, 7);
    holds_pop(&holds);
    assert_int_equal(holds_first(&holds)->turn, 8);
    holds_pop(&holds);
    assert_int_equal(holds_first(&holds)->turn, 8);
    holds_done(&holds);
}

static uint64_t counted(const struct http_metrics *m, enum http_method method,
                        enum http_route route, enum http_metrics_status status)
{
    uint64_t sum = 0;

    for (int i = 0; i <= SR_HISTOGRAM_BOUNDS_MAX; i++) {
        sum += m->series[route][method][status].duration_ns.buckets[i];
    }
    return sum;
}

static void answers_are_counted_by_method_route_and_status(void **state)
{
    struct answered answered = {0};
    struct http_metrics *m;

    (void)state;
    for (int i = 0; i < 5; i++) {
        assert_true(answered_add(&answered, HTTP_METHOD_POST, HTTP_ROUTE_INCREMENT, 200));
    }
    assert_true(answered_add(&answered, HTTP_METHOD_OTHER, HTTP_ROUTE_UNKNOWN, 505));
    assert_true(answered_add(&answered, HTTP_METHOD_GET, HTTP_ROUTE_COUNTER, 404));
    assert_int_equal(answered_count(&answered), 7);
    assert_int_equal(http_metrics_open(&m, NULL), SR_OK);
    assert_int_equal(hold_series_record(answered.series, m, 1000), 7);
    assert_int_equal(counted(m, HTTP_METHOD_POST, HTTP_ROUTE_INCREMENT,
                             HTTP_METRICS_STATUS_200),
                     5);
    assert_int_equal(counted(m, HTTP_METHOD_OTHER, HTTP_ROUTE_UNKNOWN, HTTP_METRICS_STATUS_505),
                     1);
    assert_int_equal(counted(m, HTTP_METHOD_GET, HTTP_ROUTE_COUNTER, HTTP_METRICS_STATUS_404),
                     1);
    http_metrics_close(&m);
}

static void a_release_counts_how_long_the_answers_were_held(void **state)
{
    struct hold hold = {.since_ns = 1000000, .waited_us = 500};
    struct answered answered = {0};
    struct http_metrics *m;

    (void)state;
    assert_true(answered_add(&answered, HTTP_METHOD_POST, HTTP_ROUTE_INCREMENT, 200));
    assert_true(answered_add(&answered, HTTP_METHOD_POST, HTTP_ROUTE_INCREMENT, 200));
    memcpy(hold.series, answered.series, sizeof(hold.series));
    assert_int_equal(http_metrics_open(&m, NULL), SR_OK);
    assert_int_equal(hold_made_ns(&hold), 1500000);
    hold_record(&hold, m, 1570000);
    assert_int_equal(m->hold_ns.buckets[1], 2); /* over 50 us, up to 100 us */
    assert_int_equal(m->hold_ns.sum, 140000);
    assert_int_equal(m->series[HTTP_ROUTE_INCREMENT][HTTP_METHOD_POST][HTTP_METRICS_STATUS_200]
                         .duration_ns.sum,
                     1140000);
    http_metrics_close(&m);
}

static void work_ends_when_there_is_no_room_for_another_series(void **state)
{
    struct answered answered = {0};

    (void)state;
    for (uint16_t i = 1; i < HOLD_SERIES_MAX; i++) {
        assert_true(answered_add(&answered, HTTP_METHOD_GET, HTTP_ROUTE_UNKNOWN, 400 + i));
    }
    assert_false(answered_add(&answered, HTTP_METHOD_GET, HTTP_ROUTE_UNKNOWN, 400));
    assert_int_equal(answered_count(&answered), HOLD_SERIES_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_come_out_in_the_order_they_went_in_while_the_ring_grows),
        cmocka_unit_test(the_end_of_a_turn_names_its_holds_and_no_others),
        cmocka_unit_test(answers_are_counted_by_method_route_and_status),
        cmocka_unit_test(a_release_counts_how_long_the_answers_were_held),
        cmocka_unit_test(work_ends_when_there_is_no_room_for_another_series),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
