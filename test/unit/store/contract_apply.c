/*
 * The contract of apply: what an epoch does to the totals.
 */
#include "store/contract_support.h"

#include <stdio.h>
#include <string.h>

static void adds_sets_and_deletes_tell_the_rows_they_leave(void **state)
{
    struct contract_writer writer;
    struct sr_change first[] = {contract_change(SR_CHANGE_ADD, "a", 5),
                                contract_change(SR_CHANGE_SET, "b", 7),
                                contract_change(SR_CHANGE_DELETE, "c", 0),
                                contract_change(SR_CHANGE_ADD, "d", 0)};
    struct sr_change second[] = {contract_change(SR_CHANGE_ADD, "a", -6),
                                 contract_change(SR_CHANGE_SET, "b", -9),
                                 contract_change(SR_CHANGE_ADD, "c", 3),
                                 contract_change(SR_CHANGE_DELETE, "d", 0)};
    struct store_outcome outcomes[4];

    contract_writer_open(&writer, *state, 1);
    contract_apply_all(&writer, first, 4, outcomes);
    assert_true(outcomes[0].exists && outcomes[0].value == 5);
    assert_true(outcomes[1].exists && outcomes[1].value == 7);
    assert_true(!outcomes[2].exists && outcomes[2].value == 0);
    assert_true(outcomes[3].exists && outcomes[3].value == 0);
    contract_apply_all(&writer, second, 4, outcomes);
    assert_true(outcomes[0].exists && outcomes[0].value == -1);
    assert_true(outcomes[1].exists && outcomes[1].value == -9);
    assert_true(outcomes[2].exists && outcomes[2].value == 3);
    assert_true(!outcomes[3].exists && !outcomes[3].refused);
    contract_assert_value(&writer, "a", -1);
    contract_assert_value(&writer, "b", -9);
    contract_assert_value(&writer, "c", 3);
    contract_assert_absent(&writer, "d");
    contract_writer_close(&writer);
}

static void an_epoch_without_changes_moves_the_writers_row(void **state)
{
    struct contract_writer writer;
    struct sr_err err;
    uint64_t epoch = 0;
    bool owned;

    contract_writer_open(&writer, *state, 1);
    contract_apply_all(&writer, NULL, 0, NULL);
    assert_int_equal(writer.store->ops->look(writer.store, &writer.owner, &epoch, &owned, &err),
                     SR_OK);
    assert_int_equal(epoch, 1);
    contract_writer_close(&writer);
}

static struct sr_change numbered(uint64_t index, char *space)
{
    int size = snprintf(space, SR_KEY_SIZE_MAX + 1, "key-%08llu", (unsigned long long)index);

    return (struct sr_change){.key = {.data = (const uint8_t *)space, .size = (size_t)size},
                              .kind = SR_CHANGE_ADD,
                              .value = (sr_wide)index - 10000};
}

static void twenty_thousand_keys_are_applied_with_their_own_values(void **state)
{
    struct contract_writer writer;
    struct contract_source source;
    struct contract_sink sink;

    contract_writer_open(&writer, *state, 1);
    for (int64_t round = 1; round <= 2; round++) {
        contract_source_make(&source, 20000, numbered);
        contract_sink_init(&sink);
        assert_int_equal(contract_apply(&writer, &source, &sink), SR_OK);
        assert_int_equal(sink.count, 20000);
        for (int64_t i = 0; i < 20000; i++) {
            assert_int_equal(sink.outcomes[i].index, i);
            assert_true(sink.outcomes[i].exists && !sink.outcomes[i].refused);
            assert_true(sink.outcomes[i].value == (i - 10000) * round);
        }
        contract_sink_done(&sink);
        contract_source_done(&source);
    }
    contract_assert_value(&writer, "key-00000000", -20000);
    contract_assert_value(&writer, "key-00019999", 19998);
    contract_writer_close(&writer);
}

/* add, add, set, delete, set, add ...: runs of one and of two. */
static struct sr_change of_changing_kind(uint64_t index, char *space)
{
    static const enum sr_change_kind kinds[] = {SR_CHANGE_ADD,    SR_CHANGE_ADD,
                                                SR_CHANGE_SET,    SR_CHANGE_DELETE,
                                                SR_CHANGE_DELETE, SR_CHANGE_SET};
    struct sr_change change = numbered(index, space);

    change.kind = kinds[index % CONTRACT_COUNT(kinds)];
    change.value = change.kind == SR_CHANGE_DELETE ? 0 : change.value;
    return change;
}

