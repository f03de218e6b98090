/*
 * Entries by size class, pages, and the budget they are charged to.
 */
#include "core/slab.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MEMORY ((size_t)1 << 20)

struct fixture {
    struct arena arena;
    struct slab slab;
};

static int setup(void **state)
{
    static struct fixture f;

    memset(&f.slab, 0, sizeof(f.slab));
    assert_int_equal(arena_init(&f.arena, MEMORY, 1000, NULL), SR_OK);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    arena_done(&f->arena);
    return 0;
}

static size_t used(const struct fixture *f)
{
    return atomic_load(&f->arena.used);
}

static void every_key_fits_its_class_and_wastes_little(void **state)
{
    (void)state;
    for (size_t key = 1; key <= SR_KEY_SIZE_MAX; key++) {
        unsigned k = slab_class(key);
        size_t size = slab_entry_size(k);

        assert_true(size >= sizeof(struct entry) + key);
        assert_int_equal(size % ARENA_STEP, 0);
        assert_true(k == 0 || slab_entry_size(k - 1) < sizeof(struct entry) + key);
        assert_true(key > 88 || size < sizeof(struct entry) + key + 8);
        assert_true(size <= (sizeof(struct entry) + key) * 119 / 100 + 7);
        assert_true(slab_page_entries(k) * size <= ARENA_PAGE_SIZE);
        assert_true(slab_page_entries(k) * size > ARENA_PAGE_SIZE * 94 / 100);
    }
    assert_int_equal(slab_class(SR_KEY_SIZE_MAX), SLAB_CLASSES - 1);
}

static void entries_of_a_page_do_not_overlap(void **state)
{
    struct fixture *f = *state;

    for (uint8_t k = 0; k < SLAB_CLASSES; k++) {
        uint32_t page = 0;

        for (unsigned i = 0; i < slab_page_entries(k); i++) {
            counters_ref ref = slab_take(&f->slab, &f->arena, 3, k);

            assert_int_not_equal(ref, 0);
            page = i == 0 ? arena_page_number(ref) : page;
            assert_int_equal(arena_page_number(ref), page);
            assert_int_equal(slab_position(&f->arena, ref), i);
            assert_int_equal(slab_ref(&f->arena, page, i), ref);
            memset(arena_entry(&f->arena, ref), (int)i, slab_entry_size(k));
        }
        assert_int_equal(arena_page_shard(&f->arena.pages[page]), 3);
        for (unsigned i = 0; i < slab_page_entries(k); i++) {
            const uint8_t *bytes =
                (uint8_t *)arena_entry(&f->arena, slab_ref(&f->arena, page, i));

            for (size_t at = 0; at < slab_entry_size(k); at++) {
                assert_int_equal(bytes[at], i);
            }
        }
        assert_int_equal(f->slab.room[k], 0);
        assert_int_equal(f->slab.with_room[k], 0);
    }
}

static void the_budget_ends_before_the_memory_does(void **state)
{
    struct fixture *f = *state;
    unsigned pages = 0;
    uint32_t page;

    while ((page = arena_take(&f->arena, 1, 0)) != 0) {
        assert_true(page <= f->arena.pages_max);
        pages++;
    }
    assert_false(arena_has_page(&f->arena));
    assert_true(used(f) <= MEMORY);
    assert_true(used(f) > MEMORY - 2 * ARENA_PAGE_SIZE);
    assert_true(pages >= MEMORY / 4160 - 2);
    assert_false(arena_charge(&f->arena, 2 * ARENA_PAGE_SIZE));
    arena_give(&f->arena, 1);
    assert_true(arena_has_page(&f->arena));
    assert_int_equal(arena_take(&f->arena, 2, 5), 1);
    assert_int_equal(arena_take(&f->arena, 2, 5), 0);
}

