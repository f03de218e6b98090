/*
 * The index of a shard: order, removal, growth in place, keys whose hashes are alike.
 */
#include "core/shard_index.h"

#include "base/memory.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SLOTS_MAX (64 * SHARD_INDEX_STEP_SLOTS)
#define BYTES (SLOTS_MAX * sizeof(struct shard_index_slot))

static struct shard_index index_of(uint32_t count)
{
    struct shard_index index = {.slots = sr_pages_alloc(BYTES)};

    assert_non_null(index.slots);
    if (count > 0) {
        shard_index_grow(&index, count);
    }
    return index;
}

static void free_index(struct shard_index *index)
{
    assert_true(shard_index_valid(index));
    sr_pages_free(index->slots, BYTES);
}

static bool holds(const struct shard_index *index, uint32_t hash, counters_ref ref)
{
    const struct shard_index_slot *slot = shard_index_first(index, hash);

    for (; slot->ref != 0 && slot->hash == hash; slot++) {
        if (slot->ref == ref) {
            return true;
        }
    }
    return false;
}

/* A number for a reference that looks like a hash. */
static uint32_t scatter(uint32_t i)
{
    uint64_t x = (i + 1) * 0x9e3779b97f4a7c15U;

    return (uint32_t)((x ^ (x >> 29)) * 0xbf58476d1ce4e5b9U >> 32);
}

static void an_index_without_slots_finds_nothing_and_is_full(void **state)
{
    struct shard_index index = index_of(0);

    (void)state;
    assert_false(holds(&index, 0, 1));
    assert_false(holds(&index, UINT32_MAX, 1));
    assert_true(shard_index_is_full(&index));
    free_index(&index);
}

static void what_is_inserted_is_found_until_it_is_removed(void **state)
{
    struct shard_index index = index_of(8 * SHARD_INDEX_STEP_SLOTS);
    uint32_t keys = 0;

    (void)state;
    while (!shard_index_is_full(&index)) {
        keys++;
        assert_true(shard_index_insert(&index, scatter(keys), keys));
    }
    assert_int_equal(index.keys, keys);
    assert_true(keys > 3000);
    assert_true(shard_index_valid(&index));
    for (uint32_t i = 1; i <= keys; i++) {
        assert_true(holds(&index, scatter(i), i));
        assert_false(holds(&index, scatter(i), keys + i));
    }
    for (uint32_t i = 1; i <= keys; i += 2) {
        shard_index_remove(&index, scatter(i), i);
    }
    assert_true(shard_index_valid(&index));
    for (uint32_t i = 1; i <= keys; i++) {
        assert_int_equal(holds(&index, scatter(i), i), i % 2 == 0);
    }
    for (uint32_t i = 2; i <= keys; i += 2) {
        shard_index_remove(&index, scatter(i), i);
    }
    assert_int_equal(index.keys, 0);
    free_index(&index);
}

static void growth_keeps_all_keys(void **state)
{
    struct shard_index index = index_of(0);
    uint32_t keys = 0;

    (void)state;
    while (index.count < SLOTS_MAX || !shard_index_is_full(&index)) {
        if (shard_index_is_full(&index)) {
            uint32_t more = index.count / 4 + SHARD_INDEX_STEP_SLOTS;

            more -= more % SHARD_INDEX_STEP_SLOTS;
            more = index.count + more > SLOTS_MAX ? SLOTS_MAX - index.count : more;
            shard_index_grow(&index, index.count + more);
            assert_true(shard_index_valid(&index));
        }
        keys++;
        assert_true(shard_index_insert(&index, scatter(keys), keys));
    }
    for (uint32_t i = 1; i <= keys; i++) {
        assert_true(holds(&index, scatter(i), i));
    }
    /* At least 0.84 keys a slot, at most 12 bytes a key when it has just grown by a quarter. */
    assert_true(keys > SLOTS_MAX * 84 / 100);
    free_index(&index);
}

static void keys_of_one_hash_stand_beside_each_other(void **state)
{
    struct shard_index index = index_of(SHARD_INDEX_STEP_SLOTS);

    (void)state;
    for (uint32_t i = 1; i <= 40; i++) {
        assert_true(shard_index_insert(&index, 12345, i));
        assert_true(shard_index_insert(&index, 12346, 100 + i));
    }
    shard_index_remove(&index, 12345, 7);
    shard_index_rename(&index, 12346, 107, 207);
    for (uint32_t i = 1; i <= 40; i++) {
        assert_int_equal(holds(&index, 12345, i), i != 7);
        assert_int_equal(holds(&index, 12346, 100 + i), i != 7);
    }
    assert_true(holds(&index, 12346, 207));
    free_index(&index);
}

static void the_slack_takes_what_is_pushed_over_the_end(void **state)
{
    struct shard_index index = index_of(SHARD_INDEX_STEP_SLOTS);
    uint32_t keys = 0;

    (void)state;
    while (shard_index_insert(&index, UINT32_MAX - keys % 3, keys + 1)) {
        keys++;
    }
    /* The refused key changed nothing, and the last slot is empty still. */
    assert_true(keys >= 60);
    assert_int_equal(index.keys, keys);
    assert_true(shard_index_valid(&index));
    assert_int_equal(index.slots[index.count - 1].ref, 0);
    for (uint32_t i = 0; i < keys; i++) {
        assert_true(holds(&index, UINT32_MAX - i % 3, i + 1));
    }
    shard_index_grow(&index, 2 * SHARD_INDEX_STEP_SLOTS);
    assert_true(shard_index_valid(&index));
    for (uint32_t i = 0; i < keys; i++) {
        assert_true(holds(&index, UINT32_MAX - i % 3, i + 1));
    }
    free_index(&index);
}

static void random_insertions_and_removals_keep_the_order(void **state)
{
    static uint32_t hashes[800];
    struct shard_index index = index_of(2 * SHARD_INDEX_STEP_SLOTS);
    uint64_t x = 5;

    (void)state;
    memset(hashes, 0, sizeof(hashes));
    for (int step = 0; step < 20000; step++) {
        uint32_t i;

        x = x * 6364136223846793005U + 1442695040888963407U;
        i = (uint32_t)(x >> 33) % 800;
        if (hashes[i] != 0) {
            shard_index_remove(&index, hashes[i], i + 1);
            hashes[i] = 0;
        } else if (!shard_index_is_full(&index)) {
            /* Few hashes, close together: long runs. */
            hashes[i] = (uint32_t)(x >> 40) | 1U;
            assert_true(shard_index_insert(&index, hashes[i], i + 1));
        }
        if (step % 100 == 0) {
            assert_true(shard_index_valid(&index));
        }
    }
    for (uint32_t i = 0; i < 800; i++) {
        assert_true(hashes[i] == 0 || holds(&index, hashes[i], i + 1));
    }
    free_index(&index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_index_without_slots_finds_nothing_and_is_full),
        cmocka_unit_test(what_is_inserted_is_found_until_it_is_removed),
        cmocka_unit_test(growth_keeps_all_keys),
        cmocka_unit_test(keys_of_one_hash_stand_beside_each_other),
        cmocka_unit_test(the_slack_takes_what_is_pushed_over_the_end),
        cmocka_unit_test(random_insertions_and_removals_keep_the_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
