/*
 * First answers as text: what is written, that it is read back, and what is none.
 */
#include "store/store_answer.h"

#include "base/bytes.h"
#include "support/unit.h"

static struct sr_buffer text, totals;

static int setup(void **state)
{
    (void)state;
    sr_buffer_init(&text, 4096);
    sr_buffer_init(&totals, 4096);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    sr_buffer_done(&text);
    sr_buffer_done(&totals);
    return 0;
}

static void totals_are_written_in_decimal_and_read_back(void **state)
{
    uint8_t numbers[32];
    struct store_request request = {.status = 200,
                                    .totals_known = true,
                                    .totals = {.data = numbers, .size = 32}};
    struct store_request again = {0};

    (void)state;
    sr_put_u64(numbers, 0);
    sr_put_u64(numbers + 8, (uint64_t)INT64_MAX);
    sr_put_u64(numbers + 16, (uint64_t)INT64_MIN);
    sr_put_u64(numbers + 24, (uint64_t)-1);
    assert_int_equal(store_answer_write(&text, &request), SR_OK);
    assert_true(
        sr_span_equal(sr_buffer_span(&text),
                      sr_span_text("200 0 9223372036854775807 -9223372036854775808 -1")));
    assert_int_equal(store_answer_read(sr_buffer_span(&text), &totals, &again), SR_OK);
    assert_int_equal(again.status, 200);
    assert_true(again.totals_known);
    assert_true(sr_span_equal(again.totals, request.totals));
}

static void unknown_totals_are_null(void **state)
{
    struct store_request request = {.status = 202};
    struct store_request again = {.totals_known = true};

    (void)state;
    assert_int_equal(store_answer_write(&text, &request), SR_OK);
    assert_true(sr_span_equal(sr_buffer_span(&text), sr_span_text("202 null")));
    assert_int_equal(store_answer_read(sr_buffer_span(&text), &totals, &again), SR_OK);
    assert_int_equal(again.status, 202);
    assert_false(again.totals_known);
    assert_int_equal(again.totals.size, 0);
}

static void what_others_wrote_is_refused(void **state)
{
    static const char *const texts[] = {"",
                                        "x",
                                        "200x",
                                        "200 ",
                                        "200  1",
                                        "200 1 ",
                                        "200 1x",
                                        "99 1",
                                        "600 1",
                                        "200 null 1",
                                        "200 +1",
                                        "200 1\t",
                                        "-200 1",
                                        "200,1",
                                        "200 nul",
                                        "200 9223372036854775808",
                                        "200 -9223372036854775809",
                                        "200 000000000000000000001"};
    struct store_request again = {.status = 7};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (store_answer_read(sr_span_text(texts[i]), &totals, &again) != SR_DAMAGED) {
            fail_msg("taken: '%s'", texts[i]);
        }
        assert_int_equal(again.status, 7);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(totals_are_written_in_decimal_and_read_back, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(unknown_totals_are_null, setup, teardown),
        cmocka_unit_test_setup_teardown(what_others_wrote_is_refused, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
