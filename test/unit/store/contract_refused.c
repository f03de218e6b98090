/*
 * The contract of refused rows: set aside in the same transaction, never in the others' way.
 */
#include "store/contract_support.h"

#include <stdio.h>
#include <string.h>

static void assert_refused(const struct store_outcome *outcome, const char *sqlstate)
{
    assert_true(outcome->refused);
    assert_false(outcome->exists);
    assert_true(outcome->value == 0);
    assert_string_equal(outcome->sqlstate, sqlstate);
}

static void a_sum_outside_64_bits_is_set_aside_and_the_others_are_applied(void **state)
{
    const struct contract_target *target = *state;
    struct sr_change before[] = {contract_change(SR_CHANGE_SET, "high", INT64_MAX - 1),
                                 contract_change(SR_CHANGE_SET, "low", INT64_MIN)};
    struct sr_change changes[] = {contract_change(SR_CHANGE_ADD, "a", 1),
                                  contract_change(SR_CHANGE_ADD, "high", 2),
                                  contract_change(SR_CHANGE_ADD, "k", 1),
                                  contract_change(SR_CHANGE_ADD, "low", -1),
                                  contract_change(SR_CHANGE_ADD, "z", 1)};
    struct contract_refused refused[3];
    struct store_outcome outcomes[5];
    struct contract_writer writer;

    contract_writer_open(&writer, target, 1);
    contract_apply_all(&writer, before, 2, NULL);
    contract_apply_all(&writer, changes, 5, outcomes);
    assert_refused(&outcomes[1], "22003");
    assert_refused(&outcomes[3], "22003");
    assert_true(outcomes[0].value == 1 && outcomes[2].value == 1 && outcomes[4].value == 1);
    contract_assert_value(&writer, "high", INT64_MAX - 1);
    contract_assert_value(&writer, "low", INT64_MIN);
    contract_assert_value(&writer, "k", 1);
    assert_int_equal(target->refused(target->context, refused, 3), 2);
    assert_string_equal(refused[0].key, "high");
    assert_int_equal(refused[0].epoch, 2);
    assert_true(refused[0].delta == 2 && !refused[0].is_set);
    assert_string_equal(refused[0].sqlstate, "22003");
    assert_string_equal(refused[1].key, "low");
    assert_true(refused[1].delta == -1);
    contract_writer_close(&writer);
}

static bool overflows(uint64_t index)
{
    return index == 0 || index == 1 || index == 4999 || index == 5000 || index == 12345 ||
           index == 19999;
}

static struct sr_change with_overflows(uint64_t index, char *space)
{
    int size = snprintf(space, SR_KEY_SIZE_MAX + 1, "key-%08llu", (unsigned long long)index);

    return (struct sr_change){.key = {.data = (const uint8_t *)space, .size = (size_t)size},
                              .kind = SR_CHANGE_ADD,
                              .value = overflows(index) ? INT64_MAX : (sr_wide)index};
}

static void refused_rows_are_found_in_many_statements(void **state)
{
    const struct contract_target *target = *state;
    struct contract_refused refused[1];
    struct contract_writer writer;
    struct contract_source source;
    struct contract_sink sink;

    contract_writer_open(&writer, target, 1);
    for (int64_t round = 1; round <= 2; round++) {
        contract_source_make(&source, 20000, with_overflows);
        contract_sink_init(&sink);
        assert_int_equal(contract_apply(&writer, &source, &sink), SR_OK);
        assert_int_equal(sink.count, 20000);
        for (uint64_t i = 0; i < 20000; i++) {
            assert_int_equal(sink.outcomes[i].index, i);
            assert_int_equal(sink.outcomes[i].refused, round == 2 && overflows(i));
            assert_true(overflows(i) || sink.outcomes[i].value == (int64_t)i * round);
        }
        contract_sink_done(&sink);
        contract_source_done(&source);
    }
    assert_int_equal(target->refused(target->context, refused, 1), 6);
    assert_string_equal(refused[0].key, "key-00000000");
    contract_assert_value(&writer, "key-00012345", INT64_MAX);
    contract_assert_value(&writer, "key-00012346", 2 * 12346);
    contract_writer_close(&writer);
}

