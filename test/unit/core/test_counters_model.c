/*
 * A seeded random run of the counter table against the model: requests, ticks, flushes with
 * every delay between their steps, loads whose snapshots are taken and installed at any time,
 * other writers, refused rows, lost answers, forgotten bases, evictions.
 */
#include "keys.h"
#include "model.h"
#include "table.h"

#include "core/counters_internal.h"

#include <stdlib.h>

#define KEYS_MAX 2000U
#define LOADS_MAX 64U

struct row {
    bool exists;
    int64_t value;
};

struct load {
    counters_ref ref; /* 0: free */
    uint32_t key;
    bool taken; /* the snapshot is there */
    struct row snapshot;
    uint64_t epoch;
};

/* Where the flush of epoch open - 1 stands. */
enum stage { STAGE_IDLE, STAGE_OPENED, STAGE_COLLECTED, STAGE_COMMITTED };

struct run {
    struct table t;
    struct model model;
    uint64_t seed;
    uint32_t key_count;
    struct model_key *keys;
    struct row *rows; /* the database */
    uint64_t row_epoch;
    enum stage stage;
    struct counters_sealed sealed;
    uint32_t *sealed_keys; /* by sealed index */
    struct counters_base *bases;
    bool answer_lost;
    struct load loads[LOADS_MAX];
    struct {
        uint32_t key;
        counters_ref ref;
    } pins[256];
    uint32_t pin_count;
    uint64_t statuses[16]; /* how often each was answered */
    uint64_t stale;
};

static uint64_t draw(struct run *r, uint64_t below)
{
    r->seed ^= r->seed << 13;
    r->seed ^= r->seed >> 7;
    r->seed ^= r->seed << 17;
    return (r->seed >> 11) % below;
}

/* Keys in order of their numbers, of sizes 8 to 107: the size comes from the number. */
static struct sr_span key_of(char buffer[SR_KEY_SIZE_MAX], uint32_t number)
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

static int64_t draw_value(struct run *r)
{
    static const int64_t large[] = {INT64_MIN, INT64_MIN / 2, INT64_MAX / 2, INT64_MAX};

    return draw(r, 20) == 0 ? large[draw(r, 4)] : (int64_t)draw(r, 200) - 100;
}

/* The table's entry of a key. What it evicted must have been clean, and is forgotten here too.
 */
static counters_ref look(struct run *r, uint32_t number)
{
    char buffer[SR_KEY_SIZE_MAX];
    struct sr_span key = key_of(buffer, number);
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
        assert_true(look(r, i) == 0 || !model_is_clean(&r->keys[i]));
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
}

static bool can_wait_more(const struct run *r)
{
    uint32_t loads = 0;

    for (uint32_t i = 0; i < LOADS_MAX; i++) {
        loads += r->loads[i].ref != 0;
    }
    return loads < LOADS_MAX && r->pin_count < sizeof(r->pins) / sizeof(r->pins[0]);
}

