/*
 * One scrape of /metrics.
 */
#include "command/scrape.h"

#include "base/clock.h"
#include "command/service.h"
#include "metrics/metrics.h"

_Static_assert(ENGINE_REJECTION_COUNT - 1 <= METRICS_REJECTIONS_MAX,
               "every reason has a place in a snapshot");

void scrape_name_rejections(struct metrics_service *ret_service)
{
    ret_service->rejected_count = 0;
    for (int i = ENGINE_REJECT_NONE + 1; i < ENGINE_REJECTION_COUNT; i++) {
        ret_service->rejected[ret_service->rejected_count++] = (struct metrics_labelled){
            .label = engine_rejection_label((enum engine_rejection)i)};
    }
}

static void gather_service(const struct service *s, struct metrics_service *ret_service)
{
    struct engine_stats engine;

    engine_stats(s->engine, &engine);
    *ret_service = (struct metrics_service){
        .increments_accepted = engine.increments_accepted,
        .sets_accepted = engine.sets_accepted,
        .deletes_accepted = engine.deletes_accepted,
        .increments_overflowed = engine.overflows,
        .ledger_accepted = engine.delta_accepted,
        .token_hits = engine.token_hits,
        .token_conflicts = engine.token_conflicts,
        .token_mismatches = engine.token_mismatches,
        .waits = engine.waits,
        .turns = engine.turns,
        .turns_held = engine.replies_held,
        .connections_limit = server_connections_max(s->server),
        .bodies_in_flight = server_bodies_in_flight(s->server),
    };
    scrape_name_rejections(ret_service);
    for (size_t i = 0; i < ret_service->rejected_count; i++) {
        ret_service->rejected[i].value = engine.rejected[ENGINE_REJECT_NONE + 1 + i];
    }
}

void scrape_gather(const struct service *s, struct metrics_snapshot *ret_snapshot)
{
    struct metrics_snapshot snapshot = {
        .http = s->http,
        .http_count = config_number(s->config, CONFIG_WORKERS),
        .facts = &s->facts,
    };

    for (int i = 0; i < METRICS_CONNECTION_COUNT; i++) {
        snapshot.store[i] = &s->meters[i];
    }
    gather_service(s, &snapshot.service);
    counters_stats(s->counters, &snapshot.counters);
    journal_stats(s->journal, &snapshot.journal);
    flusher_stats(s->flusher, &snapshot.flusher);
    snapshot.service.ledger_unsynced =
        snapshot.service.ledger_accepted - snapshot.flusher.ledger_synced -
        snapshot.flusher.ledger_refused - snapshot.flusher.ledger_taken_back;
    dedup_stats(s->dedup, &snapshot.dedup);
    loader_stats(s->loader, &snapshot.loader);
    process_stats_read(&snapshot.process);
    snapshot.service.pages_queued = lister_queued(s->lister);
    snapshot.service.table_shards = snapshot.counters.shard_count;
    snapshot.service.scrape_ns = atomic_load(&s->scrape_ns);
    *ret_snapshot = snapshot;
}

enum sr_result scrape_render(void *context, struct sr_span accept, struct sr_buffer *out,
                             const char **ret_content_type)
{
    struct service *s = context;
    uint64_t begin = sr_clock_thread_ns();
    struct metrics_snapshot snapshot;
    enum sr_result result;

    scrape_gather(s, &snapshot);
    result = metrics_render(&snapshot, accept, out, ret_content_type);
    atomic_store(&s->scrape_ns, sr_clock_thread_ns() - begin);
    return result;
}
