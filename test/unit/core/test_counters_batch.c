/*
 * Batches: all or none, as if the items were counted one after the other and nothing between.
 */
#include "table.h"

#include "base/check.h"
#include "core/counters_batch.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MEMORY ((size_t)4 << 20)

struct fixture {
    struct table table;
    struct counters_batch batch;
    uint32_t item; /* that an answer named */
};

static int setup(void **state)
{
    static struct fixture f;

    table_init(&f.table, MEMORY, 4);
    counters_batch_init(&f.batch);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    counters_batch_done(&f->batch);
    table_done(&f->table);
    return 0;
}

static void add(struct fixture *f, const char *key, int64_t value)
{
    assert_int_equal(counters_batch_add(&f->batch, sr_span_text(key), value), SR_OK);
}

static enum counters_status count(struct fixture *f)
{
    return counters_increment_all(f->table.counters, &f->table.turn, &f->batch, &f->item);
}

static void expect_total(const struct fixture *f, uint32_t i, int64_t total)
{
    assert_true(f->batch.items[i].total_known);
    assert_true(f->batch.items[i].total == total);
}

/* Holds the entry of a leader; gives the pin back at once. */
static enum counters_status hold(struct fixture *f, uint32_t i)
{
    struct table *t = &f->table;
    enum counters_status status =
        counters_hold(t->counters, &t->turn, counters_batch_key(&f->batch, i),
                      f->batch.items[i].hash, &t->out);

    if (t->out.pinned) {
        counters_unpin(t->counters, t->out.ref);
    }
    return status;
}

static void totals_run_through_the_batch(void **state)
{
    struct fixture *f = *state;

    table_load(&f->table, "a", 100);
    table_load_absent(&f->table, "b");
    table_adds(&f->table, "a", 5, 105);
    add(f, "a", 1);
    add(f, "b", 7);
    add(f, "a", -3);
    add(f, "a", 0);
    assert_int_equal(counters_batch_record_bytes(&f->batch), 4 * (24 + 1));
    assert_int_equal(count(f), COUNTERS_DONE);
    expect_total(f, 0, 106);
    expect_total(f, 1, 7);
    expect_total(f, 2, 103);
    expect_total(f, 3, 103);
    assert_int_equal(f->batch.items[3].leader, 0);
    assert_int_equal(table_stats(&f->table).dirty[TABLE_EPOCH & 1], 2);
    table_reads(&f->table, "a", 103);
}

static void a_key_that_is_not_there_waits_and_nothing_is_counted(void **state)
{
    struct fixture *f = *state;

    table_load(&f->table, "a", 1);
    add(f, "a", 1);
    add(f, "cold", 1);
    assert_int_equal(count(f), COUNTERS_WAIT_LOAD);
    assert_int_equal(f->item, 1);
    table_reads(&f->table, "a", 1);
    assert_int_equal(hold(f, 0), COUNTERS_DONE);
    assert_int_equal(hold(f, 1), COUNTERS_WAIT_LOAD);
    assert_true(f->table.out.start_load);
    assert_int_equal(count(f), COUNTERS_WAIT_LOAD);
    assert_int_equal(counters_install(f->table.counters, f->table.out.ref, 40, true,
                                      TABLE_EPOCH - 1, TABLE_TICK),
                     COUNTERS_INSTALLED);
    assert_int_equal(count(f), COUNTERS_DONE);
    expect_total(f, 0, 2);
    expect_total(f, 1, 41);
}

static void without_the_store_held_keys_are_counted_without_totals(void **state)
{
    struct fixture *f = *state;

    table_load(&f->table, "a", 1);
    f->table.turn.may_wait = false;
    add(f, "cold", 1);
    add(f, "a", 1);
    add(f, "cold", 2);
    assert_int_equal(count(f), COUNTERS_WAIT_LOAD);
    assert_int_equal(hold(f, 0), COUNTERS_DONE);
    assert_int_equal(count(f), COUNTERS_DONE);
    assert_false(f->batch.items[0].total_known);
    expect_total(f, 1, 2);
    assert_false(f->batch.items[2].total_known);
    f->table.turn.may_wait = true;
    table_load_at(&f->table, "cold", 10, TABLE_EPOCH - 1);
    table_reads(&f->table, "cold", 13);
}

