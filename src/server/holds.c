/*
 * A ring of holds.
 */
#include "server/holds.h"

#include "base/check.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* An id: 9 bits of the status less 100, 3 of method, 4 of route. Never 0, which ends a list of
 * series: no reply has the status 100. */
#define STATUS_LEAST 100U
#define METHOD_SHIFT 9
#define ROUTE_SHIFT 12

static_assert(HTTP_METRICS_METHOD_COUNT <= 1 << (ROUTE_SHIFT - METHOD_SHIFT), "method bits");
static_assert(HTTP_ROUTE_COUNT <= 1 << (16 - ROUTE_SHIFT), "route bits");
static_assert(sizeof(struct hold) <= 64, "several of them stand by for every connection");

bool answered_add(struct answered *answered, enum http_method method, enum http_route route,
                  uint16_t status)
{
    uint16_t id = (uint16_t)((status - STATUS_LEAST) | (unsigned)method << METHOD_SHIFT |
                             (unsigned)route << ROUTE_SHIFT);
    uint32_t i = 0;

    SR_CHECK(status > STATUS_LEAST && status < STATUS_LEAST + (1U << METHOD_SHIFT));
    while (i < answered->series_count && answered->series[i].id != id) {
        i++;
    }
    SR_CHECK(i < HOLD_SERIES_MAX);
    if (i == answered->series_count) {
        answered->series[i] = (struct hold_series){.id = id};
        answered->series_count++;
    }
    answered->series[i].count++;
    return answered->series_count < HOLD_SERIES_MAX && answered->series[i].count < UINT16_MAX;
}

static uint32_t series_sum(const struct hold_series series[HOLD_SERIES_MAX])
{
    uint32_t sum = 0;

    for (uint32_t i = 0; i < HOLD_SERIES_MAX && series[i].id != 0; i++) {
        sum += series[i].count;
    }
    return sum;
}

uint32_t answered_count(const struct answered *answered)
{
    return series_sum(answered->series);
}

void holds_init(struct holds *holds)
{
    memset(holds, 0, sizeof(*holds));
}

void holds_done(struct holds *holds)
{
    free(holds->ring);
    holds_init(holds);
}

static struct hold *hold_at(const struct holds *holds, size_t i)
{
    return &holds->ring[(holds->head + i) & (holds->capacity - 1)];
}

enum sr_result holds_reserve(struct holds *holds, size_t count)
{
    size_t capacity = holds->capacity > 0 ? holds->capacity : 64;
    struct hold *ring;

    if (count <= holds->capacity) {
        return SR_OK;
    }
    while (capacity < count) {
        capacity *= 2;
    }
    ring = malloc(capacity * sizeof(*ring));
    if (ring == NULL) {
        return SR_NO_MEMORY;
    }
    for (size_t i = 0; i < holds->count; i++) {
        ring[i] = *hold_at(holds, i);
    }
    free(holds->ring);
    holds->ring = ring;
    holds->capacity = capacity;
    holds->head = 0;
    return SR_OK;
}

struct hold *holds_push(struct holds *holds, const struct answered *answered)
{
    struct hold *hold;

    SR_CHECK(holds->count < holds->capacity);
    hold = hold_at(holds, holds->count);
    memset(hold, 0, sizeof(*hold));
    memcpy(hold->series, answered->series, sizeof(hold->series));
    holds->count++;
    holds->answers += series_sum(hold->series);
    return hold;
}

void holds_close_turn(struct holds *holds, uint64_t turn)
{
    SR_CHECK(holds->open_count <= holds->count);
    for (size_t i = holds->count - holds->open_count; i < holds->count; i++) {
        hold_at(holds, i)->turn = turn;
    }
    holds->open_count = 0;
}

struct hold *holds_first(struct holds *holds)
{
    return holds->count > 0 ? hold_at(holds, 0) : NULL;
}

void holds_pop(struct holds *holds)
{
    SR_CHECK(holds->count > holds->open_count);
    holds->answers -= series_sum(hold_at(holds, 0)->series);
    holds->head = (holds->head + 1) & (holds->capacity - 1);
    holds->count--;
}

uint32_t hold_series_record(const struct hold_series series[HOLD_SERIES_MAX],
                            struct http_metrics *metrics, uint64_t duration_ns)
{
    uint32_t bucket = sr_histogram_bucket(&sr_bounds_time_ns, duration_ns);
    uint32_t sum = 0;

    for (uint32_t i = 0; i < HOLD_SERIES_MAX && series[i].id != 0; i++) {
        enum http_method method = series[i].id >> METHOD_SHIFT & 7U;
        enum http_route route = series[i].id >> ROUTE_SHIFT;
        uint16_t status =
            (uint16_t)(STATUS_LEAST + (series[i].id & ((1U << METHOD_SHIFT) - 1)));

        http_metrics_requests(metrics, method, route, status, bucket, duration_ns,
                              series[i].count);
        sum += series[i].count;
    }
    return sum;
}

void hold_record(const struct hold *hold, struct http_metrics *metrics, uint64_t now_ns)
{
    uint32_t answers = hold_series_record(hold->series, metrics, now_ns - hold->since_ns);
    uint64_t made_ns = hold_made_ns(hold);
    uint64_t held_ns = now_ns > made_ns ? now_ns - made_ns : 0;

    http_metrics_put(&metrics->hold_ns, &sr_bounds_time_ns,
                     sr_histogram_bucket(&sr_bounds_time_ns, held_ns), held_ns, answers);
}
