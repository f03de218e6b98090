/*
 * Samples of counted keys, and the rates made of them.
 */
#include "server/hot.h"

#include "base/check.h"
#include "base/limits.h"

#include <string.h>

#define RATE_LEAST 0.05 /* shown as 0.1 */
#define PERIOD_MAX (1U << 20)

/* ---- a worker's ---- */

/* 1 to 2 * period - 1, so that the mean is the period: with a fixed step a client that sends
 * two keys in turn would show one of them alone. */
static void draw(struct hot_sampler *s)
{
    s->random ^= s->random >> 12;
    s->random ^= s->random << 25;
    s->random ^= s->random >> 27;
    s->left = 1 + (uint32_t)((s->random * 0x2545F4914F6CDD1DU) >> 32) % (2 * s->period - 1);
}

void hot_sampler_init(struct hot_sampler *s, uint32_t seed)
{
    SR_CHECK(pthread_mutex_init(&s->lock, NULL) == 0);
    sr_buffer_init(&s->keys, HOT_BASKET_BYTES);
    sr_buffer_init(&s->spare, HOT_BASKET_BYTES);
    s->random = 0x9E3779B97F4A7C15U + seed;
    s->period = 1;
    s->left = 1;
    atomic_init(&s->wanted_period, 1);
}

void hot_sampler_done(struct hot_sampler *s)
{
    sr_buffer_done(&s->keys);
    sr_buffer_done(&s->spare);
    SR_CHECK(pthread_mutex_destroy(&s->lock) == 0);
}

static void put(struct hot_sampler *s, struct sr_span key)
{
    uint16_t size = (uint16_t)key.size;

    s->taken++;
    if (sr_buffer_reserve(&s->keys, sizeof(size) + key.size) != SR_OK) {
        s->dropped++;
        return;
    }
    memcpy(s->keys.data + s->keys.size, &size, sizeof(size));
    memcpy(s->keys.data + s->keys.size + sizeof(size), key.data, key.size);
    s->keys.size += sizeof(size) + key.size;
}

void hot_sample(struct hot_sampler *s, struct sr_span key)
{
    SR_CHECK(pthread_mutex_lock(&s->lock) == 0);
    put(s, key);
    SR_CHECK(pthread_mutex_unlock(&s->lock) == 0);
    draw(s);
}

void hot_redraw(struct hot_sampler *s)
{
    s->period = atomic_load_explicit(&s->wanted_period, memory_order_relaxed);
    draw(s);
}

/* ---- all workers' ---- */

enum sr_result hot_board_init(struct hot_board *board, const struct counters *counters,
                              struct sr_err *err)
{
    *board = (struct hot_board){.counters = counters, .sampled = 1};
    SR_CHECK(pthread_mutex_init(&board->lock, NULL) == 0);
    return hot_keys_open(HOT_KEYS_MAX, &board->keys, err);
}

void hot_board_done(struct hot_board *board)
{
    if (board->counters == NULL) {
        return;
    }
    hot_keys_close(&board->keys);
    SR_CHECK(pthread_mutex_destroy(&board->lock) == 0);
}

void hot_board_age(struct hot_board *board, double seconds)
{
    double factor = seconds < HOT_SECONDS ? 1 - seconds / HOT_SECONDS : 0;

    SR_CHECK(seconds > 0);
    SR_CHECK(pthread_mutex_lock(&board->lock) == 0);
    hot_keys_scale(board->keys, factor);
    board->seconds = board->seconds * factor + seconds;
    board->sampled = 1;
    SR_CHECK(pthread_mutex_unlock(&board->lock) == 0);
}

/* What a worker put into its basket since the last tick. */
struct basket {
    struct sr_span keys;
    uint32_t taken, dropped;
};

static struct basket exchange(struct hot_sampler *s)
{
    struct basket basket;
    struct sr_buffer full;

    SR_CHECK(pthread_mutex_lock(&s->lock) == 0);
    full = s->keys;
    s->keys = s->spare;
    s->keys.size = 0;
    s->spare = full;
    basket = (struct basket){.keys = sr_buffer_span(&s->spare),
                             .taken = s->taken,
                             .dropped = s->dropped};
    s->taken = 0;
    s->dropped = 0;
    SR_CHECK(pthread_mutex_unlock(&s->lock) == 0);
    return basket;
}

/* The period for the next tick: about HOT_SAMPLES_PER_TICK samples at the same rate, fewer
 * where the basket did not hold them. */
static void choose_period(struct hot_sampler *s, const struct basket *basket, uint64_t counted)
{
    uint64_t period = counted / HOT_SAMPLES_PER_TICK + 1;

    if (basket->dropped > 0) {
        uint32_t kept = basket->taken - basket->dropped;

        period = counted / (kept > 0 ? kept : 1) + 1;
    }
    if (period > PERIOD_MAX) {
        period = PERIOD_MAX;
    }
    atomic_store_explicit(&s->wanted_period, (uint32_t)period, memory_order_relaxed);
}

/* Every sample that was kept stands for as many increments. */
static void add_all(struct hot_board *board, struct sr_span keys, double weight)
{
    size_t at = 0;

    while (at < keys.size) {
        struct sr_span key;
        uint16_t size;

        memcpy(&size, keys.data + at, sizeof(size));
        at += sizeof(size);
        SR_CHECK(size >= 1 && size <= keys.size - at);
        key = (struct sr_span){.data = keys.data + at, .size = size};
        hot_keys_add(board->keys, key, counters_hash(board->counters, key), weight);
        at += size;
    }
}

bool hot_board_take(struct hot_board *board, struct hot_sampler *s, uint64_t counted)
{
    struct basket basket = exchange(s);
    uint32_t kept = basket.taken - basket.dropped;

    choose_period(s, &basket, counted);
    if (kept == 0 || counted == 0) {
        return false;
    }
    SR_CHECK(pthread_mutex_lock(&board->lock) == 0);
    add_all(board, basket.keys, (double)counted / kept);
    if (counted / kept > board->sampled) {
        board->sampled = (uint32_t)(counted / kept);
    }
    SR_CHECK(pthread_mutex_unlock(&board->lock) == 0);
    return true;
}

void hot_board_top(struct hot_board *board, uint32_t limit, struct hot_top *ret_top)
{
    struct hot_key keys[HOT_TOP_MAX];
    uint32_t found;

    SR_CHECK(limit <= HOT_TOP_MAX);
    SR_CHECK(pthread_mutex_lock(&board->lock) == 0);
    *ret_top = (struct hot_top){.sampled = board->sampled};
    if (board->seconds <= 0) {
        return;
    }
    ret_top->rate = hot_keys_total(board->keys) / board->seconds;
    found = hot_keys_top(board->keys, limit, keys);
    for (uint32_t i = 0; i < found && keys[i].count / board->seconds >= RATE_LEAST; i++) {
        ret_top->rows[ret_top->count++] = (struct hot_row){
            .key = keys[i].key,
            .rate = keys[i].count / board->seconds,
            .error = keys[i].error / board->seconds,
        };
    }
}

void hot_board_release(struct hot_board *board)
{
    SR_CHECK(pthread_mutex_unlock(&board->lock) == 0);
}
