/*
 * Sets of cells under striped locks. Depends on base/ only.
 */
#include "core/limiter.h"

#include "base/check.h"
#include "base/memory.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#define STRIPES 64

/* Free where restored_ns has passed: whoever had it is as good as new. */
struct cell {
    uint64_t client;
    uint64_t restored_ns; /* when the whole burst is there again */
};

struct cell_set {
    uint64_t now_ns;            /* the latest that anybody told: time does not go back here */
    uint64_t crowd_restored_ns; /* of all that have no cell */
    struct cell cells[LIMITER_WAYS];
};

/* One question. */
struct ask {
    uint64_t client, now_ns;
    uint32_t cost;
    bool takes;
};

static_assert(sizeof(struct cell_set) == 128, "a set fills two cache lines");

struct limiter {
    struct limiter_options options;
    uint64_t burst_ns; /* the whole burst as time */
    struct cell_set *sets;
    pthread_mutex_t locks[STRIPES]; /* of the sets whose index ends so; innermost */
};

enum sr_result limiter_open(const struct limiter_options *options, struct limiter **ret_limiter,
                            struct sr_err *err)
{
    struct limiter *l = calloc(1, sizeof(*l));

    SR_CHECK(options->interval_ns >= 1 && options->burst >= 1);
    SR_CHECK(options->interval_ns <= LIMITER_BURST_NS_MAX / options->burst);
    SR_CHECK(options->sets >= 1 && (options->sets & (options->sets - 1)) == 0);
    if (l != NULL) {
        l->sets = sr_pages_alloc(options->sets * sizeof(*l->sets));
    }
    if (l == NULL || l->sets == NULL) {
        free(l);
        return sr_fail(err, SR_NO_MEMORY, "no memory for the table of client addresses");
    }
    l->options = *options;
    l->burst_ns = options->interval_ns * options->burst;
    for (size_t i = 0; i < STRIPES; i++) {
        SR_CHECK(pthread_mutex_init(&l->locks[i], NULL) == 0);
    }
    *ret_limiter = l;
    return SR_OK;
}

void limiter_close(struct limiter **limiter)
{
    struct limiter *l = *limiter;

    if (l == NULL) {
        return;
    }
    for (size_t i = 0; i < STRIPES; i++) {
        SR_CHECK(pthread_mutex_destroy(&l->locks[i]) == 0);
    }
    sr_pages_free(l->sets, l->options.sets * sizeof(*l->sets));
    free(l);
    *limiter = NULL;
}

size_t limiter_memory(const struct limiter *limiter)
{
    return sizeof(*limiter) + limiter->options.sets * sizeof(*limiter->sets);
}

static struct cell_set *set_of(const struct limiter *l, uint64_t client, size_t *ret_index)
{
    struct sr_span bytes = {.data = (const uint8_t *)&client, .size = sizeof(client)};

    *ret_index = sr_siphash13(&l->options.hash_key, bytes) & (l->options.sets - 1);
    return &l->sets[*ret_index];
}

/* The client's cell, else a free one, else NULL: one of the crowd. */
static struct cell *find_cell(struct cell_set *set, uint64_t client, uint64_t now_ns)
{
    struct cell *vacant = NULL;

    for (size_t i = 0; i < LIMITER_WAYS; i++) {
        struct cell *cell = &set->cells[i];

        if (cell->restored_ns <= now_ns) {
            vacant = vacant == NULL ? cell : vacant;
        } else if (cell->client == client) {
            return cell;
        }
    }
    return vacant;
}

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* restored_ns: when the client has its whole burst back, before this request. */
static struct limiter_verdict judge(const struct limiter *l, uint64_t restored_ns,
                                    uint32_t cost, uint64_t now_ns)
{
    uint64_t interval_ns = l->options.interval_ns;
    uint64_t owed_ns = later(restored_ns, now_ns) - now_ns;
    struct limiter_verdict verdict = {0};

    if (cost > l->options.burst) {
        verdict.retry_ns = UINT64_MAX;
    } else if (owed_ns + cost * interval_ns > l->burst_ns) {
        verdict.retry_ns = owed_ns + cost * interval_ns - l->burst_ns;
    } else {
        verdict.passed = true;
        owed_ns += cost * interval_ns;
    }
    verdict.restored_ns = owed_ns;
    SR_CHECK(owed_ns <= l->burst_ns);
    verdict.remaining = (uint32_t)((l->burst_ns - owed_ns) / interval_ns);
    return verdict;
}

