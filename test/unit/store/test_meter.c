/*
 * What a metered store counts of the store in it.
 */
#include "store/store_meter.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* A store that answers what it is told to and looks at the meter while it works. */
static struct {
    struct store store;
    enum sr_result answer;
    bool in_use, closed;
} plain;
static struct store_meter meter;
static struct store *store;

static enum sr_result load(struct store *base, const struct sr_span *keys, size_t count,
                           struct store_value *ret_values, uint64_t *ret_epoch,
                           struct sr_err *err)
{
    (void)keys;
    (void)err;
    assert_ptr_equal(base, &plain.store);
    plain.in_use = atomic_load(&meter.in_use);
    ret_values[0].value = (int64_t)count;
    *ret_epoch = 7;
    return plain.answer;
}

static enum sr_result look(struct store *base, const struct sr_uuid *owner, uint64_t *ret_epoch,
                           bool *ret_owned, struct sr_err *err)
{
    (void)base;
    (void)owner;
    (void)err;
    *ret_epoch = 8;
    *ret_owned = true;
    return plain.answer;
}

static void close_plain(struct store *base)
{
    assert_ptr_equal(base, &plain.store);
    plain.closed = true;
}

static int begin(void **state)
{
    static const struct store_ops ops = {.load = load, .look = look, .close = close_plain};
    struct sr_err err;

    (void)state;
    plain.store = (struct store){.ops = &ops};
    plain.answer = SR_OK;
    plain.in_use = plain.closed = false;
    return store_meter_open(&plain.store, &meter, &store, &err) == SR_OK ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    store_close(&store);
    return plain.closed && store == NULL ? 0 : -1;
}

static uint64_t count_of(const struct sr_histogram *histogram)
{
    uint64_t count = 0;

    for (uint32_t i = 0; i <= histogram->bounds->count; i++) {
        count += histogram->buckets[i];
    }
    return count;
}

static enum sr_result load_one(void)
{
    struct sr_span key = sr_span_text("k");
    struct store_value value = {0};
    uint64_t epoch = 0;
    struct sr_err err;
    enum sr_result result = store->ops->load(store, &key, 1, &value, &epoch, &err);

    assert_int_equal(value.value, 1);
    assert_int_equal(epoch, 7);
    return result;
}

static void an_operation_is_passed_on_and_counted_under_its_name(void **state)
{
    uint64_t epoch = 0;
    bool owned = false;
    struct sr_err err;

    (void)state;
    assert_int_equal(load_one(), SR_OK);
    assert_true(plain.in_use && !atomic_load(&meter.in_use));
    assert_int_equal(count_of(&meter.operations[STORE_LOAD]), 1);
    assert_int_equal(count_of(&meter.operations[STORE_LOOK]), 0);
    assert_int_equal(store->ops->look(store, NULL, &epoch, &owned, &err), SR_OK);
    assert_true(epoch == 8 && owned);
    assert_int_equal(count_of(&meter.operations[STORE_LOOK]), 1);
    assert_int_equal(count_of(&meter.use), 2);
    assert_int_equal(count_of(&meter.idle), 2);
}

static void what_is_not_there_is_no_failure_and_an_outage_is_one(void **state)
{
    (void)state;
    plain.answer = SR_NOT_FOUND;
    assert_int_equal(load_one(), SR_NOT_FOUND);
    assert_int_equal(meter.failures[STORE_LOAD], 0);
    plain.answer = SR_UNAVAILABLE;
    assert_int_equal(load_one(), SR_UNAVAILABLE);
    assert_int_equal(meter.failures[STORE_LOAD], 1);
    assert_int_equal(count_of(&meter.operations[STORE_LOAD]), 2);
}

static void waiting_and_taking_over_are_told_by_who_does_it(void **state)
{
    uint64_t before = sr_clock_monotonic_ns();

    (void)state;
    store_meter_waited(store, before - 5000000000U);
    assert_int_equal(count_of(&meter.wait), 1);
    assert_true(meter.wait.sum >= 5000000000U);
    assert_int_equal(load_one(), SR_OK);
    store_meter_decoded(store);
    assert_int_equal(count_of(&meter.decode), 1);
    assert_true(meter.decode.sum <= sr_clock_monotonic_ns() - before);
}

static void a_store_without_a_meter_counts_nothing(void **state)
{
    (void)state;
    store_meter_waited(&plain.store, 0);
    store_meter_decoded(&plain.store);
    assert_int_equal(count_of(&meter.wait) + count_of(&meter.decode), 0);
}

static void every_operation_has_a_name_and_a_table(void **state)
{
    (void)state;
    assert_string_equal(store_operation_name(STORE_APPLY), "apply");
    assert_string_equal(store_operation_table(STORE_APPLY), "counters");
    assert_string_equal(store_operation_table(STORE_CLAIM), "counter_writers");
    assert_string_equal(store_operation_table(STORE_FIND_REQUESTS), "counter_requests");
}

/* A member more in struct store_ops must be passed on as well. */
static void every_call_of_a_store_is_passed_on(void **state)
{
    unsigned char bytes[sizeof(struct store_ops)];
    unsigned char missing[sizeof(void (*)(void))] = {0};

    (void)state;
    memcpy(bytes, store->ops, sizeof(bytes));
    for (size_t at = 0; at < sizeof(bytes); at += sizeof(missing)) {
        assert_memory_not_equal(bytes + at, missing, sizeof(missing));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_operation_is_passed_on_and_counted_under_its_name,
                                        begin, end),
        cmocka_unit_test_setup_teardown(what_is_not_there_is_no_failure_and_an_outage_is_one,
                                        begin, end),
        cmocka_unit_test_setup_teardown(waiting_and_taking_over_are_told_by_who_does_it, begin,
                                        end),
        cmocka_unit_test_setup_teardown(every_call_of_a_store_is_passed_on, begin, end),
        cmocka_unit_test_setup_teardown(a_store_without_a_meter_counts_nothing, begin, end),
        cmocka_unit_test(every_operation_has_a_name_and_a_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