static void free_pages_pay_for_what_is_charged(void **state)
{
    struct fixture *f = *state;
    size_t full;

    while (arena_take(&f->arena, 1, 0) != 0) {
    }
    full = used(f);
    for (uint32_t page = 1; page <= 10; page++) {
        arena_give(&f->arena, page);
    }
    assert_int_equal(used(f), full); /* they are resident still */
    assert_true(arena_charge(&f->arena, 5 * ARENA_PAGE_SIZE));
    assert_true(used(f) <= MEMORY);
    assert_true(arena_has_page(&f->arena));
    while (arena_take(&f->arena, 1, 0) != 0) {
    }
    assert_true(used(f) <= MEMORY);
    assert_int_equal(used(f), full);
}

static void no_rest_of_the_budget_is_overdrawn(void **state)
{
    (void)state;
    for (size_t fixed = 0; fixed < 4300; fixed += 20) {
        struct arena arena;

        assert_int_equal(arena_init(&arena, (size_t)64 << 10, fixed, NULL), SR_OK);
        while (arena_take(&arena, 0, 0) != 0) {
        }
        assert_true(atomic_load(&arena.used) <= (size_t)64 << 10);
        arena_give(&arena, 3);
        assert_true(arena_charge(&arena, ARENA_PAGE_SIZE));
        while (arena_take(&arena, 0, 0) != 0) {
        }
        assert_true(atomic_load(&arena.used) <= (size_t)64 << 10);
        arena_done(&arena);
    }
}

static void an_emptied_page_serves_another_class(void **state)
{
    struct fixture *f = *state;
    counters_ref refs[85];
    unsigned count = slab_page_entries(0);
    size_t before;

    for (unsigned i = 0; i < count; i++) {
        refs[i] = slab_take(&f->slab, &f->arena, 0, 0);
    }
    before = used(f);
    for (unsigned i = 0; i < count; i++) {
        slab_give(&f->slab, &f->arena, refs[i]);
        assert_int_equal(f->slab.room[0], i + 1 < count ? i + 1 : 0);
    }
    assert_int_equal(f->slab.with_room[0], 0);
    assert_int_equal(arena_page_number(slab_take(&f->slab, &f->arena, 0, 9)),
                     arena_page_number(refs[0]));
    assert_int_equal(used(f), before);
}

static void a_given_entry_is_taken_again_first(void **state)
{
    struct fixture *f = *state;
    counters_ref refs[200];

    for (unsigned i = 0; i < 200; i++) {
        refs[i] = slab_take(&f->slab, &f->arena, 0, 2);
    }
    for (unsigned i = 0; i < 200; i += 3) {
        slab_give(&f->slab, &f->arena, refs[i]);
    }
    for (unsigned i = 0; i < 200; i += 3) {
        counters_ref ref = slab_take(&f->slab, &f->arena, 0, 2);
        bool known = false;

        for (unsigned at = 0; at < 200; at += 3) {
            known = known || refs[at] == ref;
        }
        assert_true(known);
    }
}

static void a_page_set_aside_is_not_taken_from(void **state)
{
    struct fixture *f = *state;
    unsigned count = slab_page_entries(0);
    counters_ref first = slab_take(&f->slab, &f->arena, 0, 0);
    uint32_t page = arena_page_number(first);

    assert_false(slab_can_empty(&f->slab, &f->arena, page)); /* no other has room */
    for (unsigned i = 1; i < count + 1; i++) {
        (void)slab_take(&f->slab, &f->arena, 0, 0);
    }
    assert_false(slab_can_empty(&f->slab, &f->arena, page)); /* full: not sparse */
    for (unsigned i = 1; i < count; i++) {
        slab_give(&f->slab, &f->arena, slab_ref(&f->arena, page, i));
    }
    assert_true(slab_can_empty(&f->slab, &f->arena, page));
    slab_set_aside(&f->slab, &f->arena, page);
    assert_int_not_equal(arena_page_number(slab_take(&f->slab, &f->arena, 0, 0)), page);
    slab_drop(&f->arena, page);
    assert_int_equal(arena_page_shard(&f->arena.pages[page]), ARENA_NO_SHARD);
    assert_int_equal(arena_take(&f->arena, 7, 7), page);
}