static void an_overflow_names_its_item_and_changes_nothing(void **state)
{
    struct fixture *f = *state;

    table_load(&f->table, "a", INT64_MAX - 5);
    table_load(&f->table, "b", 0);
    add(f, "b", 1);
    add(f, "a", 3);
    add(f, "a", 3);
    assert_int_equal(count(f), COUNTERS_OVERFLOW);
    assert_int_equal(f->item, 2);
    table_reads(&f->table, "b", 0);
    assert_int_equal(table_stats(&f->table).dirty[TABLE_EPOCH & 1], 0);
    counters_batch_clear(&f->batch);
    add(f, "a", 3);
    add(f, "a", -3);
    add(f, "a", 5);
    assert_int_equal(count(f), COUNTERS_DONE);
    expect_total(f, 2, INT64_MAX);
}

static void a_delta_that_would_overflow_names_its_item(void **state)
{
    struct fixture *f = *state;

    table_load(&f->table, "a", INT64_MIN);
    add(f, "a", INT64_MAX);
    add(f, "a", 1);
    assert_int_equal(count(f), COUNTERS_SLOT_FULL);
    assert_int_equal(f->item, 1);
    table_reads(&f->table, "a", INT64_MIN);
}

static void adds_lie_over_sets_and_deletes(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(table_set(&f->table, "set", 10), COUNTERS_DONE);
    assert_int_equal(table_set(&f->table, "set", 20), COUNTERS_DONE);
    assert_int_equal(table_delete(&f->table, "gone"), COUNTERS_DONE);
    add(f, "set", 1);
    add(f, "gone", 1);
    assert_int_equal(count(f), COUNTERS_DONE);
    expect_total(f, 0, 21);
    expect_total(f, 1, 1);
    assert_int_equal(f->batch.items[0].generation, 2);
    assert_int_equal(f->batch.items[1].generation, 1);
}

static void a_turn_of_the_epoch_before_waits_for_what_must_not_be_overtaken(void **state)
{
    struct fixture *f = *state;

    table_load(&f->table, "a", 0);
    table_load(&f->table, "b", 0);
    table_tick(&f->table);
    f->table.turn.epoch++;
    assert_int_equal(table_set(&f->table, "b", 5), COUNTERS_DONE);
    f->table.turn.epoch--;
    add(f, "a", 1);
    add(f, "b", 1);
    assert_int_equal(count(f), COUNTERS_WAIT_TURN);
    assert_int_equal(f->item, 1);
    table_reads(&f->table, "a", 0);
    table_next_turn(&f->table);
    assert_int_equal(count(f), COUNTERS_DONE);
    expect_total(f, 1, 6);
}

static void room_that_the_next_epoch_made_is_not_the_sealed_ones(void **state)
{
    struct fixture *f = *state;

    table_load(&f->table, "a", INT64_MAX - 1);
    table_tick(&f->table);
    f->table.turn.epoch++;
    table_adds(&f->table, "a", -10, INT64_MAX - 11);
    f->table.turn.epoch--;
    add(f, "a", 1);
    add(f, "a", 1);
    assert_int_equal(count(f), COUNTERS_WAIT_TURN);
    assert_int_equal(f->item, 1);
    table_next_turn(&f->table);
    assert_int_equal(count(f), COUNTERS_DONE);
    expect_total(f, 1, INT64_MAX - 9);
}

static void a_stale_base_is_loaded_again(void **state)
{
    struct fixture *f = *state;

    table_load(&f->table, "a", 1);
    f->table.turn.tick += 3;
    add(f, "a", 1);
    assert_int_equal(count(f), COUNTERS_WAIT_LOAD);
    f->table.turn.may_wait = false;
    assert_int_equal(count(f), COUNTERS_DONE);
    expect_total(f, 0, 2);
}

