/*
 * Four workers, a flusher and a loader at once, with a small memory, so that entries come and
 * go: nothing is lost or counted twice, totals are exact. Also a target for the thread
 * sanitizer.
 */
#include "keys.h"
#include "table.h"

#include "base/check.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#define WORKERS 4U
#define ROUNDS 20000U /* requests a worker */
#define HOT_KEYS 16U
#define COLD_KEYS 20000U
#define KEYS (HOT_KEYS + COLD_KEYS)
#define QUEUE_MAX 4096U

/* A turn as DESIGN section 4 has it: open and epoch published together, then looked at again.
 */
struct worker {
    struct shared *shared;
    unsigned number;
    _Atomic uint64_t turn; /* epoch of the open turn, 0: none */
    pthread_t thread;
    uint64_t unknown; /* increments that were answered without a total */
    uint64_t waited;
};

struct shared {
    struct counters *counters;
    _Atomic uint64_t epoch;
    _Atomic uint32_t tick;
    _Atomic unsigned running;
    struct worker workers[WORKERS];

    pthread_mutex_t queue_lock; /* guards the loader's queue */
    counters_ref queue[QUEUE_MAX];
    size_t queued;

    pthread_mutex_t rows_lock; /* guards the database */
    int64_t rows[KEYS];
    bool exists[KEYS];
    uint64_t row_epoch;

    _Atomic int64_t counted[KEYS];                            /* what was acknowledged */
    _Atomic uint8_t answered[HOT_KEYS][WORKERS * ROUNDS + 1]; /* each total, once */
};

static uint32_t number_of(struct sr_span key)
{
    uint32_t number = 0;

    for (size_t i = key.size - 8; i < key.size; i++) {
        uint8_t digit = key.data[i];

        number = number * 32 + (uint32_t)(digit <= '9' ? digit - '0' : digit - 'a' + 10);
    }
    return number;
}

static uint64_t open_turn(struct worker *w)
{
    uint64_t epoch = atomic_load(&w->shared->epoch);

    for (;;) {
        uint64_t again;

        atomic_store(&w->turn, epoch);
        again = atomic_load(&w->shared->epoch);
        if (again == epoch) {
            return epoch;
        }
        epoch = again;
    }
}

static bool queue_load(struct shared *s, counters_ref ref)
{
    bool queued;

    (void)pthread_mutex_lock(&s->queue_lock);
    queued = s->queued < QUEUE_MAX;
    if (queued) {
        s->queue[s->queued++] = ref;
    }
    (void)pthread_mutex_unlock(&s->queue_lock);
    return queued;
}

static void wait_for_load(struct worker *w, const struct counters_outcome *out)
{
    struct shared *s = w->shared;

    w->waited++;
    if (out->start_load && !queue_load(s, out->ref)) {
        counters_load_failed(s->counters, out->ref);
    }
    atomic_store(&w->turn, 0);
    while (out->pinned && counters_loading(s->counters, out->ref)) {
        (void)sched_yield();
    }
}

/* Counts one on a key, waiting for loads and turns, and notes the answer. */
static void count_one(struct worker *w, uint32_t number, bool may_wait)
{
    struct shared *s = w->shared;
    char buffer[SR_KEY_SIZE_MAX];
    struct sr_span key = numbered_key(buffer, number, 10 + number % 40);
    uint64_t hash = counters_hash(s->counters, key);

    for (;;) {
        struct counters_turn turn = {.epoch = open_turn(w),
                                     .tick = atomic_load(&s->tick),
                                     .may_wait = may_wait};
        struct counters_outcome out;
        enum counters_status status =
            counters_increment(s->counters, &turn, key, hash, 1, &out);

        if (status == COUNTERS_WAIT_LOAD) {
            wait_for_load(w, &out);
            status = COUNTERS_WAIT_TURN;
            if (out.pinned) {
                counters_unpin(s->counters, out.ref);
            }
        }
        atomic_store(&w->turn, 0);
        if (status == COUNTERS_DONE || status == COUNTERS_DONE_UNKNOWN) {
            atomic_fetch_add(&s->counted[number], 1);
            w->unknown += status == COUNTERS_DONE_UNKNOWN;
            if (status == COUNTERS_DONE && number < HOT_KEYS) {
                atomic_fetch_add(&s->answered[number][out.total], 1);
            }
            return;
        }
        SR_CHECK(status == COUNTERS_WAIT_TURN || status == COUNTERS_TABLE_FULL);
        (void)sched_yield();
    }
}

static void *run_worker(void *context)
{
    struct worker *w = context;
    uint64_t seed = 77 + w->number;

    for (unsigned i = 0; i < ROUNDS; i++) {
        uint32_t number;

        seed = seed * 6364136223846793005U + 1442695040888963407U;
        number = (uint32_t)(seed >> 33);
        /* Hot keys wait for their total always, so that every one is answered. */
        if (i % 2 == 0) {
            count_one(w, number % HOT_KEYS, true);
        } else {
            count_one(w, HOT_KEYS + number % COLD_KEYS, i % 10 != 1);
        }
    }
    atomic_fetch_sub(&w->shared->running, 1);
    return NULL;
}

static void load_one(struct shared *s, counters_ref ref)
{
    uint32_t number = number_of(counters_key(s->counters, ref));
    enum counters_install installed;

    do {
        int64_t value;
        bool exists;
        uint64_t epoch;

        (void)pthread_mutex_lock(&s->rows_lock);
        value = s->rows[number];
        exists = s->exists[number];
        epoch = s->row_epoch;
        (void)pthread_mutex_unlock(&s->rows_lock);
        installed =
            counters_install(s->counters, ref, value, exists, epoch, atomic_load(&s->tick));
    } while (installed == COUNTERS_STALE);
}

