/*
 * The merger: sums by key in key order, in memory and over many runs, with sums beyond 64 bits.
 */
#include "journal/merge.h"
#include "support/fake_disk.h"
#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>

#define SMALL (96U * 1024U)

struct drained {
    char last[SR_KEY_SIZE_MAX + 1];
    uint64_t count;
    sr_wide sum;
    int64_t values[4];
    enum sr_change_kind kinds[4];
};

static enum sr_result take(void *context, const struct sr_change *change, struct sr_err *err)
{
    struct drained *drained = context;
    struct sr_span last = sr_span_text(drained->last);

    (void)err;
    assert_true(sr_wide_fits_i64(change->value));
    assert_true(sr_span_compare(last, change->key) <= 0);
    memcpy(drained->last, change->key.data, change->key.size);
    drained->last[change->key.size] = '\0';
    if (drained->count < 4) {
        drained->values[drained->count] = (int64_t)change->value;
        drained->kinds[drained->count] = change->kind;
    }
    drained->count++;
    drained->sum += change->value;
    return SR_OK;
}

static void add(struct merger *m, const char *key, int64_t value, enum sr_change_kind kind,
                uint32_t generation)
{
    struct sr_change change = {.key = sr_span_text(key),
                               .value = value,
                               .kind = kind,
                               .generation = generation};
    struct sr_err err;

    assert_int_equal(merger_add(m, &change, &err), SR_OK);
}

static struct drained drain(struct merger *m)
{
    struct drained drained = {.last = ""};
    struct sr_err err;

    assert_int_equal(merger_drain(m, true, take, &drained, &err), SR_OK);
    return drained;
}

struct merge_fixture {
    struct fake_disk *fake;
    struct merger *merger;
};

static int setup(void **state)
{
    struct merge_fixture *f = calloc(1, sizeof(*f));
    struct sr_err err;

    f->fake = fake_disk_new(1);
    *state = f;
    return merger_open(fake_disk_base(f->fake), SMALL, 1, &f->merger, &err) == SR_OK ? 0 : -1;
}

static int teardown(void **state)
{
    struct merge_fixture *f = *state;

    merger_close(&f->merger);
    assert_int_equal(fake_disk_count(f->fake, ""), 0);
    fake_disk_free(&f->fake);
    free(f);
    return 0;
}

static void changes_of_a_key_become_one_in_key_order(void **state)
{
    struct merge_fixture *f = *state;
    struct drained drained;

    add(f->merger, "b", 1, SR_CHANGE_ADD, 0);
    add(f->merger, "a", 2, SR_CHANGE_ADD, 0);
    add(f->merger, "b", 3, SR_CHANGE_ADD, 0);
    drained = drain(f->merger);
    assert_int_equal(drained.count, 2);
    assert_int_equal(drained.values[0], 2);
    assert_int_equal(drained.values[1], 4);
}

static void many_keys_over_many_runs_give_every_sum_once(void **state)
{
    struct merge_fixture *f = *state;
    struct drained drained;
    char key[32];

    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 5000; i++) {
            (void)snprintf(key, sizeof(key), "key:%d", (i * 7919) % 5000);
            add(f->merger, key, i, SR_CHANGE_ADD, 0);
        }
    }
    assert_true(fake_disk_count(f->fake, "run-") > 3);
    drained = drain(f->merger);
    assert_int_equal(drained.count, 5000);
    assert_true(drained.sum == 3 * (sr_wide)(4999 * 5000 / 2));
}

struct sums {
    char last[SR_KEY_SIZE_MAX + 1];
    uint64_t count;
    int64_t of[1024]; /* at the number that a key ends with; a key without one is "same/" */
};

static enum sr_result take_sum(void *context, const struct sr_change *change,
                               struct sr_err *err)
{
    struct sums *sums = context;
    size_t at = 0;

    (void)err;
    assert_true(sr_span_compare(sr_span_text(sums->last), change->key) < 0);
    memcpy(sums->last, change->key.data, change->key.size);
    sums->last[change->key.size] = '\0';
    sums->count++;
    for (size_t i = strlen("same/"); i < change->key.size; i++) {
        at = sums->last[i] == 'x' ? at : at * 10 + (size_t)(sums->last[i] - '0');
    }
    sums->of[at] += (int64_t)change->value;
    return SR_OK;
}

/* Keys that begin alike, that begin with another and that come again at once: additions wait in
 * a ring for each other, and sorting looks at eight bytes first. */
static void keys_that_are_alike_keep_apart_and_in_order(void **state)
{
    struct merge_fixture *f = *state;
    struct sums *sums = calloc(1, sizeof(*sums));
    int64_t expected[1024] = {0};
    uint32_t random = 1;
    struct sr_err err;
    char key[64];

    for (int i = 0; i < 20000; i++) {
        size_t number;

        random = random * 1664525U + 1013904223U;
        number = random >> 22; /* 0 to 1023 */
        number = i % 3 == 0 ? number % 4 : number;
        if (number == 0) {
            (void)snprintf(key, sizeof(key), "same/");
        } else {
            (void)snprintf(key, sizeof(key), "same/%s%zu", number % 2 == 0 ? "xxxxxxxxxxx" : "",
                           number);
        }
        add(f->merger, key, i, SR_CHANGE_ADD, 0);
        expected[number] += i;
    }
    assert_int_equal(merger_drain(f->merger, true, take_sum, sums, &err), SR_OK);
    assert_int_equal(sums->count, 1024);
    assert_memory_equal(sums->of, expected, sizeof(expected));
    free(sums);
}