static void a_batch_has_its_maximum(void **state)
{
    struct fixture *f = *state;
    char key[16];

    f->table.turn.may_wait = false;
    for (unsigned n = 0; n < SR_BATCH_ITEMS_MAX; n++) {
        (void)snprintf(key, sizeof(key), "key%u", n % 4000);
        add(f, key, 1);
    }
    assert_int_equal(counters_batch_add(&f->batch, sr_span_text("x"), 1), SR_FULL);
    counters_batch_prepare(f->table.counters, &f->batch);
    for (uint32_t i = 0; i < f->batch.count; i++) {
        assert_int_equal(f->batch.items[i].leader, i % 4000);
        assert_int_equal(i < 4000 ? hold(f, i) : COUNTERS_DONE, COUNTERS_DONE);
    }
    assert_int_equal(count(f), COUNTERS_DONE);
    assert_int_equal(table_stats(&f->table).dirty[TABLE_EPOCH & 1], 4000);
    assert_true(counters_batch_bytes(&f->batch) >= SR_BATCH_ITEMS_MAX * 64);
}

static void held_entries_are_not_evicted(void **state)
{
    struct fixture *f = *state;
    struct table *t = &f->table;
    struct sr_span key = sr_span_text("held");
    uint64_t hash = counters_hash(t->counters, key);
    char other[16];
    counters_ref ref;

    t->turn.may_wait = false;
    assert_int_equal(counters_hold(t->counters, &t->turn, key, hash, &t->out), COUNTERS_DONE);
    assert_true(t->out.pinned);
    ref = t->out.ref;
    for (unsigned n = 0; n < 100000; n++) {
        (void)snprintf(other, sizeof(other), "key%u", n);
        key = sr_span_text(other);
        assert_int_equal(counters_hold(t->counters, &t->turn, key,
                                       counters_hash(t->counters, key), &t->out),
                         COUNTERS_DONE);
        counters_unpin(t->counters, t->out.ref);
    }
    assert_true(table_stats(t).evictions > 0);
    key = sr_span_text("held");
    assert_int_equal(counters_hold(t->counters, &t->turn, key, hash, &t->out), COUNTERS_DONE);
    assert_int_equal(t->out.ref, ref);
    counters_unpin(t->counters, ref);
    counters_unpin(t->counters, ref);
}

/* ---- against one after the other ---- */

#define KEYS 12U

static int64_t draw_value(unsigned *seed)
{
    static const int64_t values[] = {
        0, 1, -1, 5, INT64_MAX, INT64_MIN, INT64_MAX / 2, INT64_MIN / 2};

    return values[(unsigned)rand_r(seed) % 8];
}

/* Whether single increments of the items, in order, were all counted; their totals. */
static enum counters_status count_singly(struct table *t, const struct counters_batch *batch,
                                         int64_t *totals, uint32_t *ret_item)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        struct sr_span key = counters_batch_key(batch, i);
        enum counters_status status =
            counters_increment(t->counters, &t->turn, key, counters_hash(t->counters, key),
                               batch->items[i].value, &t->out);

        if (status != COUNTERS_DONE) {
            *ret_item = i;
            return status;
        }
        totals[i] = t->out.total;
    }
    return COUNTERS_DONE;
}

/* The same state in both: bases, an older epoch's adds and sets, and the open one's. */
static void fill(struct table *a, struct table *b, unsigned seed)
{
    for (unsigned step = 0; step < 30; step++) {
        char key[2] = {(char)('a' + (unsigned)rand_r(&seed) % KEYS), '\0'};
        unsigned what = (unsigned)rand_r(&seed) % 4;
        int64_t value = draw_value(&seed);

        if (step == 15) {
            table_tick(a);
            table_tick(b);
            table_next_turn(a);
            table_next_turn(b);
        }
        if (what == 0) {
            assert_int_equal(table_set(a, key, value), table_set(b, key, value));
        } else if (what == 1) {
            assert_int_equal(table_delete(a, key), table_delete(b, key));
        } else {
            assert_int_equal(table_add(a, key, value), table_add(b, key, value));
        }
    }
}

static void load_all(struct table *t, unsigned seed)
{
    for (unsigned n = 0; n < KEYS; n++) {
        char key[2] = {(char)('a' + n), '\0'};

        table_load(t, key, draw_value(&seed));
    }
}

