/*
 * The contract of load, look and cancel.
 */
#include "store/contract_support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void a_load_tells_values_and_epoch_in_the_order_asked(void **state)
{
    struct contract_writer writer;
    struct sr_change changes[] = {contract_change(SR_CHANGE_ADD, "a", 1),
                                  contract_change(SR_CHANGE_SET, "b", INT64_MIN),
                                  contract_change(SR_CHANGE_ADD, "c", 0)};
    struct sr_span keys[] = {sr_span_text("c"), sr_span_text("nowhere"), sr_span_text("a"),
                             sr_span_text("b"), sr_span_text("aa"),      sr_span_text("A")};
    struct store_value values[6];
    struct store *reader;
    struct sr_err err;
    uint64_t epoch = 0;

    contract_writer_open(&writer, *state, 1);
    contract_apply_all(&writer, changes, 3, NULL);
    reader = writer.target->open(writer.target->context, &writer.instance);
    memset(values, 0x55, sizeof(values));
    assert_int_equal(reader->ops->load(reader, keys, 6, values, &epoch, &err), SR_OK);
    assert_int_equal(epoch, 1);
    assert_true(values[0].exists && values[0].value == 0);
    assert_true(values[2].exists && values[2].value == 1);
    assert_true(values[3].exists && values[3].value == INT64_MIN);
    assert_true(!values[1].exists && !values[4].exists && !values[5].exists);
    store_close(&reader);
    contract_writer_close(&writer);
}

/* What a list told: "key=value;". */
struct told {
    char text[256];
    size_t size;
};

static enum sr_result tell(void *context, struct sr_span key, int64_t value)
{
    struct told *told = context;

    told->size +=
        (size_t)snprintf(told->text + told->size, sizeof(told->text) - told->size, "%.*s=%lld;",
                         (int)key.size, (const char *)key.data, (long long)value);
    return SR_OK;
}

static void check_list(struct store *reader, const char *from, bool is_past, uint32_t limit,
                       const char *wanted)
{
    struct store_range range = {.from = sr_span_text(from), .is_past = is_past, .limit = limit};
    struct told told = {.size = 0};
    struct store_rows rows = {.context = &told, .row = tell};
    struct sr_err err;
    uint64_t epoch = 0;

    assert_int_equal(reader->ops->list(reader, &range, &rows, &epoch, &err), SR_OK);
    assert_int_equal(epoch, 1);
    assert_string_equal(told.text, wanted);
}

static void a_list_tells_rows_in_the_order_of_their_bytes(void **state)
{
    struct contract_writer writer;
    struct sr_change changes[] = {contract_change(SR_CHANGE_ADD, "B", 1),
                                  contract_change(SR_CHANGE_ADD, "a", 2),
                                  contract_change(SR_CHANGE_ADD, "a ", 3),
                                  contract_change(SR_CHANGE_SET, "a\xc3\xa9", INT64_MIN),
                                  contract_change(SR_CHANGE_ADD, "b", 0)};
    struct store *reader;

    contract_writer_open(&writer, *state, 1);
    contract_apply_all(&writer, changes, 5, NULL);
    reader = writer.target->open(writer.target->context, &writer.instance);
    check_list(reader, "", false, 10, "B=1;a=2;a =3;a\xc3\xa9=-9223372036854775808;b=0;");
    check_list(reader, "a", false, 2, "a=2;a =3;");
    check_list(reader, "a", true, 2, "a =3;a\xc3\xa9=-9223372036854775808;");
    check_list(reader, "aa", false, 10, "a\xc3\xa9=-9223372036854775808;b=0;");
    check_list(reader, "b", true, 10, "");
    store_close(&reader);
    contract_writer_close(&writer);
}

