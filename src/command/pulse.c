/*
 * The beat of each second.
 */
#include "command/pulse.h"

#include "base/clock.h"
#include "base/random.h"
#include "command/scrape.h"
#include "command/service.h"
#include "server/top.h"

#define BEAT_LEAST_NS 500000000U
#define TOP_KEYS 20

enum sr_result pulse_open(struct service *s, struct sr_err *err)
{
    struct pulse *p = &s->pulse;
    struct metrics_snapshot snapshot = {0};
    enum sr_result result = hot_board_init(&p->hot, s->counters, err);
    uint64_t boot;

    sr_buffer_init(&p->row, FEED_ROW_SIZE_MAX);
    sr_buffer_init(&p->top, FEED_TOP_SIZE_MAX);
    if (result == SR_OK) {
        result = sr_random_bytes(&boot, sizeof(boot), err);
    }
    if (result != SR_OK) {
        return result;
    }
    scrape_name_rejections(&snapshot.service);
    if (live_fields(&snapshot, &p->row) != SR_OK) {
        return sr_fail(err, SR_NO_MEMORY, "no memory for the names of the dashboard's figures");
    }
    return feed_open(boot, sr_buffer_span(&p->row), &p->feed, err);
}

void pulse_close(struct pulse *p)
{
    feed_close(&p->feed);
    hot_board_done(&p->hot);
    sr_buffer_done(&p->row);
    sr_buffer_done(&p->top);
}

/* A row that cannot be made, for lack of memory, is left out. */
static void feed(struct service *s, const struct metrics_snapshot *snapshot, double seconds)
{
    struct pulse *p = &s->pulse;

    p->row.size = 0;
    p->top.size = 0;
    if (live_row(&p->live, snapshot, seconds, sr_clock_wall_ms(), &p->row) == SR_OK &&
        top_write(&p->hot, TOP_KEYS, &p->top) == SR_OK) {
        feed_publish(p->feed, sr_buffer_span(&p->row), sr_buffer_span(&p->top));
        server_feed(s->server);
    }
}

void pulse_beat(struct service *s)
{
    struct pulse *p = &s->pulse;
    uint64_t now_ns = sr_clock_monotonic_ns();
    uint64_t since_ns = now_ns - p->beat_ns;
    struct metrics_snapshot snapshot;

    if (p->beat_ns != 0 && since_ns < BEAT_LEAST_NS) {
        return;
    }
    scrape_gather(s, &snapshot);
    if (p->beat_ns == 0) {
        live_begin(&p->live, &snapshot);
    } else {
        engine_sample_hot(s->engine, &p->hot, (double)since_ns / 1e9);
        feed(s, &snapshot, (double)since_ns / 1e9);
    }
    p->beat_ns = now_ns;
}
