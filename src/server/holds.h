/*
 * Replies that wait until their turn is released, in order of turns: one hold per connection
 * and piece of work. The bytes stay in the connection's output; a hold says how many of them.
 * Also which requests they answer, so that durations are counted when the answers may leave.
 */
#ifndef SR_SERVER_HOLDS_H
#define SR_SERVER_HOLDS_H

#include "base/result.h"
#include "metrics/http_metrics.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct connection;

#define HOLD_SERIES_MAX 8

/* Requests of one method, route and status. */
struct hold_series {
    uint16_t id; /* status, method and route in one number */
    uint16_t count;
};

/* What a connection's requests of one piece of work were answered. */
struct answered {
    struct hold_series series[HOLD_SERIES_MAX];
    uint32_t series_count;
    bool counts; /* an answer depends on counts: must not leave before its turn is released */
};

/* Notes one answer. False where there is no room for another one after it: the work must end.
 */
bool answered_add(struct answered *answered, enum http_method method, enum http_route route,
                  uint16_t status);

/* The number of requests answered. */
uint32_t answered_count(const struct answered *answered);

struct hold {
    uint64_t turn; /* the engine's id; 0 while the turn is open */
    struct connection *connection;
    uint64_t since_ns;  /* when the requests were read */
    uint32_t bytes;     /* of the connection's output */
    uint32_t waited_us; /* from then to when the answers were made */
    struct hold_series series[HOLD_SERIES_MAX];
};

/* A ring; capacity is zero or a power of two. */
struct holds {
    struct hold *ring; /* owned */
    size_t capacity;
    size_t head;
    size_t count;
    size_t open_count; /* of the newest, those whose turn is open */
    uint64_t answers;  /* requests answered in all holds */
};

void holds_init(struct holds *holds);
void holds_done(struct holds *holds);

/* Makes room for `count` holds in all, before anything is counted that would need them.
 * SR_NO_MEMORY. */
enum sr_result holds_reserve(struct holds *holds, size_t count) SR_MUST_USE;

/* Appends a hold with its series filled from answered; there must be room. */
struct hold *holds_push(struct holds *holds, const struct answered *answered);

/* All holds of the open turn belong to `turn`. */
void holds_close_turn(struct holds *holds, uint64_t turn);

/* The oldest hold, NULL where there is none. */
struct hold *holds_first(struct holds *holds);

/* Drops the oldest hold. */
void holds_pop(struct holds *holds);

/* When the hold's answers were made, by the monotonic clock. */
static inline uint64_t hold_made_ns(const struct hold *hold)
{
    return hold->since_ns + (uint64_t)hold->waited_us * 1000;
}

/* Counts the answered requests' durations in the worker's metrics; returns how many. */
uint32_t hold_series_record(const struct hold_series series[HOLD_SERIES_MAX],
                            struct http_metrics *metrics, uint64_t duration_ns);

/* The hold is released: counts that, and how long its answers were held. */
void hold_record(const struct hold *hold, struct http_metrics *metrics, uint64_t now_ns);

#endif