static void a_list_without_a_writers_row_is_not_found(void **state)
{
    struct contract_writer writer;
    struct store_range range = {.limit = 10};
    struct told told = {.size = 0};
    struct store_rows rows = {.context = &told, .row = tell};
    struct sr_uuid other = {.bytes = {9, 9, 9}};
    struct store *reader;
    struct sr_err err;
    uint64_t epoch = 77;

    contract_writer_open(&writer, *state, 1);
    reader = writer.target->open(writer.target->context, &other);
    assert_int_equal(reader->ops->list(reader, &range, &rows, &epoch, &err), SR_NOT_FOUND);
    assert_int_equal(epoch, 77);
    store_close(&reader);
    contract_writer_close(&writer);
}

static enum sr_result read_all(struct store *reader, const char *prefix, struct told *told)
{
    struct store_rows rows = {.context = told, .row = tell};
    struct sr_err err;

    *told = (struct told){.size = 0};
    return reader->ops->read_all(reader, sr_span_text(prefix), &rows, &err);
}

static void check_read_all(struct store *reader, const char *prefix, const char *wanted)
{
    struct told told;

    assert_int_equal(read_all(reader, prefix, &told), SR_OK);
    assert_string_equal(told.text, wanted);
}

static void all_rows_of_a_prefix_are_read_without_a_writers_row(void **state)
{
    struct contract_writer writer;
    struct sr_change changes[] = {contract_change(SR_CHANGE_ADD, "B", 1),
                                  contract_change(SR_CHANGE_SET, "a", INT64_MAX),
                                  contract_change(SR_CHANGE_ADD, "a%", 3),
                                  contract_change(SR_CHANGE_ADD, "a_", -1),
                                  contract_change(SR_CHANGE_SET, "a\xc3\xa9", INT64_MIN),
                                  contract_change(SR_CHANGE_ADD, "a\xf4\x8f\xbf\xbfz", 5),
                                  contract_change(SR_CHANGE_ADD, "b", 0)};
    struct sr_uuid other = {.bytes = {9, 9, 9}};
    struct store *reader;

    contract_writer_open(&writer, *state, 1);
    contract_apply_all(&writer, changes, 7, NULL);
    reader = writer.target->open(writer.target->context, &other);
    check_read_all(reader, "a",
                   "a=9223372036854775807;a%=3;a_=-1;a\xc3\xa9=-9223372036854775808;"
                   "a\xf4\x8f\xbf\xbfz=5;");
    check_read_all(reader, "",
                   "B=1;a=9223372036854775807;a%=3;a_=-1;"
                   "a\xc3\xa9=-9223372036854775808;a\xf4\x8f\xbf\xbfz=5;b=0;");
    check_read_all(reader, "a_", "a_=-1;");
    check_read_all(reader, "c", "");
    store_close(&reader);
    contract_writer_close(&writer);
}

static void reading_all_where_nobody_claimed_is_not_found(void **state)
{
    const struct contract_target *target = *state;
    struct sr_uuid instance = contract_uuid(1);
    struct store *reader = target->open(target->context, &instance);
    struct told told;

    assert_int_equal(read_all(reader, "", &told), SR_NOT_FOUND);
    assert_int_equal(told.size, 0);
    store_close(&reader);
}

static struct sr_change numbered(uint64_t index, char *space)
{
    int size = snprintf(space, SR_KEY_SIZE_MAX + 1, "%05llu", (unsigned long long)index);

    return (struct sr_change){.key = {.data = (const uint8_t *)space, .size = (size_t)size},
                              .kind = SR_CHANGE_ADD,
                              .value = (sr_wide)index};
}

