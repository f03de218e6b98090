/*
 * The fake obeys the contract, and its faults do what they say.
 */
#include "store/fake_store.h"

#include "store/contract_support.h"

#include <string.h>

static struct fake_database *database;

static void reset(void *context)
{
    (void)context;
    fake_database_close(&database);
    database = fake_database_open();
}

static struct store *open_store(void *context, const struct sr_uuid *instance)
{
    (void)context;
    return fake_store_open(database, instance);
}

static size_t refused(void *context, struct contract_refused *ret_rows, size_t max)
{
    size_t count = fake_database_refused(database);

    (void)context;
    for (size_t i = 0; i < count && i < max; i++) {
        const struct fake_refused *row = fake_database_refused_at(database, i);

        ret_rows[i] = (struct contract_refused){.epoch = (int64_t)row->epoch,
                                                .delta = row->delta,
                                                .is_set = row->is_set};
        memcpy(ret_rows[i].key, row->key.data, row->key.size);
        strcpy(ret_rows[i].sqlstate, row->sqlstate);
    }
    return count;
}

static void cut(void *context)
{
    (void)context;
    fake_database_set_down(database, true);
    fake_database_set_down(database, false);
}

static void age_requests(void *context)
{
    (void)context;
    fake_database_age_requests(database);
}

static const struct contract_target target = {.name = "store/fake",
                                              .reset = reset,
                                              .open = open_store,
                                              .refused = refused,
                                              .age_requests = age_requests,
                                              .cut = cut};

/* --- faults ------------------------------------------------------------------------------- */

static int fresh_database(void **state)
{
    *state = NULL;
    reset(NULL);
    return 0;
}

/* Applies +1 to "a" with a fault at that call; returns the result. */
static enum sr_result apply_with(struct contract_writer *writer, enum fake_fault fault,
                                 uint64_t *ret_restarts)
{
    struct sr_change change = contract_change(SR_CHANGE_ADD, "a", 1);
    struct contract_source source;
    struct contract_sink sink;
    enum sr_result res;

    contract_source_init(&source, &change, 1);
    contract_sink_init(&sink);
    fake_database_fail_at(database, 1, fault);
    res = contract_apply(writer, &source, &sink);
    *ret_restarts = sink.restarts;
    assert_true(res != SR_OK || sink.count == 1);
    contract_sink_done(&sink);
    contract_source_done(&source);
    return res;
}

static bool value_of_a(int64_t wanted)
{
    int64_t value = 0;

    (void)fake_database_value(database, sr_span_text("a"), &value);
    return value == wanted;
}

static void every_fault_of_an_apply_leaves_what_it_says(void **state)
{
    static const struct {
        enum fake_fault fault;
        enum sr_result result;
        int64_t left, claimed; /* at once, and after the next claim */
    } cases[] = {
        {FAKE_NONE, SR_OK, 1, 1},
        {FAKE_FAIL_BEFORE, SR_UNAVAILABLE, 0, 0},
        {FAKE_FAIL_MIDWAY, SR_UNAVAILABLE, 0, 0},
        {FAKE_LOSE_COMMIT, SR_UNKNOWN, 0, 0},
        {FAKE_LOSE_ANSWER, SR_UNKNOWN, 1, 1},
        {FAKE_COMMIT_LATE, SR_UNKNOWN, 0, 1},
        {FAKE_RESTART, SR_OK, 1, 1},
        {FAKE_REFUSE, SR_REFUSED, 0, 0},
    };

    for (size_t i = 0; i < CONTRACT_COUNT(cases); i++) {
        struct contract_writer writer;
        struct sr_err err;
        uint64_t restarts;
        uint64_t epoch;

        (void)fresh_database(state);
        contract_writer_open(&writer, &target, 1);
        assert_int_equal(apply_with(&writer, cases[i].fault, &restarts), cases[i].result);
        assert_int_equal(restarts, cases[i].fault == FAKE_RESTART);
        assert_true(value_of_a(cases[i].left));
        assert_int_equal(contract_claim(writer.store, (uint8_t[]){101}, 1, false, &epoch, &err),
                         SR_OK);
        assert_int_equal(epoch, cases[i].claimed);
        assert_true(value_of_a(cases[i].claimed));
        contract_writer_close(&writer);
    }
}

static void every_fault_of_a_claim_leaves_what_it_says(void **state)
{
    for (enum fake_fault fault = FAKE_FAIL_BEFORE; fault < FAKE_FAULTS; fault++) {
        struct contract_writer writer;
        struct sr_uuid owner;
        struct sr_err err;
        uint64_t epoch = 0;
        enum sr_result res;
        bool unknown =
            fault == FAKE_LOSE_COMMIT || fault == FAKE_LOSE_ANSWER || fault == FAKE_COMMIT_LATE;

        (void)fresh_database(state);
        contract_writer_open(&writer, &target, 1);
        fake_database_keep(database);
        fake_database_fail_at(database, 1, fault);
        res = contract_claim(writer.store, (uint8_t[]){7, 101}, 2, false, &epoch, &err);
        assert_int_equal(res, unknown                 ? SR_UNKNOWN
                              : fault == FAKE_RESTART ? SR_OK
                              : fault == FAKE_REFUSE  ? SR_REFUSED
                                                      : SR_UNAVAILABLE);
        assert_true(fake_database_writer(database, &writer.instance, &epoch, &owner));
        assert_int_equal(owner.bytes[0],
                         fault == FAKE_LOSE_ANSWER || fault == FAKE_RESTART ? 7 : 101);
        contract_writer_close(&writer);
    }
}

