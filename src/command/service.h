/*
 * The running service: all parts, built bottom-up and torn down top-down.
 *
 *   datadir -> journal (recovery) -> counters -> engine -> stores -> flusher, loader, lister ->
 * server
 */
#ifndef SR_COMMAND_SERVICE_H
#define SR_COMMAND_SERVICE_H

#include "command/config.h"
#include "command/notify.h"
#include "command/pulse.h"
#include "core/counters.h"
#include "journal/datadir.h"
#include "journal/journal.h"
#include "metrics/snapshot.h"
#include "server/engine.h"
#include "server/server.h"
#include "server/tls.h"
#include "store/store.h"
#include "sync/flusher.h"
#include "sync/lister.h"
#include "sync/loader.h"

#include <stdatomic.h>

/* Owned parts; NULL until built. */
struct service {
    const struct config *config; /* borrowed */
    struct datadir *datadir;
    struct journal *journal;
    struct journal_recovery recovery;
    struct counters *counters;
    struct dedup *dedup;
    struct engine *engine;
    struct pulse pulse;
    struct store *flusher_store, *loader_store, *lister_store; /* a connection each */
    struct store_meter meters[METRICS_CONNECTION_COUNT];       /* of the three */
    struct flusher *flusher;
    struct loader *loader;
    struct tls *tls; /* NULL: plain */
    struct lister *lister;
    struct guard *guard; /* NULL: nothing is asked of clients */
    struct server *server;
    struct notify notify;             /* serve.c alone */
    const struct http_metrics **http; /* of each worker, for a scrape */
    struct metrics_facts facts;       /* the same */
    _Atomic uint64_t scrape_ns;       /* processor time of the last scrape */
};

/* Builds all parts and listens; no thread runs yet. On failure what was built is left to
 * service_close. SR_INVALID: an option's value; SR_CLOSED: SIGTERM or SIGINT came while a
 * predecessor still had the data directory; else what the part says. The service must not
 * move after. */
enum sr_result service_open(struct service *service, const struct config *config,
                            struct sr_err *err) SR_MUST_USE;

/* The same for an operator's command that flushes: no clients, nothing listens. */
enum sr_result service_open_to_flush(struct service *service, const struct config *config,
                                     struct sr_err *err) SR_MUST_USE;

/* Of a service that was opened so: brings everything that the journal holds into the database
 * until deadline_ms (monotonic). SR_OK: it is there. */
enum sr_result service_flush(struct service *service, uint64_t deadline_ms,
                             struct sr_err *err) SR_MUST_USE;

/* Starts the threads, the workers last. On failure service_stop is still due. */
enum sr_result service_start(struct service *service, struct sr_err *err) SR_MUST_USE;

/*
 * Stops accepting, answers what is in flight (half of the time at most), flushes until
 * deadline_ms (monotonic), ends all threads. SR_OK: everything is in the database; SR_TIMEOUT:
 * the rest is in the journal, with the reason; any other: something that was acknowledged may
 * be neither.
 */
enum sr_result service_stop(struct service *service, uint64_t deadline_ms,
                            struct sr_err *err) SR_MUST_USE;

/* Frees all parts that there are. No thread may run. */
void service_close(struct service *service);

#endif