/* Every second one is not there. */
static void five_thousand_keys_are_loaded_at_once(void **state)
{
    enum { COUNT = 5000 };
    static char text[COUNT][SR_KEY_SIZE_MAX + 1];
    static struct sr_span keys[COUNT];
    static struct store_value values[COUNT];
    struct contract_writer writer;
    struct contract_source source;
    struct contract_sink sink;
    uint64_t epoch = 0;

    for (uint64_t i = 0; i < COUNT; i++) {
        uint64_t number = (i * 7919) % COUNT;

        (void)numbered(number, text[i]);
        text[i][0] = number % 2 == 0 ? '0' : 'x';
        keys[i] = sr_span_text(text[i]);
    }
    contract_writer_open(&writer, *state, 1);
    contract_source_make(&source, COUNT, numbered);
    contract_sink_init(&sink);
    assert_int_equal(contract_apply(&writer, &source, &sink), SR_OK);
    assert_int_equal(writer.store->ops->load(writer.store, keys, COUNT, values, &epoch,
                                             &writer.err),
                     SR_OK);
    for (uint64_t i = 0; i < COUNT; i++) {
        uint64_t number = (i * 7919) % COUNT;

        assert_int_equal(values[i].exists, number % 2 == 0);
        assert_true(values[i].value == (number % 2 == 0 ? (int64_t)number : 0));
    }
    contract_sink_done(&sink);
    contract_source_done(&source);
    contract_writer_close(&writer);
}

/* Sees that the numbered keys come in order, and lets the writer change them all meanwhile. */
struct watch {
    struct contract_writer *writer;
    uint64_t count, change_at, fail_at;
};

#define WATCHED 11000 /* more than two of the batches that the PostgreSQL driver reads */

static void add_to_all(struct contract_writer *writer)
{
    struct contract_source source;
    struct contract_sink sink;

    contract_source_make(&source, WATCHED, numbered);
    contract_sink_init(&sink);
    assert_int_equal(contract_apply(writer, &source, &sink), SR_OK);
    contract_sink_done(&sink);
    contract_source_done(&source);
}

static enum sr_result take_watched(void *context, struct sr_span key, int64_t value)
{
    struct watch *watch = context;
    char wanted[SR_KEY_SIZE_MAX + 1];

    if (watch->count == watch->fail_at) {
        return SR_FULL;
    }
    assert_true(sr_span_equal(key, numbered(watch->count, wanted).key));
    assert_true(value == (int64_t)watch->count);
    if (watch->count++ == watch->change_at) {
        add_to_all(watch->writer);
    }
    return SR_OK;
}

static void all_rows_are_of_one_moment_whatever_is_applied_meanwhile(void **state)
{
    struct contract_writer writer;
    struct watch watch = {.writer = &writer, .change_at = 100, .fail_at = UINT64_MAX};
    struct store_rows rows = {.context = &watch, .row = take_watched};
    struct sr_err err;
    struct store *reader;

    contract_writer_open(&writer, *state, 1);
    if (strcmp(writer.target->name, "store/fake") == 0) { /* it has no snapshots for readers */
        watch.change_at = UINT64_MAX;
    }
    add_to_all(&writer);
    reader = writer.target->open(writer.target->context, &writer.instance);
    assert_int_equal(reader->ops->read_all(reader, sr_span_text(""), &rows, &err), SR_OK);
    assert_int_equal(watch.count, WATCHED);
    store_close(&reader);
    contract_writer_close(&writer);
}

static void whoever_takes_the_rows_may_end_the_reading(void **state)
{
    struct contract_writer writer;
    struct watch watch = {.writer = &writer, .change_at = UINT64_MAX, .fail_at = 7000};
    struct store_rows rows = {.context = &watch, .row = take_watched};
    struct sr_err err;
    struct store *reader;

    contract_writer_open(&writer, *state, 1);
    add_to_all(&writer);
    reader = writer.target->open(writer.target->context, &writer.instance);
    assert_int_equal(reader->ops->read_all(reader, sr_span_text(""), &rows, &err), SR_FULL);
    assert_int_equal(watch.count, 7000);
    watch.fail_at = UINT64_MAX;
    watch.count = 0;
    assert_int_equal(reader->ops->read_all(reader, sr_span_text(""), &rows, &err), SR_OK);
    assert_int_equal(watch.count, WATCHED);
    store_close(&reader);
    contract_writer_close(&writer);
}

