/*
 * The sketch of the hottest keys against exact counts of the same streams: what it promises of
 * each key it holds, of those it does not hold, of the total, and of age.
 */
#include "support/unit.h"

#include "base/siphash.h"
#include "core/hot_keys.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEYS 1000U
#define CAPACITY 64U

/* Room for what was rounded: sums here stay below 2^40. */
#define ROUNDING 1e-3

static const struct sr_siphash_key hash_key = {.k0 = 3, .k1 = 5};

struct stream {
    struct hot_keys *hot;
    double exact[KEYS];
    uint64_t random;
};

static void open_stream(struct stream *s, uint32_t capacity)
{
    struct sr_err err;

    memset(s, 0, sizeof(*s));
    s->random = 0x9E3779B97F4A7C15U;
    assert_int_equal(hot_keys_open(capacity, &s->hot, &err), SR_OK);
}

static uint32_t draw(struct stream *s, uint32_t bound)
{
    s->random ^= s->random << 13;
    s->random ^= s->random >> 7;
    s->random ^= s->random << 17;
    return (uint32_t)((s->random >> 16) % bound);
}

static void add(struct stream *s, uint32_t number, double weight)
{
    char text[16];
    struct sr_span key;

    (void)snprintf(text, sizeof(text), "key-%u", number);
    key = sr_span_text(text);
    hot_keys_add(s->hot, key, sr_siphash13(&hash_key, key), weight);
    s->exact[number] += weight;
}

/* Number of a key, which ends with it. */
static uint32_t number_of(struct sr_span key)
{
    char text[16] = "";

    assert_true(key.size > 4 && key.size < sizeof(text));
    memcpy(text, key.data, key.size);
    return (uint32_t)strtoul(text + 4, NULL, 10);
}

static double exact_total(const struct stream *s)
{
    double sum = 0;

    for (uint32_t i = 0; i < KEYS; i++) {
        sum += s->exact[i];
    }
    return sum;
}

/* All that hot_keys.h says of a sketch that was given this stream. */
static void check_bounds(const struct stream *s, uint32_t capacity)
{
    struct hot_key top[CAPACITY];
    bool held[KEYS] = {false};
    uint32_t count = hot_keys_top(s->hot, CAPACITY, top);
    double least = exact_total(s) / capacity;

    assert_true(hot_keys_valid(s->hot));
    assert_true(hot_keys_total(s->hot) >= exact_total(s) - ROUNDING);
    assert_true(hot_keys_total(s->hot) <= exact_total(s) + ROUNDING);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t number = number_of(top[i].key);

        assert_false(held[number]);
        held[number] = true;
        assert_true(i == 0 || top[i].count <= top[i - 1].count);
        assert_true(top[i].error <= least + ROUNDING);
        assert_true(top[i].count >= s->exact[number] - ROUNDING);
        assert_true(top[i].count - top[i].error <= s->exact[number] + ROUNDING);
    }
    for (uint32_t number = 0; number < KEYS; number++) {
        assert_true(held[number] || s->exact[number] <= least + ROUNDING);
    }
}

static void few_keys_are_counted_exactly(void **state)
{
    struct stream s;
    struct hot_key top[3];

    (void)state;
    open_stream(&s, 3);
    add(&s, 1, 1);
    add(&s, 2, 5);
    add(&s, 3, 2);
    add(&s, 1, 1.5);
    assert_int_equal(hot_keys_top(s.hot, 3, top), 3);
    assert_int_equal(number_of(top[0].key), 2);
    assert_int_equal(number_of(top[1].key), 1);
    assert_int_equal(number_of(top[2].key), 3);
    assert_true(top[0].count == 5 && top[1].count == 2.5 && top[2].count == 2);
    assert_true(top[0].error == 0 && top[1].error == 0 && top[2].error == 0);
    assert_int_equal(hot_keys_top(s.hot, 1, top), 1);
    assert_int_equal(number_of(top[0].key), 2);
    assert_int_equal(hot_keys_top(s.hot, 0, top), 0);
    hot_keys_close(&s.hot);
    assert_null(s.hot);
}