static void an_epoch_of_which_every_row_is_refused_is_applied(void **state)
{
    const struct contract_target *target = *state;
    struct sr_change before[] = {contract_change(SR_CHANGE_SET, "a", INT64_MAX),
                                 contract_change(SR_CHANGE_SET, "b", INT64_MAX),
                                 contract_change(SR_CHANGE_SET, "c", INT64_MAX)};
    struct sr_change changes[] = {contract_change(SR_CHANGE_ADD, "a", 1),
                                  contract_change(SR_CHANGE_ADD, "b", 1),
                                  contract_change(SR_CHANGE_ADD, "c", 1)};
    struct contract_refused refused[3];
    struct store_outcome outcomes[3];
    struct contract_writer writer;

    contract_writer_open(&writer, target, 1);
    contract_apply_all(&writer, before, 3, NULL);
    contract_apply_all(&writer, changes, 3, outcomes);
    for (size_t i = 0; i < 3; i++) {
        assert_refused(&outcomes[i], "22003");
    }
    assert_int_equal(target->refused(target->context, refused, 3), 3);
    contract_assert_value(&writer, "b", INT64_MAX);
    contract_writer_close(&writer);
}

static void of_a_key_that_follows_itself_only_what_does_not_fit_is_refused(void **state)
{
    const struct contract_target *target = *state;
    struct sr_change before = contract_change(SR_CHANGE_SET, "a", INT64_MAX);
    struct sr_change changes[] = {contract_change(SR_CHANGE_ADD, "a", 1),
                                  contract_change(SR_CHANGE_ADD, "a", -5),
                                  contract_change(SR_CHANGE_DELETE, "b", 0)};
    struct contract_refused refused[1];
    struct store_outcome outcomes[3];
    struct contract_writer writer;

    contract_writer_open(&writer, target, 1);
    contract_apply_all(&writer, &before, 1, NULL);
    contract_apply_all(&writer, changes, 3, outcomes);
    assert_refused(&outcomes[0], "22003");
    assert_true(outcomes[1].value == INT64_MAX - 5);
    assert_int_equal(target->refused(target->context, refused, 1), 1);
    contract_assert_value(&writer, "a", INT64_MAX - 5);
    contract_writer_close(&writer);
}

static void an_abort_takes_the_refused_rows_back(void **state)
{
    const struct contract_target *target = *state;
    struct sr_change before = contract_change(SR_CHANGE_SET, "a", INT64_MAX);
    struct sr_change changes[] = {contract_change(SR_CHANGE_ADD, "a", 1),
                                  contract_change(SR_CHANGE_ADD, "b", 1)};
    struct contract_refused refused[1];
    struct contract_source source;
    struct contract_sink sink;
    struct contract_writer writer;

    contract_writer_open(&writer, target, 1);
    contract_apply_all(&writer, &before, 1, NULL);
    contract_source_init(&source, changes, 2);
    source.fail_at = 2;
    contract_sink_init(&sink);
    assert_int_equal(contract_apply(&writer, &source, &sink), SR_DAMAGED);
    assert_int_equal(target->refused(target->context, refused, 1), 0);
    contract_assert_absent(&writer, "b");
    contract_sink_done(&sink);
    contract_source_done(&source);
    contract_writer_close(&writer);
}

const struct CMUnitTest contract_refused_tests[] = {
    cmocka_unit_test(a_sum_outside_64_bits_is_set_aside_and_the_others_are_applied),
    cmocka_unit_test(refused_rows_are_found_in_many_statements),
    cmocka_unit_test(an_epoch_of_which_every_row_is_refused_is_applied),
    cmocka_unit_test(of_a_key_that_follows_itself_only_what_does_not_fit_is_refused),
    cmocka_unit_test(an_abort_takes_the_refused_rows_back),
};
const size_t contract_refused_tests_count = CONTRACT_COUNT(contract_refused_tests);
