/*
 * The running service: the one place that knows all parts and their order.
 */
#include "command/service.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "command/events.h"
#include "command/facts.h"
#include "command/protection.h"
#include "command/scrape.h"
#include "command/state.h"
#include "command/takeover.h"
#include "sync/restore.h"

#include <stdlib.h>

/* ---- what parts call each other by ---- */

/* The journal is built before the engine, but no thread of it runs before there is one. */
static void on_progress(void *context)
{
    struct service *s = context;

    engine_progress(s->engine);
}

static void on_loaded(void *context)
{
    struct service *s = context;

    engine_loaded(s->engine);
}

static uint32_t current_tick(void *context)
{
    struct service *s = context;

    return flusher_tick(s->flusher);
}

static void claim_soon(void *context)
{
    struct service *s = context;

    flusher_look_soon(s->flusher);
}

/* ---- build ---- */

static enum sr_result open_journal(struct service *s, struct sr_err *err)
{
    const struct config *c = s->config;
    enum sr_result result = takeover_datadir(c, &s->datadir, err);
    struct journal_options options = {
        .durability = (enum journal_durability)config_number(c, CONFIG_DURABILITY),
        .limit_bytes = config_number(c, CONFIG_JOURNAL_LIMIT),
        .retention_ms = config_number(c, CONFIG_JOURNAL_RETENTION),
        .retention_bytes = config_number(c, CONFIG_JOURNAL_RETENTION_BYTES),
        .progress = on_progress,
        .context = s,
    };

    if (result != SR_OK) {
        return result;
    }
    options.disk = datadir_disk(s->datadir);
    options.instance = datadir_instance(s->datadir);
    return journal_open(&options, &s->journal, &s->recovery, err);
}

static enum sr_result open_counters(struct service *s, struct sr_err *err)
{
    struct counters_options options = {.memory_max =
                                           config_number(s->config, CONFIG_MEMORY_LIMIT)};
    enum sr_result result = sr_random_bytes(&options.hash_key, sizeof(options.hash_key), err);

    return result == SR_OK ? counters_open(&options, &s->counters, err) : result;
}

static enum sr_result open_window(struct service *s, struct sr_err *err)
{
    struct dedup_options options = {
        .entries_max = config_u32(s->config, CONFIG_IDEMPOTENCY_MAX),
        .window_ms = config_number(s->config, CONFIG_IDEMPOTENCY_WINDOW),
    };
    enum sr_result result = sr_random_bytes(&options.hash_key, sizeof(options.hash_key), err);

    return result == SR_OK ? restore_window(&options, s->journal, datadir_disk(s->datadir),
                                            sr_clock_monotonic_ms(), &s->dedup, err)
                           : result;
}

static enum sr_result open_engine(struct service *s, struct sr_err *err)
{
    const struct config *c = s->config;
    struct engine_options options = {
        .counters = s->counters,
        .dedup = s->dedup,
        .journal = s->journal,
        .worker_count = config_u32(c, CONFIG_WORKERS),
        .durability = (enum journal_durability)config_number(c, CONFIG_DURABILITY),
        .ready_lag_max_ms = config_number(c, CONFIG_READY_MAX_LAG),
    };

    enum sr_result result = engine_open(&options, &s->engine, err);

    return result == SR_OK ? pulse_open(s, err) : result;
}

/* A store whose operations are counted. */
static enum sr_result open_store(struct service *s, const struct store_options *options,
                                 enum metrics_connection connection, struct store **ret_store,
                                 struct sr_err *err)
{
    struct store *plain;
    enum sr_result result =
        store_open(config_text(s->config, CONFIG_DATABASE_URL), options, &plain, err);

    if (result != SR_OK) {
        return result;
    }
    result = store_meter_open(plain, &s->meters[connection], ret_store, err);
    if (result != SR_OK) {
        store_close(&plain);
    }
    return result;
}

static enum sr_result open_stores(struct service *s, struct sr_err *err)
{
    struct store_options options = {
        .instance = datadir_instance(s->datadir),
        .timeout_ms = config_u32(s->config, CONFIG_DATABASE_TIMEOUT),
    };
    enum sr_result result;

    result = open_store(s, &options, METRICS_LOADER, &s->loader_store, err);
    if (result == SR_OK) {
        result = open_store(s, &options, METRICS_LISTER, &s->lister_store, err);
    }
    options.create = true; /* by the claim alone */
    if (result == SR_OK) {
        result = open_store(s, &options, METRICS_FLUSHER, &s->flusher_store, err);
    }
    return result;
}