static void *run_loader(void *context)
{
    struct shared *s = context;
    static counters_ref refs[QUEUE_MAX];

    for (;;) {
        bool last = atomic_load(&s->running) == 0;
        size_t count;

        (void)pthread_mutex_lock(&s->queue_lock);
        count = s->queued;
        memcpy(refs, s->queue, count * sizeof(*refs));
        s->queued = 0;
        (void)pthread_mutex_unlock(&s->queue_lock);
        for (size_t i = 0; i < count; i++) {
            load_one(s, refs[i]);
        }
        if (last && count == 0) {
            return NULL;
        }
        (void)sched_yield();
    }
}

static void apply(struct shared *s, const struct counters_sealed *sealed,
                  struct counters_base *bases)
{
    (void)pthread_mutex_lock(&s->rows_lock);
    for (size_t i = 0; i < sealed->count; i++) {
        struct sr_change change;
        uint32_t number;

        counters_sealed_change(s->counters, sealed, i, &change);
        SR_CHECK(change.kind == SR_CHANGE_ADD);
        number = number_of(change.key);
        s->rows[number] += (int64_t)change.value;
        s->exists[number] = true;
        bases[i] = (struct counters_base){.value = s->rows[number], .known = 1, .exists = 1};
    }
    s->row_epoch = sealed->epoch;
    (void)pthread_mutex_unlock(&s->rows_lock);
}

static void flush(struct shared *s)
{
    uint64_t epoch = atomic_load(&s->epoch);
    struct counters_sealed sealed;
    struct counters_base *bases;

    counters_open_epoch(s->counters, epoch + 1);
    atomic_store(&s->epoch, epoch + 1);
    for (unsigned i = 0; i < WORKERS; i++) {
        while (atomic_load(&s->workers[i].turn) == epoch) {
            (void)sched_yield();
        }
    }
    SR_CHECK(counters_collect(s->counters, epoch, &sealed, NULL) == SR_OK);
    bases = calloc(sealed.count + 1, sizeof(*bases));
    SR_CHECK(bases != NULL);
    apply(s, &sealed, bases);
    counters_set_applied(s->counters, epoch);
    counters_complete(s->counters, &sealed, epoch % 3 == 0 ? NULL : bases,
                      atomic_load(&s->tick));
    counters_sealed_done(&sealed);
    free(bases);
    atomic_fetch_add(&s->tick, 1);
}

static void *run_flusher(void *context)
{
    struct shared *s = context;

    while (atomic_load(&s->running) > 0) {
        struct counters_stats stats;

        flush(s);
        counters_stats(s->counters, &stats);
        SR_CHECK(stats.memory_bytes <= stats.memory_max_bytes);
        if (atomic_load(&s->epoch) % 8 == 0) {
            counters_forget_bases(s->counters);
        }
    }
    flush(s);
    flush(s);
    return NULL;
}

static void start(struct shared *s, pthread_t *ret_flusher, pthread_t *ret_loader)
{
    struct counters_options options = {.memory_max = (size_t)768 << 10,
                                       .hash_key = {1, 2},
                                       .shard_count = 4};

    assert_int_equal(counters_open(&options, &s->counters, NULL), SR_OK);
    counters_set_applied(s->counters, 1);
    counters_open_epoch(s->counters, 2);
    s->row_epoch = 1;
    atomic_store(&s->epoch, 2);
    atomic_store(&s->running, WORKERS);
    assert_int_equal(pthread_mutex_init(&s->queue_lock, NULL), 0);
    assert_int_equal(pthread_mutex_init(&s->rows_lock, NULL), 0);
    for (unsigned i = 0; i < WORKERS; i++) {
        struct worker *w = &s->workers[i];

        w->shared = s;
        w->number = i;
        assert_int_equal(pthread_create(&w->thread, NULL, run_worker, w), 0);
    }
    assert_int_equal(pthread_create(ret_flusher, NULL, run_flusher, s), 0);
    assert_int_equal(pthread_create(ret_loader, NULL, run_loader, s), 0);
}

static void sums_are_exact_and_totals_come_once_each(void **state)
{
    struct shared *s = calloc(1, sizeof(*s));
    struct counters_stats stats;
    pthread_t flusher;
    pthread_t loader;
    uint64_t waited = 0;
    int64_t sum = 0;

    (void)state;
    assert_non_null(s);
    start(s, &flusher, &loader);
    for (unsigned i = 0; i < WORKERS; i++) {
        assert_int_equal(pthread_join(s->workers[i].thread, NULL), 0);
        waited += s->workers[i].waited;
    }
    assert_int_equal(pthread_join(flusher, NULL), 0);
    assert_int_equal(pthread_join(loader, NULL), 0);
    for (uint32_t i = 0; i < KEYS; i++) {
        assert_true(s->rows[i] == atomic_load(&s->counted[i]));
        sum += s->rows[i];
    }
    assert_int_equal(sum, WORKERS * ROUNDS);
    /* N increments of 1 are answered by 1 to N, each once. */
    for (uint32_t i = 0; i < HOT_KEYS; i++) {
        for (int64_t total = 1; total <= s->rows[i]; total++) {
            assert_int_equal(atomic_load(&s->answered[i][total]), 1);
        }
    }
    counters_stats(s->counters, &stats);
    print_message("# %lu epochs, %lu evictions, %lu waits\n",
                  (unsigned long)atomic_load(&s->epoch), (unsigned long)stats.evictions,
                  (unsigned long)waited);
    assert_true(stats.evictions > 1000);
    assert_int_equal(stats.loading, 0);
    assert_true(counters_valid(s->counters));
    counters_close(&s->counters);
    free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_are_exact_and_totals_come_once_each),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
