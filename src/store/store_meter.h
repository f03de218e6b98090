/*
 * What a connection to the database does and how long it takes: a store around a store, which
 * counts every operation. The thread that uses the store is the only writer; a scrape reads a
 * moment behind.
 *
 *     idle | wait | operation ("use") | decode | idle ...
 *
 * wait is told by who queues work for the connection, decode by who takes the results over.
 */
#ifndef SR_STORE_STORE_METER_H
#define SR_STORE_STORE_METER_H

#include "base/histogram.h"
#include "store/store.h"

#include <stdatomic.h>

/* X(NAME, "name", "table"): OpenTelemetry's db.operation.name and db.collection.name. */
#define STORE_OPERATIONS(X)                                                                    \
    X(STORE_CLAIM, "claim", "counter_writers")                                                 \
    X(STORE_LOOK, "look", "counter_writers")                                                   \
    X(STORE_APPLY, "apply", "counters")                                                        \
    X(STORE_LOAD, "load", "counters")                                                          \
    X(STORE_LIST, "list", "counters")                                                          \
    X(STORE_FIND_REQUESTS, "find_requests", "counter_requests")

enum store_operation {
#define STORE_OPERATION_ENUM(name, label, table) name,
    STORE_OPERATIONS(STORE_OPERATION_ENUM)
#undef STORE_OPERATION_ENUM
        STORE_OPERATION_COUNT
};

const char *store_operation_name(enum store_operation operation);
const char *store_operation_table(enum store_operation operation);

struct store_meter {
    /* By operation: its time; how many gave neither SR_OK nor SR_NOT_FOUND. */
    struct sr_histogram operations[STORE_OPERATION_COUNT];
    _Atomic uint64_t failures[STORE_OPERATION_COUNT];
    /* Of the connection, in nanoseconds: unused before an operation; work waited for it; in
     * use; results were taken over. */
    struct sr_histogram idle, wait, use, decode;
    _Atomic bool in_use;
    uint64_t ended_ns; /* the writer alone: when the last operation was over */
};

/* A store that does what `store` does, and counts it in the meter; closes it with itself. On
 * failure `store` is still the caller's. SR_NO_MEMORY. The meter outlives it. */
enum sr_result store_meter_open(struct store *store, struct store_meter *meter,
                                struct store **ret_store, struct sr_err *err) SR_MUST_USE;

/* For the thread that uses the store, metered or not: the operation that comes next was wanted
 * since since_ns (monotonic); what the last operation gave has been taken over now. */
void store_meter_waited(struct store *store, uint64_t since_ns);
void store_meter_decoded(struct store *store);

#endif
