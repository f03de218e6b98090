/*
 * The contract of claim and fence: who may bring which epoch.
 */
#include "store/contract_support.h"

#include <string.h>

static struct store *open_instance(void **state, uint8_t instance)
{
    const struct contract_target *target = *state;
    struct sr_uuid uuid = contract_uuid(instance);

    return target->open(target->context, &uuid);
}

/* Applies one add of key "a" as the given epoch after the given one, by the given token. */
static enum sr_result apply_as(struct store *store, uint64_t epoch, uint64_t predecessor,
                               uint8_t token)
{
    struct sr_change change = contract_change(SR_CHANGE_ADD, "a", 1);
    struct store_epoch wanted = {.epoch = epoch,
                                 .predecessor = predecessor,
                                 .owner = contract_uuid(token)};
    struct contract_source source;
    struct contract_sink sink;
    struct sr_err err;
    enum sr_result res;

    contract_source_init(&source, &change, 1);
    contract_sink_init(&sink);
    res = store->ops->apply(store, &wanted, &source.source, &sink.sink, &err);
    contract_sink_done(&sink);
    contract_source_done(&source);
    return res;
}

static void a_first_claim_inserts_the_row_at_epoch_0(void **state)
{
    struct store *store = open_instance(state, 1);
    struct sr_uuid owner = contract_uuid(7);
    struct sr_err err;
    uint64_t epoch = 99;
    bool owned = false;

    assert_int_equal(contract_claim(store, (uint8_t[]){7}, 1, true, &epoch, &err), SR_OK);
    assert_int_equal(epoch, 0);
    epoch = 99;
    assert_int_equal(store->ops->look(store, &owner, &epoch, &owned, &err), SR_OK);
    assert_int_equal(epoch, 0);
    assert_true(owned);
    owner = contract_uuid(8);
    assert_int_equal(store->ops->look(store, &owner, &epoch, &owned, &err), SR_OK);
    assert_false(owned);
    store_close(&store);
}

static void a_claim_of_a_row_that_must_exist_and_does_not_is_not_found(void **state)
{
    struct store *store = open_instance(state, 1);
    struct store *other = open_instance(state, 2);
    struct sr_err err;
    uint64_t epoch = 99;

    assert_int_equal(contract_claim(store, (uint8_t[]){7}, 1, false, &epoch, &err),
                     SR_NOT_FOUND);
    assert_int_equal(contract_claim(other, (uint8_t[]){9}, 1, true, &epoch, &err), SR_OK);
    epoch = 99;
    assert_int_equal(contract_claim(store, (uint8_t[]){7}, 1, false, &epoch, &err),
                     SR_NOT_FOUND);
    assert_int_equal(epoch, 99);
    assert_int_equal(contract_claim(store, (uint8_t[]){7}, 1, true, &epoch, &err), SR_OK);
    store_close(&store);
    store_close(&other);
}

static void a_claim_may_be_repeated_and_takes_over_from_any_token_of_ours(void **state)
{
    struct store *store = open_instance(state, 1);
    struct sr_err err;
    uint64_t epoch;

    assert_int_equal(contract_claim(store, (uint8_t[]){7}, 1, true, &epoch, &err), SR_OK);
    assert_int_equal(contract_claim(store, (uint8_t[]){7}, 1, true, &epoch, &err), SR_OK);
    assert_int_equal(contract_claim(store, (uint8_t[]){8, 3, 7}, 3, false, &epoch, &err),
                     SR_OK);
    assert_int_equal(apply_as(store, 1, 0, 7), SR_FENCED);
    assert_int_equal(contract_claim(store, (uint8_t[]){8, 3, 7}, 3, false, &epoch, &err),
                     SR_OK);
    assert_int_equal(apply_as(store, 1, 0, 8), SR_OK);
    store_close(&store);
}

static void a_claim_takes_over_with_a_hundred_tokens(void **state)
{
    struct store *store = open_instance(state, 1);
    uint8_t tokens[100];
    struct sr_err err;
    uint64_t epoch;

    for (uint8_t i = 0; i < CONTRACT_COUNT(tokens); i++) {
        tokens[i] = (uint8_t)(200 - i);
    }
    assert_int_equal(contract_claim(store, tokens + 99, 1, true, &epoch, &err), SR_OK);
    assert_int_equal(contract_claim(store, tokens, 100, false, &epoch, &err), SR_OK);
    store_close(&store);
}

/* Tokens 7 and 8 are in the directory, 8 was drawn by this process. */
static enum sr_result claim_with_own_8(struct store *store, uint64_t others_below,
                                       struct sr_err *err)
{
    struct sr_uuid mine[2] = {contract_uuid(7), contract_uuid(8)};
    struct store_claim claim = {.fresh = mine[1],
                                .mine = mine,
                                .mine_count = 2,
                                .own_count = 1,
                                .others_below = others_below};
    uint64_t epoch;

    return store->ops->claim(store, &claim, &epoch, err);
}

static void another_process_token_counts_below_an_epoch_and_an_own_one_always(void **state)
{
    struct store *store = open_instance(state, 1);
    struct sr_err err;
    uint64_t epoch;

    assert_int_equal(contract_claim(store, (uint8_t[]){7}, 1, true, &epoch, &err), SR_OK);
    assert_int_equal(apply_as(store, 3, 0, 7), SR_OK);
    assert_int_equal(claim_with_own_8(store, 1, &err), SR_FENCED);
    assert_int_equal(claim_with_own_8(store, 3, &err), SR_FENCED);
    assert_int_equal(claim_with_own_8(store, 4, &err), SR_OK);
    assert_int_equal(claim_with_own_8(store, 1, &err), SR_OK);
    assert_int_equal(apply_as(store, 4, 3, 8), SR_OK);
    assert_int_equal(contract_claim(store, (uint8_t[]){7, 8}, 2, true, &epoch, &err), SR_OK);
    assert_int_equal(claim_with_own_8(store, 0, &err), SR_OK);
    store_close(&store);
}

