/*
 * A seeded random run of the counter table against the model: requests, ticks, flushes with
 * every delay between their steps, loads whose snapshots are taken and installed at any time,
 * other writers, refused rows, lost answers, forgotten bases, evictions.
 */
#include "model.h"
#include "model_run.h"
#include "table.h"

#include <stdlib.h>

static void unpin_one(struct run *r)
{
    uint64_t i;

    if (r->pin_count == 0) {
        return;
    }
    i = run_draw(r, r->pin_count);
    assert_int_equal(counters_loading(r->t.counters, r->pins[i].ref),
                     r->keys[r->pins[i].key].loading);
    counters_unpin(r->t.counters, r->pins[i].ref);
    r->keys[r->pins[i].key].pins--;
    r->pins[i] = r->pins[--r->pin_count];
}

/* One step of one load: its snapshot is taken, it is installed, or it fails. */
static void load_step(struct run *r)
{
    struct load *load = &r->loads[run_draw(r, LOADS_MAX)];
    struct model_key *key = &r->keys[load->key];
    char buffer[SR_KEY_SIZE_MAX];
    enum counters_install expected;

    if (load->ref == 0) {
        return;
    }
    assert_true(
        sr_span_equal(counters_key(r->t.counters, load->ref), run_key(buffer, load->key)));
    if (!load->taken) {
        load->taken = true;
        load->snapshot = r->rows[load->key];
        load->epoch = r->row_epoch;
        return;
    }
    if (run_draw(r, 10) == 0) {
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
    struct row *row = &r->rows[run_draw(r, r->key_count)];
    int64_t sum = 0;

    if (run_draw(r, 10) == 0) {
        *row = (struct row){.exists = false};
    } else if (sr_add_i64(row->exists ? row->value : 0, run_draw_value(r), &sum)) {
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
        assert_true(sr_span_equal(change.key, run_key(buffer, number)));
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
    r->answer_lost = run_draw(r, 5) == 0;
    r->stage = STAGE_COMMITTED;
}

static void complete(struct run *r)
{
    const struct counters_base *bases = r->answer_lost ? NULL : r->bases;

    r->model.applied = r->sealed.epoch;
    counters_set_applied(r->t.counters, r->sealed.epoch);
    if (run_draw(r, 2) == 0) {
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
        if (run_look(r, i) != 0) {
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

        if (run_look(r, i) == 0) {
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
    uint64_t what = run_draw(r, 1000);

    if (what < 700) {
        run_request(r);
    } else if (what < 800) {
        unpin_one(r);
    } else if (what < 960) {
        load_step(r);
    } else if (what < 985) {
        other_writer(r);
    } else if (what < 998) {
        flush_step(r);
    } else if (run_draw(r, 20) == 0) {
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