static void a_higher_generation_wins_whatever_the_order(void **state)
{
    struct merge_fixture *f = *state;
    struct drained drained;

    add(f->merger, "a", 5, SR_CHANGE_ADD, 1);
    add(f->merger, "a", 100, SR_CHANGE_ADD, 0);
    add(f->merger, "a", 10, SR_CHANGE_SET, 1);
    drained = drain(f->merger);
    assert_int_equal(drained.count, 1);
    assert_int_equal(drained.values[0], 15);
    assert_int_equal(drained.kinds[0], SR_CHANGE_SET);
}

static void an_add_over_a_set_that_is_lost_takes_nothing_with_it(void **state)
{
    struct merge_fixture *f = *state;
    struct drained drained;

    add(f->merger, "a", 5, SR_CHANGE_ADD, 0);
    add(f->merger, "a", 1, SR_CHANGE_ADD, 1); /* over a set that nobody handed over */
    add(f->merger, "b", 3, SR_CHANGE_SET, 1);
    add(f->merger, "b", 2, SR_CHANGE_ADD, 3);
    add(f->merger, "c", 0, SR_CHANGE_DELETE, 1);
    add(f->merger, "c", 7, SR_CHANGE_ADD, 0);
    drained = drain(f->merger);
    assert_int_equal(drained.count, 3);
    assert_int_equal(drained.values[0], 6);
    assert_int_equal(drained.kinds[0], SR_CHANGE_ADD);
    assert_int_equal(drained.values[1], 5);
    assert_int_equal(drained.kinds[1], SR_CHANGE_SET);
    assert_int_equal(drained.values[2], 0);
    assert_int_equal(drained.kinds[2], SR_CHANGE_DELETE);
}

static void an_add_over_a_set_that_may_still_come_stays_apart(void **state)
{
    struct merge_fixture *f = *state;
    struct drained drained = {.last = ""};
    struct sr_err err;

    add(f->merger, "a", 5, SR_CHANGE_ADD, 0);
    add(f->merger, "a", 1, SR_CHANGE_ADD, 1);
    assert_int_equal(merger_drain(f->merger, false, take, &drained, &err), SR_OK);
    assert_int_equal(drained.count, 2);
    assert_int_equal(drained.values[0], 1);
    assert_int_equal(drained.values[1], 5);
}

static void sums_beyond_64_bits_on_the_way_are_exact(void **state)
{
    struct merge_fixture *f = *state;
    struct drained drained;

    add(f->merger, "a", INT64_MIN, SR_CHANGE_ADD, 0);
    add(f->merger, "a", INT64_MIN, SR_CHANGE_ADD, 0);
    add(f->merger, "a", INT64_MAX, SR_CHANGE_ADD, 0);
    add(f->merger, "a", INT64_MAX, SR_CHANGE_ADD, 0);
    drained = drain(f->merger);
    assert_int_equal(drained.count, 1);
    assert_int_equal(drained.values[0], -2);
}

static void a_sum_beyond_64_bits_is_handed_out_in_pieces(void **state)
{
    struct merge_fixture *f = *state;
    struct drained drained;

    add(f->merger, "a", INT64_MAX, SR_CHANGE_ADD, 0);
    add(f->merger, "a", 5, SR_CHANGE_ADD, 0);
    drained = drain(f->merger);
    assert_int_equal(drained.count, 2);
    assert_true(drained.sum == (sr_wide)INT64_MAX + 5);
}

static void a_failing_disk_is_an_error_not_a_loss(void **state)
{
    struct merge_fixture *f = *state;
    enum sr_result result = SR_OK;
    struct sr_err err;
    char key[32];

    fake_disk_fail_at(f->fake, 3, SR_IO);
    for (int i = 0; i < 5000 && result == SR_OK; i++) {
        struct sr_change change = {.value = 1, .kind = SR_CHANGE_ADD};

        (void)snprintf(key, sizeof(key), "key:%d", i);
        change.key = sr_span_text(key);
        result = merger_add(f->merger, &change, &err);
    }
    assert_int_equal(result, SR_IO);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(changes_of_a_key_become_one_in_key_order),
        T(many_keys_over_many_runs_give_every_sum_once),
        T(keys_that_are_alike_keep_apart_and_in_order),
        T(a_higher_generation_wins_whatever_the_order),
        T(an_add_over_a_set_that_is_lost_takes_nothing_with_it),
        T(an_add_over_a_set_that_may_still_come_stays_apart),
        T(sums_beyond_64_bits_on_the_way_are_exact),
        T(a_sum_beyond_64_bits_is_handed_out_in_pieces),
        T(a_failing_disk_is_an_error_not_a_loss),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