static void kinds_that_alternate_are_applied_in_key_order(void **state)
{
    struct contract_writer writer;
    struct contract_source source;
    struct contract_sink sink;
    char space[SR_KEY_SIZE_MAX + 1];

    contract_writer_open(&writer, *state, 1);
    contract_source_make(&source, 600, of_changing_kind);
    contract_sink_init(&sink);
    assert_int_equal(contract_apply(&writer, &source, &sink), SR_OK);
    assert_int_equal(sink.count, 600);
    for (uint64_t i = 0; i < 600; i++) {
        struct sr_change change = of_changing_kind(i, space);

        assert_int_equal(sink.outcomes[i].index, i);
        assert_int_equal(sink.outcomes[i].exists, change.kind != SR_CHANGE_DELETE);
        assert_true(sink.outcomes[i].value == change.value);
    }
    contract_sink_done(&sink);
    contract_source_done(&source);
    contract_writer_close(&writer);
}

/* Sums that did not fit 64 bits come in parts. */
static void a_key_that_follows_itself_is_applied_each_time(void **state)
{
    struct contract_writer writer;
    struct sr_change changes[] = {contract_change(SR_CHANGE_ADD, "a", 1),
                                  contract_change(SR_CHANGE_ADD, "b", -1),
                                  contract_change(SR_CHANGE_ADD, "b", INT64_MIN),
                                  contract_change(SR_CHANGE_ADD, "b", 5),
                                  contract_change(SR_CHANGE_SET, "c", INT64_MAX),
                                  contract_change(SR_CHANGE_ADD, "c", -2),
                                  contract_change(SR_CHANGE_ADD, "d", 4)};
    struct sr_change before = contract_change(SR_CHANGE_SET, "b", 10);
    struct store_outcome outcomes[7];

    contract_writer_open(&writer, *state, 1);
    contract_apply_all(&writer, &before, 1, NULL);
    contract_apply_all(&writer, changes, 7, outcomes);
    assert_true(outcomes[1].value == 9);
    assert_true(outcomes[2].value == INT64_MIN + 9);
    assert_true(outcomes[3].value == INT64_MIN + 14);
    assert_true(outcomes[5].value == INT64_MAX - 2);
    contract_assert_value(&writer, "a", 1);
    contract_assert_value(&writer, "b", INT64_MIN + 14);
    contract_assert_value(&writer, "c", INT64_MAX - 2);
    contract_assert_value(&writer, "d", 4);
    contract_writer_close(&writer);
}

static void keys_keep_every_byte(void **state)
{
    static char longest[SR_KEY_SIZE_MAX + 1];
    static char longest_emoji[SR_KEY_SIZE_MAX + 1];
    const char *keys[] = {
        "\x01\x02\x1b[31m",
        "\r\n\t",
        " ",
        "\"quoted\"",
        "$1",
        "' OR 1=1; --",
        "A",
        "B",
        "NULL",
        "\\x00\\",
        "a",
        "a ",
        "a/b?c=d&e%00",
        "b",
        "e\xcc\x81",
        "{x,\"y\"}",
        longest,
        "\x7f",
        "\xc2\x80",
        "\xc3\xa9",
        "\xe2\x80\xae",
        "\xef\xbf\xbd",
        "\xef\xbf\xbf",
        longest_emoji,
    };
    struct contract_writer writer;
    struct sr_change changes[CONTRACT_COUNT(keys)];
    struct store_outcome outcomes[CONTRACT_COUNT(keys)];

    memset(longest, '~', SR_KEY_SIZE_MAX);
    for (size_t i = 0; i < SR_KEY_SIZE_MAX; i += 4) {
        memcpy(longest_emoji + i, "\xf0\x9f\x98\x80", 4);
    }
    for (size_t i = 0; i < CONTRACT_COUNT(keys); i++) {
        changes[i] = contract_change(SR_CHANGE_ADD, keys[i], (int64_t)i + 1);
        assert_true(i == 0 || sr_span_compare(changes[i - 1].key, changes[i].key) < 0);
    }
    contract_writer_open(&writer, *state, 1);
    contract_apply_all(&writer, changes, CONTRACT_COUNT(keys), outcomes);
    contract_apply_all(&writer, changes, CONTRACT_COUNT(keys), outcomes);
    for (size_t i = 0; i < CONTRACT_COUNT(keys); i++) {
        assert_true(outcomes[i].value == 2 * ((int64_t)i + 1));
        contract_assert_value(&writer, keys[i], 2 * ((int64_t)i + 1));
    }
    contract_writer_close(&writer);
}