static void a_new_key_takes_the_place_of_the_least_and_says_by_how_much_it_may_be_wrong(
    void **state)
{
    struct stream s;
    struct hot_key top[2];

    (void)state;
    open_stream(&s, 2);
    add(&s, 1, 10);
    add(&s, 2, 3);
    add(&s, 3, 1);
    assert_int_equal(hot_keys_top(s.hot, 2, top), 2);
    assert_int_equal(number_of(top[1].key), 3);
    assert_true(top[1].count == 4 && top[1].error == 3);
    assert_true(top[0].count == 10 && top[0].error == 0);
    check_bounds(&s, 2);
    hot_keys_close(&s.hot);
}

static void bounds_hold_for_skewed_streams_after_every_thousand(void **state)
{
    struct stream s;

    (void)state;
    open_stream(&s, CAPACITY);
    for (uint32_t i = 1; i <= 50000; i++) {
        /* The product of uniform draws favours small numbers. */
        add(&s, draw(&s, 1 + draw(&s, 1 + draw(&s, KEYS))), 1);
        if (i % 1000 == 0) {
            check_bounds(&s, CAPACITY);
        }
    }
    hot_keys_close(&s.hot);
}

static void bounds_hold_where_every_key_is_as_hot_as_the_others(void **state)
{
    struct stream s;

    (void)state;
    open_stream(&s, CAPACITY);
    for (uint32_t i = 0; i < 20 * KEYS; i++) {
        add(&s, i % KEYS, 1);
        if (i % 777 == 0) {
            check_bounds(&s, CAPACITY);
        }
    }
    hot_keys_close(&s.hot);
}

static void bounds_hold_with_weights_and_age(void **state)
{
    struct stream s;

    (void)state;
    open_stream(&s, CAPACITY);
    for (uint32_t second = 0; second < 50; second++) {
        hot_keys_scale(s.hot, 0.9);
        for (uint32_t i = 0; i < KEYS; i++) {
            s.exact[i] *= 0.9;
        }
        for (uint32_t i = 0; i < 500; i++) {
            add(&s, draw(&s, 1 + draw(&s, KEYS)), 1 + draw(&s, 40));
        }
        check_bounds(&s, CAPACITY);
    }
    hot_keys_close(&s.hot);
}

static void a_key_that_cools_down_gives_way(void **state)
{
    struct stream s;
    struct hot_key top[1];

    (void)state;
    open_stream(&s, CAPACITY);
    add(&s, 1, 1000);
    for (uint32_t second = 0; second < 80; second++) {
        hot_keys_scale(s.hot, 0.9);
        add(&s, 2, 1);
    }
    assert_int_equal(hot_keys_top(s.hot, 1, top), 1);
    assert_int_equal(number_of(top[0].key), 2);
    assert_true(top[0].count > 9.9 && top[0].count < 10);
    hot_keys_close(&s.hot);
}

static void keys_of_every_size_whose_hashes_collide_are_told_apart(void **state)
{
    struct stream s;
    uint8_t bytes[512];
    struct hot_key top[4];

    (void)state;
    open_stream(&s, 4);
    memset(bytes, 'k', sizeof(bytes));
    for (uint32_t round = 0; round < 3; round++) {
        for (uint32_t size = 1; size <= 512; size++) {
            hot_keys_add(s.hot, (struct sr_span){.data = bytes, .size = size}, 7, 1);
            assert_true(hot_keys_valid(s.hot));
        }
    }
    assert_int_equal(hot_keys_top(s.hot, 4, top), 4);
    assert_true(top[0].count - top[0].error <= 3);
    hot_keys_close(&s.hot);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_keys_are_counted_exactly),
        cmocka_unit_test(
            a_new_key_takes_the_place_of_the_least_and_says_by_how_much_it_may_be_wrong),
        cmocka_unit_test(bounds_hold_for_skewed_streams_after_every_thousand),
        cmocka_unit_test(bounds_hold_where_every_key_is_as_hot_as_the_others),
        cmocka_unit_test(bounds_hold_with_weights_and_age),
        cmocka_unit_test(a_key_that_cools_down_gives_way),
        cmocka_unit_test(keys_of_every_size_whose_hashes_collide_are_told_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