static void reading_where_nobody_claimed_is_not_found(void **state)
{
    const struct contract_target *target = *state;
    struct sr_uuid instance = contract_uuid(1);
    struct store *store = target->open(target->context, &instance);
    struct sr_span key = sr_span_text("a");
    struct store_value value;
    struct contract_writer other;
    struct sr_err err;
    uint64_t epoch;
    bool owned;

    assert_int_equal(store->ops->load(store, &key, 1, &value, &epoch, &err), SR_NOT_FOUND);
    assert_int_equal(store->ops->look(store, &instance, &epoch, &owned, &err), SR_NOT_FOUND);
    contract_writer_open(&other, target, 2);
    assert_int_equal(store->ops->load(store, &key, 1, &value, &epoch, &err), SR_NOT_FOUND);
    assert_int_equal(store->ops->look(store, &instance, &epoch, &owned, &err), SR_NOT_FOUND);
    contract_writer_close(&other);
    store_close(&store);
}

static void after_a_cut_a_load_connects_again(void **state)
{
    const struct contract_target *target = *state;
    struct contract_writer writer;
    struct sr_span key = sr_span_text("a");
    struct store_value value;
    enum sr_result res;
    uint64_t epoch;

    if (target->cut == NULL) {
        return;
    }
    contract_writer_open(&writer, target, 1);
    target->cut(target->context);
    /* The first call may find out, or connect again at once. */
    res = writer.store->ops->load(writer.store, &key, 1, &value, &epoch, &writer.err);
    assert_true(res == SR_OK || res == SR_UNAVAILABLE);
    contract_assert_absent(&writer, "a");
    contract_writer_close(&writer);
}

static void cancel_ends_every_later_call(void **state)
{
    struct contract_writer writer;
    struct contract_source source;
    struct contract_sink sink;
    struct sr_span key = sr_span_text("a");
    struct store_value value;
    uint64_t epoch;
    bool owned;

    contract_writer_open(&writer, *state, 1);
    contract_source_init(&source, NULL, 0);
    contract_sink_init(&sink);
    writer.store->ops->cancel(writer.store);
    assert_int_equal(contract_apply(&writer, &source, &sink), SR_UNAVAILABLE);
    assert_int_equal(writer.store->ops->load(writer.store, &key, 1, &value, &epoch,
                                             &writer.err),
                     SR_UNAVAILABLE);
    assert_int_equal(writer.store->ops->look(writer.store, &writer.owner, &epoch, &owned,
                                             &writer.err),
                     SR_UNAVAILABLE);
    assert_int_equal(contract_claim(writer.store, (uint8_t[]){101}, 1, true, &epoch,
                                    &writer.err),
                     SR_UNAVAILABLE);
    contract_sink_done(&sink);
    contract_source_done(&source);
    contract_writer_close(&writer);
}

static void info_names_driver_database_and_version(void **state)
{
    struct contract_writer writer;
    struct store_info info;

    contract_writer_open(&writer, *state, 1);
    writer.store->ops->info(writer.store, &info);
    assert_true(strlen(info.driver) > 0);
    assert_non_null(info.host);
    assert_true(strlen(info.database) > 0);
    assert_true(strlen(info.version) > 0);
    contract_writer_close(&writer);
}

const struct CMUnitTest contract_read_tests[] = {
    cmocka_unit_test(a_load_tells_values_and_epoch_in_the_order_asked),
    cmocka_unit_test(a_list_tells_rows_in_the_order_of_their_bytes),
    cmocka_unit_test(a_list_without_a_writers_row_is_not_found),
    cmocka_unit_test(all_rows_of_a_prefix_are_read_without_a_writers_row),
    cmocka_unit_test(reading_all_where_nobody_claimed_is_not_found),
    cmocka_unit_test(all_rows_are_of_one_moment_whatever_is_applied_meanwhile),
    cmocka_unit_test(whoever_takes_the_rows_may_end_the_reading),
    cmocka_unit_test(five_thousand_keys_are_loaded_at_once),
    cmocka_unit_test(reading_where_nobody_claimed_is_not_found),
    cmocka_unit_test(after_a_cut_a_load_connects_again),
    cmocka_unit_test(cancel_ends_every_later_call),
    cmocka_unit_test(info_names_driver_database_and_version),
};
const size_t contract_read_tests_count = CONTRACT_COUNT(contract_read_tests);