static void request(struct run *r)
{
    char buffer[SR_KEY_SIZE_MAX];
    uint32_t number = (uint32_t)draw(r, draw(r, 4) == 0 ? r->key_count : r->key_count / 8);
    struct sr_span key = key_of(buffer, number);
    struct counters *c = r->t.counters;
    uint64_t hash = counters_hash(c, key);
    struct counters_turn *turn = &r->t.turn;
    struct model_key before;
    struct counters_outcome expected;
    enum counters_status expected_status;
    enum counters_status status;
    int64_t value = draw_value(r);
    uint64_t what = draw(r, 20);
    enum sr_change_kind kind = what == 0 ? SR_CHANGE_DELETE : SR_CHANGE_SET;

    turn->epoch = r->model.open - (r->stage == STAGE_OPENED ? draw(r, 2) : 0);
    turn->may_wait = can_wait_more(r) && draw(r, 3) != 0;
    (void)look(r, number);
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

static void unpin_one(struct run *r)
{
    uint64_t i;

    if (r->pin_count == 0) {
        return;
    }
    i = draw(r, r->pin_count);
    assert_int_equal(counters_loading(r->t.counters, r->pins[i].ref),
                     r->keys[r->pins[i].key].loading);
    counters_unpin(r->t.counters, r->pins[i].ref);
    r->keys[r->pins[i].key].pins--;
    r->pins[i] = r->pins[--r->pin_count];
}

/* One step of one load: its snapshot is taken, it is installed, or it fails. */
static void load_step(struct run *r)
{
    struct load *load = &r->loads[draw(r, LOADS_MAX)];
    struct model_key *key = &r->keys[load->key];
    char buffer[SR_KEY_SIZE_MAX];
    enum counters_install expected;

    if (load->ref == 0) {
        return;
    }
    assert_true(
        sr_span_equal(counters_key(r->t.counters, load->ref), key_of(buffer, load->key)));
    if (!load->taken) {
        load->taken = true;
        load->snapshot = r->rows[load->key];
        load->epoch = r->row_epoch;
        return;
    }
    if (draw(r, 10) == 0) {
        counters_load_failed(r->t.counters, load->ref);
        model_load_failed(key);
        load->ref = 0;
        return;
    }
    expected = model_install(&r->model, key, load->snapshot.value, load->snapshot.exists,
                             load->epoch, r->t.turn.tick);
    assert_int_equal(counters_install(r->t.counters, load->ref, load->snapshot.value,
                                      load->snapshot.exists, load->epoch, r->t.turn.tick),
                     expected);
    r->stale += expected == COUNTERS_STALE;
    load->taken = false;
    load->ref = expected == COUNTERS_STALE ? load->ref : 0;
}

static void other_writer(struct run *r)
{
    struct row *row = &r->rows[draw(r, r->key_count)];
    int64_t sum = 0;

    if (draw(r, 10) == 0) {
        *row = (struct row){.exists = false};
    } else if (sr_add_i64(row->exists ? row->value : 0, draw_value(r), &sum)) {
        *row = (struct row){.exists = true, .value = sum};
    }
}

static void collect(struct run *r)
{
    unsigned parity = (r->model.open - 1) % 2;
    char buffer[SR_KEY_SIZE_MAX];
    size_t i = 0;

    assert_int_equal(counters_collect(r->t.counters, r->model.open - 1, &r->sealed, NULL),
                     SR_OK);
    for (uint32_t number = 0; number < r->key_count; number++) {
        const struct model_slot *slot = &r->keys[number].slots[parity];
        struct sr_change change;

        if (!r->keys[number].cached || slot->kind == 0) {
            continue;
        }
        assert_true(i < r->sealed.count);
        counters_sealed_change(r->t.counters, &r->sealed, i, &change);
        assert_true(sr_span_equal(change.key, key_of(buffer, number)));
        assert_int_equal(change.kind, slot->kind);
        assert_int_equal(change.generation, slot->generation);
        assert_true(change.value == slot->delta);
        r->sealed_keys[i++] = number;
    }
    assert_int_equal(i, r->sealed.count);
    r->stage = STAGE_COLLECTED;
}

/* Applies one change to its row; a sum that does not fit is refused. */
static struct counters_base apply(struct row *row, const struct sr_change *change)
{
    sr_wide value = change->value;

    if (change->kind == SR_CHANGE_DELETE) {
        *row = (struct row){.exists = false};
        return (struct counters_base){.known = 1, .exists = 0};
    }
    if (change->kind == SR_CHANGE_ADD && row->exists) {
        value += row->value;
    }
    if (!sr_wide_fits_i64(value)) {
        return (struct counters_base){.known = 0};
    }
    *row = (struct row){.exists = true, .value = (int64_t)value};
    return (struct counters_base){.value = row->value, .known = 1, .exists = 1};
}

static void commit(struct run *r)
{
    for (size_t i = 0; i < r->sealed.count; i++) {
        struct sr_change change;

        counters_sealed_change(r->t.counters, &r->sealed, i, &change);
        r->bases[i] = apply(&r->rows[r->sealed_keys[i]], &change);
    }
    r->row_epoch = r->model.open - 1;
    r->answer_lost = draw(r, 5) == 0;
    r->stage = STAGE_COMMITTED;
}

static void complete(struct run *r)
{
    const struct counters_base *bases = r->answer_lost ? NULL : r->bases;

    r->model.applied = r->sealed.epoch;
    counters_set_applied(r->t.counters, r->sealed.epoch);
    if (draw(r, 2) == 0) {
        load_step(r); /* between publishing and completing */
    }
    counters_complete(r->t.counters, &r->sealed, bases, r->t.turn.tick);
    for (size_t i = 0; i < r->sealed.count; i++) {
        model_complete(&r->keys[r->sealed_keys[i]], r->sealed.epoch % 2,
                       bases == NULL ? NULL : &bases[i], r->t.turn.tick);
    }
    counters_sealed_done(&r->sealed);
    r->stage = STAGE_IDLE;
}

static void flush_step(struct run *r)
{
    switch (r->stage) {
    case STAGE_IDLE:
        counters_open_epoch(r->t.counters, ++r->model.open);
        r->t.turn.tick++;
        r->stage = STAGE_OPENED;
        break;
    case STAGE_OPENED:
        collect(r);
        break;
    case STAGE_COLLECTED:
        commit(r);
        break;
    case STAGE_COMMITTED:
        complete(r);
        break;
    }
}

static void forget(struct run *r)
{
    counters_forget_bases(r->t.counters);
    for (uint32_t i = 0; i < r->key_count; i++) {
        if (look(r, i) != 0) {
            model_forget(&r->keys[i]);
        }
    }
}

static void assert_counts(struct run *r)
{
    struct counters_stats stats = table_stats(&r->t);
    struct counters_stats expected = {.keys = 0};

    for (uint32_t i = 0; i < r->key_count; i++) {
        const struct model_key *key = &r->keys[i];

        if (look(r, i) == 0) {
            continue;
        }
        expected.keys++;
        expected.loading += key->loading;
        expected.dirty[0] += key->slots[0].kind != 0;
        expected.dirty[1] += key->slots[1].kind != 0;
    }
    assert_int_equal(stats.keys, expected.keys);
    assert_int_equal(stats.loading, expected.loading);
    assert_int_equal(stats.dirty[0], expected.dirty[0]);
    assert_int_equal(stats.dirty[1], expected.dirty[1]);
    assert_true(stats.memory_bytes <= stats.memory_max_bytes);
    assert_true(counters_valid(r->t.counters));
}

static void step(struct run *r)
{
    uint64_t what = draw(r, 1000);

    if (what < 700) {
        request(r);
    } else if (what < 800) {
        unpin_one(r);
    } else if (what < 960) {
        load_step(r);
    } else if (what < 985) {
        other_writer(r);
    } else if (what < 998) {
        flush_step(r);
    } else if (draw(r, 20) == 0) {
        forget(r);
    }
}

static struct run run_model(uint64_t seed, size_t memory, uint32_t shards, uint32_t key_count,
                            unsigned steps)
{
    struct run r = {.seed = seed, .key_count = key_count, .row_epoch = TABLE_EPOCH - 1};

    r.model = (struct model){.open = TABLE_EPOCH, .applied = TABLE_EPOCH - 1};
    r.keys = calloc(KEYS_MAX, sizeof(*r.keys));
    r.rows = calloc(KEYS_MAX, sizeof(*r.rows));
    r.bases = calloc(KEYS_MAX, sizeof(*r.bases));
    r.sealed_keys = calloc(KEYS_MAX, sizeof(*r.sealed_keys));
    assert_true(r.keys != NULL && r.rows != NULL && r.bases != NULL && r.sealed_keys != NULL);
    table_init(&r.t, memory, shards);
    for (unsigned i = 0; i < steps; i++) {
        step(&r);
        if (i % 500 == 0) {
            assert_counts(&r);
        }
    }
    assert_counts(&r);
    counters_sealed_done(&r.sealed);
    free(r.keys);
    free(r.rows);
    free(r.bases);
    free(r.sealed_keys);
    return r;
}

static void assert_each_status_came(const struct run *r, bool full)
{
    for (int status = COUNTERS_DONE; status <= COUNTERS_STORE_DOWN; status++) {
        if (status != COUNTERS_TABLE_FULL) {
            assert_true(r->statuses[status] > 0);
        }
    }
    assert_int_equal(r->statuses[COUNTERS_TABLE_FULL] > 0, full);
    assert_true(r->stale > 0);
}

static void a_roomy_table_answers_as_the_model_does(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct run r = run_model(seed, (size_t)4 << 20, 0, 300, 100000);

        assert_each_status_came(&r, false);
        assert_int_equal(table_stats(&r.t).evictions, 0);
        table_done(&r.t);
    }
}

static void a_tight_table_answers_as_the_model_does_and_evicts_only_clean_keys(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct run r = run_model(seed, COUNTERS_MEMORY_MIN, 1 << (seed - 1), KEYS_MAX, 100000);

        assert_each_status_came(&r, true);
        assert_true(table_stats(&r.t).evictions > 1000);
        table_done(&r.t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_roomy_table_answers_as_the_model_does),
        cmocka_unit_test(a_tight_table_answers_as_the_model_does_and_evicts_only_clean_keys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
