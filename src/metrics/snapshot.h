/*
 * Everything one scrape tells, gathered by the caller from each module's stats: the page is a
 * pure function of it.
 */
#ifndef SR_METRICS_SNAPSHOT_H
#define SR_METRICS_SNAPSHOT_H

#include "core/counters.h"
#include "core/dedup.h"
#include "journal/journal.h"
#include "metrics/facts.h"
#include "metrics/http_metrics.h"
#include "metrics/process.h"
#include "store/store_meter.h"
#include "sync/flusher.h"
#include "sync/loader.h"

#include <stddef.h>
#include <stdint.h>

#define METRICS_REJECTIONS_MAX 16

/* A count under a label of ours. */
struct metrics_labelled {
    const char *label; /* static text */
    uint64_t value;
};

/* What the engine and the server, which stand above this module, tell about themselves. */
struct metrics_service {
    uint64_t increments_accepted;
    uint64_t sets_accepted, deletes_accepted;
    uint64_t increments_overflowed; /* 409: the total would have left 64 bits */
    struct metrics_labelled rejected[METRICS_REJECTIONS_MAX]; /* 503 by reason */
    size_t rejected_count;
    /* Ledger, modulo 2^64: all that was counted since the start; what of it is neither in the
     * database nor in counter_refused. */
    uint64_t ledger_accepted, ledger_unsynced;
    /* Requests with an Idempotency-Key: answered again, 409 while the first ran, 422. */
    uint64_t token_hits, token_conflicts, token_mismatches;
    uint64_t waits; /* requests parked for a load or a later turn */
    uint64_t turns, turns_held;
    uint64_t connections_limit;
    uint64_t bodies_in_flight; /* bytes */
    uint64_t pages_queued;     /* of GET /counters */
    uint64_t table_shards;
    uint64_t scrape_ns; /* processor time of the scrape before */
};

/* The connections to the database. */
enum metrics_connection {
    METRICS_FLUSHER,
    METRICS_LOADER,
    METRICS_LISTER,
    METRICS_CONNECTION_COUNT
};

struct metrics_snapshot {
    struct metrics_service service;
    const struct http_metrics *const *http; /* one a worker */
    uint64_t http_count;
    struct counters_stats counters;
    struct journal_stats journal;
    struct flusher_stats flusher;
    struct loader_stats loader;
    struct dedup_stats dedup;
    const struct metrics_facts *facts;
    const struct store_meter *store[METRICS_CONNECTION_COUNT];
    struct process_stats process;
};

#endif