static void values_reach_both_ends_of_64_bits(void **state)
{
    struct contract_writer writer;
    struct sr_change first[] = {contract_change(SR_CHANGE_SET, "high", INT64_MAX),
                                contract_change(SR_CHANGE_SET, "low", INT64_MIN)};
    struct sr_change second[] = {contract_change(SR_CHANGE_ADD, "high", INT64_MIN),
                                 contract_change(SR_CHANGE_ADD, "low", INT64_MAX)};

    contract_writer_open(&writer, *state, 1);
    contract_apply_all(&writer, first, 2, NULL);
    contract_assert_value(&writer, "high", INT64_MAX);
    contract_assert_value(&writer, "low", INT64_MIN);
    contract_apply_all(&writer, second, 2, NULL);
    contract_assert_value(&writer, "high", -1);
    contract_assert_value(&writer, "low", -1);
    contract_writer_close(&writer);
}

static void instances_that_share_a_database_add_up(void **state)
{
    struct contract_writer one;
    struct contract_writer two;
    struct sr_change changes[] = {contract_change(SR_CHANGE_ADD, "a", 3),
                                  contract_change(SR_CHANGE_ADD, "b", 4)};
    struct store_outcome outcomes[2];

    contract_writer_open(&one, *state, 1);
    contract_writer_open(&two, *state, 2);
    contract_apply_all(&one, changes, 2, outcomes);
    contract_apply_all(&two, changes, 2, outcomes);
    assert_true(outcomes[0].value == 6);
    contract_apply_all(&one, changes, 1, outcomes);
    assert_true(outcomes[0].value == 9);
    contract_assert_value(&two, "a", 9);
    contract_assert_value(&one, "b", 8);
    contract_writer_close(&one);
    contract_writer_close(&two);
}

static void assert_source_error_aborts(void **state, uint64_t count, uint64_t fail_at)
{
    struct contract_writer writer;
    struct contract_source source;
    struct contract_sink sink;

    contract_writer_open(&writer, *state, 1);
    contract_source_make(&source, count, numbered);
    source.fail_at = fail_at;
    contract_sink_init(&sink);
    assert_int_equal(contract_apply(&writer, &source, &sink), SR_DAMAGED);
    assert_non_null(strstr(writer.err.text, "source"));
    assert_true(sink.count <= fail_at);
    contract_assert_absent(&writer, "key-00000000");
    contract_sink_done(&sink);
    contract_source_done(&source);
    contract_writer_close(&writer);
}

static void a_source_that_fails_midway_aborts_everything(void **state)
{
    assert_source_error_aborts(state, 20000, 17000);
}

static void a_source_that_cannot_begin_aborts(void **state)
{
    assert_source_error_aborts(state, 0, 0);
}

static void after_a_cut_the_epoch_is_claimed_and_applied_once(void **state)
{
    const struct contract_target *target = *state;
    struct sr_change change = contract_change(SR_CHANGE_ADD, "a", 1);
    struct contract_writer writer;
    struct contract_source source;
    struct contract_sink sink;
    uint64_t epoch = 99;

    if (target->cut == NULL) {
        return;
    }
    contract_writer_open(&writer, *state, 1);
    contract_apply_all(&writer, &change, 1, NULL);
    target->cut(target->context);
    contract_source_init(&source, &change, 1);
    contract_sink_init(&sink);
    assert_int_equal(contract_apply(&writer, &source, &sink), SR_UNAVAILABLE);
    assert_int_equal(contract_claim(writer.store, (uint8_t[]){101}, 1, false, &epoch,
                                    &writer.err),
                     SR_OK);
    assert_int_equal(epoch, 1);
    assert_int_equal(contract_apply(&writer, &source, &sink), SR_OK);
    contract_assert_value(&writer, "a", 2);
    contract_sink_done(&sink);
    contract_source_done(&source);
    contract_writer_close(&writer);
}

const struct CMUnitTest contract_apply_tests[] = {
    cmocka_unit_test(adds_sets_and_deletes_tell_the_rows_they_leave),
    cmocka_unit_test(an_epoch_without_changes_moves_the_writers_row),
    cmocka_unit_test(twenty_thousand_keys_are_applied_with_their_own_values),
    cmocka_unit_test(kinds_that_alternate_are_applied_in_key_order),
    cmocka_unit_test(a_key_that_follows_itself_is_applied_each_time),
    cmocka_unit_test(keys_keep_every_byte),
    cmocka_unit_test(values_reach_both_ends_of_64_bits),
    cmocka_unit_test(instances_that_share_a_database_add_up),
    cmocka_unit_test(a_source_that_fails_midway_aborts_everything),
    cmocka_unit_test(a_source_that_cannot_begin_aborts),
    cmocka_unit_test(after_a_cut_the_epoch_is_claimed_and_applied_once),
};
const size_t contract_apply_tests_count = CONTRACT_COUNT(contract_apply_tests);
