/*
 * Requests to the counter table and to the model, whose answers must be the same.
 */
#include "model_run.h"

#include "core/counters_internal.h"
#include "keys.h"

uint64_t run_draw(struct run *r, uint64_t below)
{
    r->seed ^= r->seed << 13;
    r->seed ^= r->seed >> 7;
    r->seed ^= r->seed << 17;
    return (r->seed >> 11) % below;
}

struct sr_span run_key(char buffer[SR_KEY_SIZE_MAX], uint32_t number)
{
    struct sr_span key = numbered_key(buffer, number, 8 + number * 37 % 100);

    /* The number first, so that the order is that of the numbers. */
    for (unsigned i = 0; i < 8; i++) {
        char digit = buffer[key.size - 8 + i];

        memmove(buffer + i + 1, buffer + i, key.size - 8);
        buffer[i] = digit;
    }
    return key;
}

int64_t run_draw_value(struct run *r)
{
    static const int64_t large[] = {INT64_MIN, INT64_MIN / 2, INT64_MAX / 2, INT64_MAX};

    return run_draw(r, 20) == 0 ? large[run_draw(r, 4)] : (int64_t)run_draw(r, 200) - 100;
}

/* The table's entry of a key. What it evicted must have been clean, and is forgotten here too.
 */
counters_ref run_look(struct run *r, uint32_t number)
{
    char buffer[SR_KEY_SIZE_MAX];
    struct sr_span key = run_key(buffer, number);
    struct counters *c = r->t.counters;
    uint64_t hash = counters_hash(c, key);
    counters_ref ref = counters_find(c, counters_shard_of_hash(c, hash), key, hash);

    if (ref == 0 && r->keys[number].cached) {
        assert_true(model_is_clean(&r->keys[number]));
        r->keys[number] = (struct model_key){.cached = false};
    }
    assert_int_equal(ref != 0, r->keys[number].cached);
    return ref;
}

/* A full table has no clean entry left. */
static void assert_nothing_is_clean(struct run *r)
{
    for (uint32_t i = 0; i < r->key_count; i++) {
        assert_true(run_look(r, i) == 0 || !model_is_clean(&r->keys[i]));
    }
}

static void remember_waiter(struct run *r, uint32_t number)
{
    const struct counters_outcome *out = &r->t.out;

    if (out->pinned) {
        r->pins[r->pin_count].key = number;
        r->pins[r->pin_count++].ref = out->ref;
    }
    for (uint32_t i = 0; out->start_load; i++) {
        assert_true(i < LOADS_MAX);
        if (r->loads[i].ref == 0) {
            r->loads[i] = (struct load){.ref = out->ref, .key = number};
            return;
        }
    }
}

static void assert_outcome(const struct counters_outcome *out,
                           const struct counters_outcome *expected)
{
    assert_true(out->total == expected->total);
    assert_true(out->synced == expected->synced);
    assert_int_equal(out->synced_known, expected->synced_known);
    assert_int_equal(out->generation, expected->generation);
    assert_int_equal(out->start_load, expected->start_load);
    assert_int_equal(out->pinned, expected->pinned);
    assert_int_equal(out->refresh, expected->refresh);
}

static bool can_wait_more(const struct run *r)
{
    uint32_t loads = 0;

    for (uint32_t i = 0; i < LOADS_MAX; i++) {
        loads += r->loads[i].ref != 0;
    }
    return loads < LOADS_MAX && r->pin_count < sizeof(r->pins) / sizeof(r->pins[0]);
}

void run_request(struct run *r)
{
    char buffer[SR_KEY_SIZE_MAX];
    uint32_t number =
        (uint32_t)run_draw(r, run_draw(r, 4) == 0 ? r->key_count : r->key_count / 8);
    struct sr_span key = run_key(buffer, number);
    struct counters *c = r->t.counters;
    uint64_t hash = counters_hash(c, key);
    struct counters_turn *turn = &r->t.turn;
    struct model_key before;
    struct counters_outcome expected;
    enum counters_status expected_status;
    enum counters_status status;
    int64_t value = run_draw_value(r);
    uint64_t what = run_draw(r, 20);
    enum sr_change_kind kind = what == 0 ? SR_CHANGE_DELETE : SR_CHANGE_SET;

    turn->epoch = r->model.open - (r->stage == STAGE_OPENED ? run_draw(r, 2) : 0);
    turn->may_wait = can_wait_more(r) && run_draw(r, 3) != 0;
    turn->stale_will_do = run_draw(r, 3) == 0;
    (void)run_look(r, number);
    before = r->keys[number];
    if (what <= 1) {
        value = kind == SR_CHANGE_DELETE ? 0 : value;
        expected_status =
            model_replace(&r->model, &r->keys[number], turn, kind, value, &expected);
        status = counters_replace(c, turn, key, hash, kind, value, &r->t.out);
    } else if (what <= 6) {
        expected_status = model_read(&r->model, &r->keys[number], turn, &expected);
        status = counters_read(c, turn, key, hash, &r->t.out);
    } else {
        expected_status = model_add(&r->model, &r->keys[number], turn, value, &expected);
        status = counters_increment(c, turn, key, hash, value, &r->t.out);
    }
    r->statuses[status]++;
    if (status == COUNTERS_TABLE_FULL) {
        assert_false(before.cached);
        r->keys[number] = before;
        if (r->statuses[status] % 50 == 1) {
            assert_nothing_is_clean(r);
        }
        return;
    }
    assert_int_equal(status, expected_status);
    assert_outcome(&r->t.out, &expected);
    if (status == COUNTERS_WAIT_LOAD) {
        remember_waiter(r, number);
    }
}