static void check_seed(unsigned seed)
{
    struct fixture f;
    struct table single;
    int64_t totals[8];
    uint32_t item = 0;
    enum counters_status wanted;

    table_init(&f.table, MEMORY, 4);
    table_init(&single, MEMORY, 4);
    counters_batch_init(&f.batch);
    load_all(&f.table, seed);
    load_all(&single, seed);
    fill(&f.table, &single, seed);
    for (unsigned n = 0; n < 8; n++) {
        char key[2] = {(char)('a' + (unsigned)rand_r(&seed) % 3), '\0'};

        add(&f, key, draw_value(&seed));
    }
    /* Now and then in a turn of the epoch before. */
    f.table.turn.epoch -= seed % 3 == 0;
    single.turn.epoch -= seed % 3 == 0;
    wanted = count_singly(&single, &f.batch, totals, &item);
    assert_int_equal(count(&f), wanted);
    if (wanted == COUNTERS_DONE) {
        for (uint32_t i = 0; i < f.batch.count; i++) {
            expect_total(&f, i, totals[i]);
        }
    } else {
        assert_int_equal(f.item, item);
    }
    assert_true(counters_valid(f.table.counters));
    counters_batch_done(&f.batch);
    table_done(&f.table);
    table_done(&single);
}

static void a_batch_is_answered_as_its_items_would_be_singly(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 2000; seed++) {
        check_seed(seed);
    }
}

/* ---- threads ---- */

#define THREADS 4U
#define ROUNDS 5000
#define PAIR 16U /* keys of a batch: in many shards, in another order for each thread */

struct adder {
    struct counters *counters;
    unsigned number;
    int64_t seen[ROUNDS]; /* the total in every key, which is one and the same */
    pthread_t thread;
};

static void *add_all(void *context)
{
    struct adder *adder = context;
    struct counters_turn turn = {.epoch = TABLE_EPOCH, .tick = TABLE_TICK};
    struct counters_batch batch;

    counters_batch_init(&batch);
    for (int round = 0; round < ROUNDS; round++) {
        uint32_t item;

        counters_batch_clear(&batch);
        for (unsigned n = 0; n < PAIR; n++) {
            char key[2] = {(char)('a' + (n * (2 * adder->number + 1) + adder->number) % PAIR),
                           '\0'};

            SR_CHECK(counters_batch_add(&batch, sr_span_text(key), 1) == SR_OK);
        }
        SR_CHECK(counters_increment_all(adder->counters, &turn, &batch, &item) ==
                 COUNTERS_DONE);
        adder->seen[round] = batch.items[0].total;
        for (unsigned n = 1; n < PAIR; n++) {
            SR_CHECK(batch.items[n].total == batch.items[0].total);
        }
    }
    counters_batch_done(&batch);
    return NULL;
}

static void batches_of_many_threads_stand_in_one_order(void **state)
{
    static struct adder adders[THREADS];
    static bool seen[THREADS * ROUNDS + 1];
    struct fixture *f = *state;

    for (unsigned n = 0; n < PAIR; n++) {
        char key[2] = {(char)('a' + n), '\0'};

        table_load(&f->table, key, 0);
    }
    for (unsigned n = 0; n < THREADS; n++) {
        adders[n].counters = f->table.counters;
        adders[n].number = n;
        assert_int_equal(pthread_create(&adders[n].thread, NULL, add_all, &adders[n]), 0);
    }
    for (unsigned n = 0; n < THREADS; n++) {
        assert_int_equal(pthread_join(adders[n].thread, NULL), 0);
        for (int round = 0; round < ROUNDS; round++) {
            assert_in_range(adders[n].seen[round], 1, THREADS * ROUNDS);
            assert_false(seen[adders[n].seen[round]]);
            seen[adders[n].seen[round]] = true;
        }
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(totals_run_through_the_batch),
        TEST(a_key_that_is_not_there_waits_and_nothing_is_counted),
        TEST(without_the_store_held_keys_are_counted_without_totals),
        TEST(an_overflow_names_its_item_and_changes_nothing),
        TEST(a_delta_that_would_overflow_names_its_item),
        TEST(adds_lie_over_sets_and_deletes),
        TEST(a_turn_of_the_epoch_before_waits_for_what_must_not_be_overtaken),
        TEST(room_that_the_next_epoch_made_is_not_the_sealed_ones),
        TEST(a_stale_base_is_loaded_again),
        TEST(a_batch_has_its_maximum),
        TEST(held_entries_are_not_evicted),
        cmocka_unit_test(a_batch_is_answered_as_its_items_would_be_singly),
        TEST(batches_of_many_threads_stand_in_one_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
