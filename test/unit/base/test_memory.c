/*
 * Pages from the kernel: zeroed, resident only where touched, given back.
 */
#include "base/memory.h"

#include <string.h>
#include <sys/mman.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define PAGE 4096U
#define PAGES 1024U

static unsigned resident(void *pages)
{
    unsigned char in_core[PAGES];
    unsigned count = 0;

    assert_int_equal(mincore(pages, (size_t)PAGES * PAGE, in_core), 0);
    for (unsigned i = 0; i < PAGES; i++) {
        count += in_core[i] & 1U;
    }
    return count;
}

static void only_touched_pages_are_resident(void **state)
{
    uint8_t *pages = sr_pages_alloc((size_t)PAGES * PAGE);

    (void)state;
    assert_non_null(pages);
    assert_int_equal((uintptr_t)pages % PAGE, 0);
    pages[0] = 1;
    pages[(size_t)PAGE * 500] = 1;
    assert_int_equal(resident(pages), 2);
    assert_int_equal(pages[(size_t)PAGE * 700], 0);
    sr_pages_free(pages, (size_t)PAGES * PAGE);
}

static void discarded_pages_are_given_back_and_usable(void **state)
{
    uint8_t *pages = sr_pages_alloc((size_t)PAGES * PAGE);

    (void)state;
    assert_non_null(pages);
    memset(pages, 0xab, (size_t)PAGES * PAGE);
    sr_pages_discard(pages + PAGE, (size_t)(PAGES - 2) * PAGE);
    assert_int_equal(resident(pages), 2);
    assert_int_equal(pages[PAGE - 1], 0xab);
    assert_int_equal(pages[(size_t)PAGE * (PAGES - 1)], 0xab);
    pages[PAGE] = 7;
    assert_int_equal(pages[PAGE], 7);
    sr_pages_free(pages, (size_t)PAGES * PAGE);
}

static void bytes_beside_a_discarded_range_stay(void **state)
{
    uint8_t *pages = sr_pages_alloc((size_t)PAGES * PAGE);

    (void)state;
    assert_non_null(pages);
    memset(pages, 0xab, (size_t)PAGES * PAGE);
    sr_pages_discard(pages, 0);
    sr_pages_discard(pages + 1, PAGE);
    assert_int_equal(resident(pages), PAGES);
    sr_pages_discard(pages + 1, 2 * PAGE);
    assert_int_equal(resident(pages), PAGES - 1);
    assert_int_equal(pages[PAGE - 1], 0xab);
    assert_int_equal(pages[2 * PAGE], 0xab);
    sr_pages_free(pages, (size_t)PAGES * PAGE);
}

static void what_cannot_be_had_is_null_and_null_can_be_freed(void **state)
{
    (void)state;
    assert_null(sr_pages_alloc((size_t)1 << 62));
    sr_pages_free(NULL, 4096);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_touched_pages_are_resident),
        cmocka_unit_test(discarded_pages_are_given_back_and_usable),
        cmocka_unit_test(bytes_beside_a_discarded_range_stay),
        cmocka_unit_test(what_cannot_be_had_is_null_and_null_can_be_freed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