/* Judges and, where `takes`, notes. The set is locked. */
static struct limiter_verdict decide(const struct limiter *l, struct cell_set *set,
                                     const struct ask *ask)
{
    struct cell *cell = find_cell(set, ask->client, ask->now_ns);
    uint64_t restored_ns = set->crowd_restored_ns;
    struct limiter_verdict verdict;

    if (cell != NULL && cell->restored_ns > ask->now_ns) {
        restored_ns = cell->restored_ns;
    }
    verdict = judge(l, restored_ns, ask->cost, ask->now_ns);
    verdict.crowded = cell == NULL;
    if (!verdict.passed || !ask->takes) {
        return verdict;
    }
    if (cell != NULL) {
        *cell = (struct cell){.client = ask->client,
                              .restored_ns = ask->now_ns + verdict.restored_ns};
    } else {
        set->crowd_restored_ns = ask->now_ns + verdict.restored_ns;
    }
    return verdict;
}

static struct limiter_verdict locked_decide(struct limiter *l, struct ask *ask)
{
    size_t index;
    struct cell_set *set = set_of(l, ask->client, &index);
    pthread_mutex_t *lock = &l->locks[index % STRIPES];
    struct limiter_verdict verdict;

    SR_CHECK(ask->cost >= 1);
    SR_CHECK(pthread_mutex_lock(lock) == 0);
    /* Threads read the clock at different moments. A cell that was free for one of them may
     * have gone to somebody else: for another one it must not be as if it were still owed. */
    set->now_ns = later(set->now_ns, ask->now_ns);
    ask->now_ns = set->now_ns;
    verdict = decide(l, set, ask);
    SR_CHECK(pthread_mutex_unlock(lock) == 0);
    return verdict;
}

struct limiter_verdict limiter_take(struct limiter *limiter, uint64_t client, uint32_t cost,
                                    uint64_t now_ns)
{
    struct ask ask = {.client = client, .now_ns = now_ns, .cost = cost, .takes = true};

    return locked_decide(limiter, &ask);
}

/* Where the client's taking was noted, if anything of it is still owed. */
static uint64_t *find_owed(struct cell_set *set, uint64_t client, bool crowded)
{
    struct cell *cell;

    if (crowded) {
        return set->crowd_restored_ns > set->now_ns ? &set->crowd_restored_ns : NULL;
    }
    cell = find_cell(set, client, set->now_ns);
    return cell != NULL && cell->restored_ns > set->now_ns ? &cell->restored_ns : NULL;
}

void limiter_give(struct limiter *limiter, uint64_t client, uint32_t cost, bool crowded,
                  uint64_t taken_ns)
{
    size_t index;
    struct cell_set *set = set_of(limiter, client, &index);
    pthread_mutex_t *lock = &limiter->locks[index % STRIPES];
    uint64_t given_ns = cost * limiter->options.interval_ns;
    uint64_t *restored_ns;

    SR_CHECK(pthread_mutex_lock(lock) == 0);
    set->now_ns = later(set->now_ns, taken_ns);
    restored_ns = find_owed(set, client, crowded);
    /* With the taking never done, the number would be smaller by at least what is left of it:
     * takings after it began where it ended, or later. */
    if (restored_ns != NULL && set->now_ns - taken_ns < given_ns) {
        given_ns -= set->now_ns - taken_ns;
        SR_CHECK(*restored_ns >= given_ns);
        *restored_ns -= given_ns;
    }
    SR_CHECK(pthread_mutex_unlock(lock) == 0);
}

struct limiter_verdict limiter_look(struct limiter *limiter, uint64_t client, uint32_t cost,
                                    uint64_t now_ns)
{
    struct ask ask = {.client = client, .now_ns = now_ns, .cost = cost, .takes = false};

    return locked_decide(limiter, &ask);
}