static void the_clock_goes_round_over_evictable_pages(void **state)
{
    struct fixture *f = *state;
    struct arena *arena = &f->arena;

    for (int i = 0; i < 200; i++) {
        assert_int_not_equal(arena_take(arena, 0, 0), 0);
    }
    assert_int_equal(arena_next_evictable(arena), 0);
    arena_set_evictable(arena, 5, true);
    assert_int_equal(arena_next_evictable(arena), 5);
    assert_int_equal(arena_next_evictable(arena), 5);
    arena_set_evictable(arena, 63, true);
    arena_set_evictable(arena, 64, true);
    arena_set_evictable(arena, 200, true);
    assert_int_equal(arena_next_evictable(arena), 63);
    assert_int_equal(arena_next_evictable(arena), 64);
    assert_int_equal(arena_next_evictable(arena), 200);
    assert_int_equal(arena_next_evictable(arena), 5);
    arena_set_evictable(arena, 5, false);
    assert_int_equal(arena_next_evictable(arena), 63);
    arena_set_evictable(arena, 64, false);
    arena_set_evictable(arena, 200, false);
    assert_int_equal(arena_next_evictable(arena), 63);
    arena_set_evictable(arena, 63, false);
    assert_int_equal(arena_next_evictable(arena), 0);
}

static void the_ring_goes_round_over_a_class_pages_with_clean_entries(void **state)
{
    struct fixture *f = *state;
    uint32_t pages[3];

    for (int i = 0; i < 3; i++) {
        pages[i] = arena_take(&f->arena, 0, 7);
    }
    assert_int_equal(slab_next_clean(&f->slab, &f->arena, 7), 0);
    for (int i = 0; i < 3; i++) {
        slab_clean_more(&f->slab, &f->arena, pages[i]);
        slab_clean_more(&f->slab, &f->arena, pages[i]);
    }
    assert_int_equal(slab_next_clean(&f->slab, &f->arena, 6), 0);
    for (int i = 0; i < 7; i++) {
        assert_int_equal(slab_next_clean(&f->slab, &f->arena, 7), pages[i % 3]);
    }
    slab_clean_less(&f->slab, &f->arena, pages[1]);
    assert_int_equal(slab_next_clean(&f->slab, &f->arena, 7), pages[1]);
    slab_clean_less(&f->slab, &f->arena, pages[1]);
    assert_int_equal(slab_next_clean(&f->slab, &f->arena, 7), pages[2]);
    assert_int_equal(slab_next_clean(&f->slab, &f->arena, 7), pages[0]);
    assert_int_equal(slab_next_clean(&f->slab, &f->arena, 7), pages[2]);
    /* What becomes evictable is the last in turn. */
    slab_clean_more(&f->slab, &f->arena, pages[1]);
    assert_int_equal(slab_next_clean(&f->slab, &f->arena, 7), pages[0]);
    assert_int_equal(slab_next_clean(&f->slab, &f->arena, 7), pages[2]);
    assert_int_equal(slab_next_clean(&f->slab, &f->arena, 7), pages[1]);
    for (int i = 0; i < 3; i++) {
        while (f->arena.pages[pages[i]].clean_count > 0) {
            slab_clean_less(&f->slab, &f->arena, pages[i]);
        }
    }
    assert_int_equal(slab_next_clean(&f->slab, &f->arena, 7), 0);
    assert_int_equal(arena_next_evictable(&f->arena), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_fits_its_class_and_wastes_little),
        TEST(entries_of_a_page_do_not_overlap),
        TEST(the_budget_ends_before_the_memory_does),
        TEST(free_pages_pay_for_what_is_charged),
        cmocka_unit_test(no_rest_of_the_budget_is_overdrawn),
        TEST(an_emptied_page_serves_another_class),
        TEST(a_given_entry_is_taken_again_first),
        TEST(a_page_set_aside_is_not_taken_from),
        TEST(the_clock_goes_round_over_evictable_pages),
        TEST(the_ring_goes_round_over_a_class_pages_with_clean_entries),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
