/*
 * Sorting by key, against the plain order of spans, on keys that are hard in different ways.
 */
#include "core/key_sort.h"
#include "core/slab.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct fixture {
    struct arena arena;
    struct slab slab;
    struct key_sort_item *items;
    size_t count;
    uint64_t seed;
};

#define ITEMS_MAX 100000U

static int setup(void **state)
{
    static struct fixture f;

    memset(&f.slab, 0, sizeof(f.slab));
    f.count = 0;
    f.seed = 1;
    f.items = calloc(ITEMS_MAX, sizeof(*f.items));
    assert_non_null(f.items);
    assert_int_equal(arena_init(&f.arena, (size_t)128 << 20, 0, NULL), SR_OK);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    arena_done(&f->arena);
    free(f->items);
    return 0;
}

static uint64_t next_random(struct fixture *f)
{
    f->seed ^= f->seed << 13;
    f->seed ^= f->seed >> 7;
    f->seed ^= f->seed << 17;
    return f->seed;
}

static void add_key(struct fixture *f, const void *data, size_t size)
{
    counters_ref ref = slab_take(&f->slab, &f->arena, 0, slab_class(size));
    struct entry *e = arena_entry(&f->arena, ref);

    assert_true(ref != 0 && f->count < ITEMS_MAX);
    e->key_size = (uint16_t)size;
    /* What lies behind a key is not part of it. */
    memset(e->key, 'a', slab_entry_size(slab_class(size)) - sizeof(*e));
    memcpy(e->key, data, size);
    f->items[f->count++].ref = ref;
}

static void shuffle(struct fixture *f)
{
    for (size_t i = f->count; i > 1; i--) {
        size_t other = next_random(f) % i;
        struct key_sort_item item = f->items[i - 1];

        f->items[i - 1] = f->items[other];
        f->items[other] = item;
    }
}

static struct sr_span key(const struct fixture *f, size_t i)
{
    return entry_key(arena_entry(&f->arena, f->items[i].ref));
}

static struct sr_span key_of(const void *arena, uint32_t ref)
{
    return entry_key(arena_entry(arena, ref));
}

static void assert_sorts(struct fixture *f)
{
    struct key_sort_keys keys = {.key_of = key_of, .owner = &f->arena};
    uint64_t sum = 0;
    uint64_t sorted = 0;

    for (size_t i = 0; i < f->count; i++) {
        sum += (uint64_t)f->items[i].ref * f->items[i].ref;
    }
    key_sort(&keys, f->items, f->count);
    for (size_t i = 0; i < f->count; i++) {
        sorted += (uint64_t)f->items[i].ref * f->items[i].ref;
        assert_true(i == 0 || sr_span_compare(key(f, i - 1), key(f, i)) < 0);
    }
    assert_true(sum == sorted); /* with the strict order: each one is still there */
}

static void nothing_and_little_are_sorted(void **state)
{
    struct fixture *f = *state;
    char text[16];

    for (int i = 0; i < 40; i++) {
        assert_sorts(f);
        shuffle(f);
        assert_sorts(f);
        (void)snprintf(text, sizeof(text), "%d", i * 17 % 40);
        add_key(f, text, strlen(text));
    }
}

static void numbers_behind_a_long_beginning_are_sorted(void **state)
{
    struct fixture *f = *state;
    char text[64];

    for (int i = 0; i < 50000; i++) {
        (void)snprintf(text, sizeof(text), "a beginning that all of them share:%010d", i);
        add_key(f, text, strlen(text));
    }
    assert_sorts(f); /* ascending already */
    assert_sorts(f);
    shuffle(f);
    assert_sorts(f);
    for (size_t i = 0; i < f->count / 2; i++) {
        struct key_sort_item item = f->items[i];

        f->items[i] = f->items[f->count - 1 - i];
        f->items[f->count - 1 - i] = item;
    }
    assert_sorts(f); /* descending */
}

static void random_keys_of_all_sizes_are_sorted(void **state)
{
    struct fixture *f = *state;
    uint8_t bytes[SR_KEY_SIZE_MAX];

    for (uint32_t i = 0; i < 20000; i++) {
        size_t size = 5 + next_random(f) % 508;

        for (size_t at = 0; at < size; at++) {
            bytes[at] = (uint8_t)next_random(f);
        }
        memcpy(bytes + size - 4, &i, 4);
        add_key(f, bytes, size);
    }
    assert_sorts(f);
}

static void keys_that_are_prefixes_of_each_other_are_sorted(void **state)
{
    struct fixture *f = *state;
    char text[SR_KEY_SIZE_MAX];

    memset(text, 'a', sizeof(text));
    for (size_t size = 1; size <= sizeof(text); size++) {
        add_key(f, text, size);
        if (size < sizeof(text)) {
            text[size - 1] = 'b';
            add_key(f, text, size);
            text[size - 1] = 'a';
        }
    }
    shuffle(f);
    assert_sorts(f);
}

/* No valid key holds a NUL, but order must not depend on that. */
static void zero_bytes_order_before_all_others_and_behind_nothing(void **state)
{
    struct fixture *f = *state;
    char text[SR_KEY_SIZE_MAX] = {0};

    for (size_t size = 1; size <= sizeof(text); size++) {
        add_key(f, text, size);
    }
    shuffle(f);
    assert_sorts(f);
}

static void two_letters_make_many_equal_words(void **state)
{
    struct fixture *f = *state;
    char text[24];

    for (unsigned i = 0; i < 65536; i++) {
        for (unsigned bit = 0; bit < sizeof(text); bit++) {
            text[bit] = (i >> (bit % 16) & 1U) != 0 ? 'y' : 'x';
        }
        add_key(f, text, sizeof(text));
    }
    shuffle(f);
    assert_sorts(f);
}

/* As where a key is there once a generation. */
static void equal_keys_are_sorted_beside_each_other(void **state)
{
    struct fixture *f = *state;
    struct key_sort_keys keys = {.key_of = key_of, .owner = &f->arena};
    char text[64];
    size_t differ = 0;

    for (int i = 0; i < 50000; i++) {
        (void)snprintf(text, sizeof(text), "key %d", i % 7 == 0 ? 1 : i % 1000);
        add_key(f, text, strlen(text));
    }
    shuffle(f);
    key_sort(&keys, f->items, f->count);
    for (size_t i = 1; i < f->count; i++) {
        int order = sr_span_compare(key(f, i - 1), key(f, i));

        assert_true(order <= 0);
        differ += order < 0;
    }
    assert_int_equal(differ, 1000 - 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(nothing_and_little_are_sorted),
        TEST(numbers_behind_a_long_beginning_are_sorted),
        TEST(random_keys_of_all_sizes_are_sorted),
        TEST(keys_that_are_prefixes_of_each_other_are_sorted),
        TEST(zero_bytes_order_before_all_others_and_behind_nothing),
        TEST(two_letters_make_many_equal_words),
        TEST(equal_keys_are_sorted_beside_each_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