static enum sr_result open_flusher(struct service *s, struct sr_err *err)
{
    const struct config *c = s->config;
    struct flusher_options options = {
        .counters = s->counters,
        .journal = s->journal,
        .datadir = s->datadir,
        .store = s->flusher_store,
        .dedup = s->dedup,
        .window_ms = config_number(c, CONFIG_IDEMPOTENCY_WINDOW),
        .newest_epoch = s->recovery.newest_epoch,
        .open_epoch = s->recovery.open_epoch,
        .sealed_epoch = s->recovery.sealed_epoch,
        .changes_journaled = config_number(c, CONFIG_DURABILITY) != JOURNAL_NONE,
        .interval_ms = config_u32(c, CONFIG_SYNC_INTERVAL),
        .retention_ms = config_number(c, CONFIG_JOURNAL_RETENTION),
        .close_turns = engine_close_turns,
        .accepted = engine_accepted,
        .claimed = engine_claimed,
        .turns_context = s->engine,
        .event = events_log,
    };

    return flusher_open(&options, &s->flusher, err);
}

static enum sr_result open_loader(struct service *s, struct sr_err *err)
{
    struct loader_options options = {
        .counters = s->counters,
        .store = s->loader_store,
        .dedup = s->dedup,
        .tick = current_tick,
        .claim_soon = claim_soon,
        .loaded = on_loaded,
        .context = s,
        .event = events_log,
    };
    enum sr_result result = loader_open(&options, &s->loader, err);

    if (result == SR_OK) {
        engine_attach(s->engine, s->flusher, s->loader, s->recovery.open_epoch);
    }
    return result;
}

static enum sr_result open_lister(struct service *s, struct sr_err *err)
{
    struct lister_options options = {.counters = s->counters,
                                     .store = s->lister_store,
                                     .done = on_loaded,
                                     .context = s};
    enum sr_result result = lister_open(&options, &s->lister, err);

    if (result == SR_OK) {
        engine_attach_lister(s->engine, s->lister);
    }
    return result;
}

static void set_limits(const struct config *c, struct server_options *options)
{
    uint64_t body_limit = config_number(c, CONFIG_BODY_LIMIT);

    options->connections_max = config_u32(c, CONFIG_CONNECTIONS_MAX);
    options->connections_per_address_max = config_u32(c, CONFIG_CONNECTIONS_PER_ADDRESS);
    options->http.body_max = body_limit;
    options->header_timeout_ms = config_u32(c, CONFIG_HEADER_TIMEOUT);
    options->body_timeout_ms = config_u32(c, CONFIG_BODY_TIMEOUT);
    options->idle_timeout_ms = config_u32(c, CONFIG_IDLE_TIMEOUT);
    options->write_timeout_ms = config_u32(c, CONFIG_WRITE_TIMEOUT);
    options->hold_timeout_ms = config_u32(c, CONFIG_HOLD_TIMEOUT);
    /* One body of the greatest size must fit beside what others send. */
    if (options->bodies_in_flight_max < 2 * body_limit) {
        options->bodies_in_flight_max = 2 * body_limit;
    }
}

static enum sr_result open_guard(struct service *s, struct sr_err *err)
{
    struct guard_options options;
    enum sr_result result = protection_options(s->config, &options, err);

    if (result == SR_OK && guard_options_in_force(&options)) {
        result = guard_open(&options, &s->guard, err);
    }
    return result;
}

static enum sr_result open_tls(struct service *s, struct sr_err *err)
{
    const char *certificate = config_text(s->config, CONFIG_TLS_CERTIFICATE);

    return certificate == NULL
               ? SR_OK
               : tls_open(certificate, config_text(s->config, CONFIG_TLS_KEY), &s->tls, err);
}

static enum sr_result open_server(struct service *s, struct sr_err *err)
{
    uint32_t workers = config_u32(s->config, CONFIG_WORKERS);
    struct server_options options;
    enum sr_result result;

