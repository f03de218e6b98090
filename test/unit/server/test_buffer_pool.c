/*
 * The stock of buffers and the budget.
 */
#include "support/unit.h"

#include "server/buffer_pool.h"

static void a_buffer_given_back_is_the_next_one_taken(void **state)
{
    struct buffer_pool pool;
    struct sr_buffer buffer;
    const void *data;

    (void)state;
    buffer_pool_init(&pool, 1 << 20);
    sr_buffer_init(&buffer, 1 << 20);
    for (size_t size = 0; size <= 65536; size += 8192) {
        assert_int_equal(buffer_pool_take(&pool, &buffer, size), SR_OK);
        assert_true(buffer.capacity >= size && buffer.capacity >= BUFFER_SIZE_MIN);
        data = buffer.data;
        buffer_pool_give(&pool, &buffer);
        assert_null(buffer.data);
        assert_int_equal(buffer_pool_take(&pool, &buffer, size), SR_OK);
        assert_ptr_equal(buffer.data, data);
        buffer_pool_give(&pool, &buffer);
    }
    buffer_pool_done(&pool);
}

static void a_buffer_that_has_grown_is_kept_by_its_new_size(void **state)
{
    struct buffer_pool pool;
    struct sr_buffer buffer;

    (void)state;
    buffer_pool_init(&pool, 1 << 20);
    sr_buffer_init(&buffer, 1 << 20);
    assert_int_equal(buffer_pool_take(&pool, &buffer, 100), SR_OK);
    assert_int_equal(sr_buffer_reserve(&buffer, 20000), SR_OK);
    buffer_pool_give(&pool, &buffer);
    assert_int_equal(pool.kept_bytes, 32768);
    assert_int_equal(buffer_pool_take(&pool, &buffer, 30000), SR_OK);
    assert_int_equal(pool.kept_bytes, 0);
    buffer_pool_give(&pool, &buffer);
    buffer_pool_done(&pool);
}

static void large_buffers_and_those_beyond_the_stock_are_freed(void **state)
{
    struct buffer_pool pool;
    struct sr_buffer buffers[3];

    (void)state;
    buffer_pool_init(&pool, 2 * BUFFER_SIZE_MIN);
    for (int i = 0; i < 3; i++) {
        sr_buffer_init(&buffers[i], 1 << 20);
        assert_int_equal(buffer_pool_take(&pool, &buffers[i], 1), SR_OK);
    }
    for (int i = 0; i < 3; i++) {
        buffer_pool_give(&pool, &buffers[i]);
    }
    assert_int_equal(pool.kept_bytes, 2 * BUFFER_SIZE_MIN);
    assert_int_equal(buffer_pool_take(&pool, &buffers[0], 100000), SR_OK);
    buffer_pool_give(&pool, &buffers[0]);
    assert_int_equal(pool.kept_bytes, 2 * BUFFER_SIZE_MIN);
    buffer_pool_done(&pool);
}

static void no_buffer_exceeds_its_own_maximum(void **state)
{
    struct buffer_pool pool;
    struct sr_buffer buffer;

    (void)state;
    buffer_pool_init(&pool, 1 << 20);
    sr_buffer_init(&buffer, 5000);
    assert_int_equal(buffer_pool_take(&pool, &buffer, 5001), SR_FULL);
    assert_int_equal(buffer_pool_take(&pool, &buffer, 5000), SR_OK);
    assert_int_equal(buffer.capacity, 5000);
    buffer_pool_give(&pool, &buffer);
    assert_int_equal(pool.kept_bytes, 0);
    buffer_pool_done(&pool);
}

static void a_budget_is_never_exceeded(void **state)
{
    struct buffer_budget budget = {.max = 100};

    (void)state;
    assert_true(buffer_budget_take(&budget, 60));
    assert_false(buffer_budget_take(&budget, 41));
    assert_true(buffer_budget_take(&budget, 40));
    assert_true(buffer_budget_take(&budget, 0));
    buffer_budget_give(&budget, 60);
    assert_int_equal(budget.used, 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_buffer_given_back_is_the_next_one_taken),
        cmocka_unit_test(a_buffer_that_has_grown_is_kept_by_its_new_size),
        cmocka_unit_test(large_buffers_and_those_beyond_the_stock_are_freed),
        cmocka_unit_test(no_buffer_exceeds_its_own_maximum),
        cmocka_unit_test(a_budget_is_never_exceeded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
