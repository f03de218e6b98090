/*
 * The load itself: all connections in one epoll loop, closed (a burst follows the last reply of
 * the one before) or at a fixed rate. One thread.
 */
#ifndef BENCH_LOAD_CLIENT_H
#define BENCH_LOAD_CLIENT_H

#include "base/result.h"
#include "load/latency.h"
#include "load/ledger.h"
#include "load/options.h"
#include "load/reply.h"

#include <stdint.h>

#define LOAD_GRACE_MS 10000U

/* What came of a run. */
struct load_counts {
    uint64_t answered;   /* requests with a reply of any status */
    uint64_t successful; /* of which 2xx */
    uint64_t unanswered; /* requests sent on connections that broke before the reply */
    uint64_t broken; /* connections that broke, were closed or sent something else than HTTP */
    uint64_t elapsed_ns; /* from the first request to the last reply */
    uint64_t statuses[LOAD_STATUS_MAX];
    struct latency latency; /* from when a request was due until its reply was read */
};

/* Runs until the requests are through, the time is over, SIGINT or SIGTERM came (the caller has
 * blocked both), or no connection is left; what is in flight then is waited for, up to
 * LOAD_GRACE_MS. SR_UNAVAILABLE where not all connections could be opened, SR_NO_MEMORY, SR_IO;
 * then ret_counts holds nothing of use. */
enum sr_result load_client_run(const struct load_options *options, struct load_ledger *ledger,
                               struct load_counts *ret_counts, struct sr_err *err) SR_MUST_USE;

#endif