    server_options_default(&options);
    options.addresses = config_text(s->config, CONFIG_LISTEN);
    options.port = (uint16_t)config_number(s->config, CONFIG_PORT);
    options.worker_count = workers;
    options.engine = s->engine;
    options.guard = s->guard;
    options.tls = s->tls;
    options.render_metrics = scrape_render;
    options.render_context = s;
    options.render_page = state_render;
    options.hot = &s->pulse.hot;
    options.feed = s->pulse.feed;
    set_limits(s->config, &options);
    s->http = calloc(workers, sizeof(const struct http_metrics *));
    if (s->http == NULL) {
        return sr_fail(err, SR_NO_MEMORY, "no memory for the list of workers");
    }
    result = server_open(&options, &s->server, err);
    for (uint32_t i = 0; result == SR_OK && i < workers; i++) {
        s->http[i] = server_http_metrics(s->server, i);
    }
    if (result == SR_OK) {
        facts_gather(s->config, s->server, s->loader_store, &s->facts);
    }
    return result;
}

/* Bottom-up; what flushes comes before what answers clients. */
static enum sr_result (*const steps[])(struct service *, struct sr_err *) = {
    open_journal, open_counters, open_window, open_engine, open_stores, open_flusher,
    open_loader,  open_lister,   open_guard,  open_tls,    open_server,
};
#define STEPS_COUNT (sizeof(steps) / sizeof(steps[0]))
#define STEPS_TO_FLUSH 7

static enum sr_result open_steps(struct service *s, const struct config *config, size_t count,
                                 struct sr_err *err)
{
    enum sr_result result = SR_OK;

    *s = (struct service){.config = config};
    for (size_t i = 0; result == SR_OK && i < count; i++) {
        result = steps[i](s, err);
    }
    return result;
}

enum sr_result service_open(struct service *s, const struct config *config, struct sr_err *err)
{
    return open_steps(s, config, STEPS_COUNT, err);
}

enum sr_result service_open_to_flush(struct service *s, const struct config *config,
                                     struct sr_err *err)
{
    return open_steps(s, config, STEPS_TO_FLUSH, err);
}

enum sr_result service_start(struct service *s, struct sr_err *err)
{
    enum sr_result result = journal_start(s->journal, err);

    if (result == SR_OK) {
        result = flusher_start(s->flusher, err);
    }
    if (result == SR_OK) {
        result = loader_start(s->loader, err);
    }
    if (result == SR_OK) {
        result = lister_start(s->lister, err);
    }
    return result == SR_OK ? server_start(s->server, err) : result;
}

/* ---- tear down ---- */

/* Whether everything handed to the journal became durable; asked when its threads have ended.
 */
static enum sr_result check_journaled(struct service *s, enum sr_result flushed,
                                      struct sr_err *err)
{
    uint64_t handed = journal_handed(s->journal);
    uint64_t durable = journal_durable(s->journal);

    if (flushed != SR_TIMEOUT || durable == handed) {
        return flushed;
    }
    return sr_fail(err, SR_IO,
                   "%llu bytes of records are neither in the database nor in the journal",
                   (unsigned long long)(handed - durable));
}

enum sr_result service_stop(struct service *s, uint64_t deadline_ms, struct sr_err *err)
{
    uint64_t now = sr_clock_monotonic_ms();
    uint64_t left = deadline_ms > now ? deadline_ms - now : 0;
    enum sr_result result;

    /* A client that will not be done keeps nobody's counts from being flushed: it is cut at
     * half the time, and its requests that were not answered may be repeated. */
    if (server_drain(s->server, now + left / 2) != SR_OK) {
        sr_log(SR_LOG_WARN, "server.cut", "connections that were not done in time were cut");
    }
    engine_drain(s->engine);
    result = flusher_stop(s->flusher, deadline_ms, err);
    loader_stop(s->loader);
    lister_stop(s->lister);
    journal_stop(s->journal);
    return check_journaled(s, result, err);
}

enum sr_result service_flush(struct service *s, uint64_t deadline_ms, struct sr_err *err)
{
    enum sr_result result = journal_start(s->journal, err);

    if (result == SR_OK) {
        result = flusher_start(s->flusher, err);
    }
    if (result == SR_OK) {
        result = flusher_stop(s->flusher, deadline_ms, err);
    }
    journal_stop(s->journal);
    return result;
}

void service_close(struct service *s)
{
    server_close(&s->server);
    guard_close(&s->guard);
    tls_close(&s->tls);
    free(s->http);
    lister_close(&s->lister);
    loader_close(&s->loader);
    flusher_close(&s->flusher);
    store_close(&s->loader_store);
    store_close(&s->lister_store);
    store_close(&s->flusher_store);
    pulse_close(&s->pulse);
    engine_close(&s->engine);
    dedup_close(&s->dedup);
    counters_close(&s->counters);
    journal_close(&s->journal);
    datadir_close(&s->datadir);
}