static void falling_back_brings_the_kept_state(void **state)
{
    struct contract_writer writer;
    struct sr_change change = contract_change(SR_CHANGE_ADD, "a", 1);
    struct sr_err err;
    uint64_t restarts;
    uint64_t epoch;

    (void)fresh_database(state);
    contract_writer_open(&writer, &target, 1);
    contract_apply_all(&writer, &change, 1, NULL);
    fake_database_keep(database);
    contract_apply_all(&writer, &change, 1, NULL);
    assert_int_equal(apply_with(&writer, FAKE_FALL_BACK, &restarts), SR_UNAVAILABLE);
    assert_true(value_of_a(1));
    assert_int_equal(contract_claim(writer.store, (uint8_t[]){101}, 1, false, &epoch, &err),
                     SR_OK);
    assert_int_equal(epoch, 1);
    contract_writer_close(&writer);
}

static void a_refused_key_is_set_aside(void **state)
{
    struct contract_writer writer;
    struct sr_change changes[] = {contract_change(SR_CHANGE_ADD, "a", 1),
                                  contract_change(SR_CHANGE_SET, "b", 2)};
    struct store_outcome outcomes[2];

    (void)fresh_database(state);
    fake_database_refuse_key(database, sr_span_text("b"), "23514");
    contract_writer_open(&writer, &target, 1);
    contract_apply_all(&writer, changes, 2, outcomes);
    assert_false(outcomes[0].refused);
    assert_true(outcomes[1].refused);
    assert_string_equal(outcomes[1].sqlstate, "23514");
    assert_int_equal(fake_database_refused(database), 1);
    assert_true(fake_database_refused_at(database, 0)->is_set);
    contract_writer_close(&writer);
}

/* --- others act within a call ------------------------------------------------------------- */

struct meddler {
    struct contract_writer *other;
    enum sr_result claimed, loaded;
    uint64_t loaded_epoch;
    unsigned moments;
};

static void meddle(void *context, const struct fake_call *call, enum fake_moment moment)
{
    struct meddler *meddler = context;
    struct store *store = meddler->other->store;
    struct sr_span key = sr_span_text("a");
    struct store_value value;
    struct sr_err err;
    uint64_t epoch;

    if (call->store == store) {
        return;
    }
    meddler->moments |= 1U << moment;
    if (moment == FAKE_BEFORE_COMMIT) {
        meddler->claimed = contract_claim(store, (uint8_t[]){102}, 1, false, &epoch, &err);
        meddler->loaded =
            store->ops->load(store, &key, 1, &value, &meddler->loaded_epoch, &err);
    }
}

static void others_see_only_what_is_committed(void **state)
{
    struct contract_writer one;
    struct contract_writer two;
    struct meddler meddler = {.other = &two};
    struct fake_hooks hooks = {.context = &meddler, .moment = meddle};
    struct sr_change change = contract_change(SR_CHANGE_ADD, "a", 1);

    (void)fresh_database(state);
    contract_writer_open(&one, &target, 1);
    contract_writer_open(&two, &target, 2);
    fake_database_hook(database, &hooks);
    contract_apply_all(&one, &change, 1, NULL);
    assert_int_equal(meddler.claimed, SR_UNAVAILABLE);
    assert_int_equal(meddler.loaded, SR_OK);
    assert_int_equal(meddler.loaded_epoch, 0);
    assert_int_equal(meddler.moments, 1U << FAKE_AT_START | 1U << FAKE_AFTER_FENCE |
                                          1U << FAKE_BEFORE_COMMIT | 1U << FAKE_AFTER_COMMIT);
    contract_writer_close(&one);
    contract_writer_close(&two);
}

static const struct CMUnitTest own_tests[] = {
    cmocka_unit_test(every_fault_of_an_apply_leaves_what_it_says),
    cmocka_unit_test(every_fault_of_a_claim_leaves_what_it_says),
    cmocka_unit_test(falling_back_brings_the_kept_state),
    cmocka_unit_test(a_refused_key_is_set_aside),
    cmocka_unit_test(others_see_only_what_is_committed),
};

int main(void)
{
    const struct contract_tests own[] = {{own_tests, CONTRACT_COUNT(own_tests)}, {NULL, 0}};
    int failed = contract_run(&target, own);

    fake_database_close(&database);
    return failed;
}