static void a_claim_by_a_stranger_is_fenced_and_changes_nothing(void **state)
{
    struct store *store = open_instance(state, 1);
    struct store *copy = open_instance(state, 1);
    struct sr_err err;
    uint64_t epoch = 99;

    assert_int_equal(contract_claim(store, (uint8_t[]){7}, 1, true, &epoch, &err), SR_OK);
    epoch = 99;
    assert_int_equal(contract_claim(copy, (uint8_t[]){9, 8}, 2, true, &epoch, &err), SR_FENCED);
    assert_int_equal(contract_claim(copy, (uint8_t[]){9, 8}, 2, false, &epoch, &err),
                     SR_FENCED);
    assert_int_equal(epoch, 99);
    assert_int_equal(apply_as(store, 1, 0, 7), SR_OK);
    store_close(&store);
    store_close(&copy);
}

static void a_claim_tells_the_applied_epoch_and_inserts_over_nothing(void **state)
{
    struct store *store = open_instance(state, 1);
    struct sr_err err;
    uint64_t epoch;

    assert_int_equal(contract_claim(store, (uint8_t[]){7}, 1, true, &epoch, &err), SR_OK);
    assert_int_equal(apply_as(store, 5, 0, 7), SR_OK);
    assert_int_equal(apply_as(store, UINT64_C(1) << 60, 5, 7), SR_OK);
    store_close(&store);
    store = open_instance(state, 1);
    assert_int_equal(contract_claim(store, (uint8_t[]){8, 7}, 2, true, &epoch, &err), SR_OK);
    assert_true(epoch == UINT64_C(1) << 60);
    store_close(&store);
}

static void a_claim_shuts_out_the_connection_before_it(void **state)
{
    struct store *before = open_instance(state, 1);
    struct store *after = open_instance(state, 1);
    struct sr_err err;
    uint64_t epoch;

    assert_int_equal(contract_claim(before, (uint8_t[]){7}, 1, true, &epoch, &err), SR_OK);
    assert_int_equal(contract_claim(after, (uint8_t[]){8, 7}, 2, false, &epoch, &err), SR_OK);
    assert_int_equal(apply_as(before, 1, 0, 7), SR_FENCED);
    assert_int_equal(apply_as(after, 1, 0, 8), SR_OK);
    store_close(&before);
    store_close(&after);
}

static void an_apply_without_a_claim_is_unavailable(void **state)
{
    struct store *store = open_instance(state, 1);
    struct sr_err err;
    uint64_t epoch;

    assert_int_equal(apply_as(store, 1, 0, 7), SR_UNAVAILABLE);
    assert_int_equal(contract_claim(store, (uint8_t[]){7}, 1, true, &epoch, &err), SR_OK);
    assert_int_equal(apply_as(store, 1, 0, 7), SR_OK);
    store_close(&store);
}

static void a_fence_at_another_epoch_applies_nothing(void **state)
{
    struct contract_writer writer;

    contract_writer_open(&writer, *state, 1);
    assert_int_equal(apply_as(writer.store, 2, 1, 101), SR_FENCED);
    contract_assert_absent(&writer, "a");
    contract_writer_close(&writer);
}

static void a_fence_by_another_token_applies_nothing(void **state)
{
    struct contract_writer writer;

    contract_writer_open(&writer, *state, 1);
    assert_int_equal(apply_as(writer.store, 1, 0, 102), SR_FENCED);
    contract_assert_absent(&writer, "a");
    contract_writer_close(&writer);
}

static void an_epoch_that_is_applied_again_is_fenced(void **state)
{
    struct contract_writer writer;

    contract_writer_open(&writer, *state, 1);
    assert_int_equal(apply_as(writer.store, 1, 0, 101), SR_OK);
    assert_int_equal(apply_as(writer.store, 1, 0, 101), SR_FENCED);
    writer.epoch = 1;
    contract_assert_value(&writer, "a", 1);
    contract_writer_close(&writer);
}

const struct CMUnitTest contract_claim_tests[] = {
    cmocka_unit_test(a_first_claim_inserts_the_row_at_epoch_0),
    cmocka_unit_test(a_claim_of_a_row_that_must_exist_and_does_not_is_not_found),
    cmocka_unit_test(a_claim_may_be_repeated_and_takes_over_from_any_token_of_ours),
    cmocka_unit_test(a_claim_takes_over_with_a_hundred_tokens),
    cmocka_unit_test(another_process_token_counts_below_an_epoch_and_an_own_one_always),
    cmocka_unit_test(a_claim_by_a_stranger_is_fenced_and_changes_nothing),
    cmocka_unit_test(a_claim_tells_the_applied_epoch_and_inserts_over_nothing),
    cmocka_unit_test(a_claim_shuts_out_the_connection_before_it),
    cmocka_unit_test(an_apply_without_a_claim_is_unavailable),
    cmocka_unit_test(a_fence_at_another_epoch_applies_nothing),
    cmocka_unit_test(a_fence_by_another_token_applies_nothing),
    cmocka_unit_test(an_epoch_that_is_applied_again_is_fenced),
};
const size_t contract_claim_tests_count = CONTRACT_COUNT(contract_claim_tests);
