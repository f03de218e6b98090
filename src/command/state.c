/*
 * The pages, as JSON. A page is appended by a writer that remembers its first failure.
 */
#include "command/state.h"

#include "base/clock.h"
#include "build_info.h"
#include "command/scrape.h"
#include "command/service.h"
#include "http/reply.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* A JSON document in the making. */
struct writer {
    struct sr_buffer *out;
    enum sr_result result;
    bool follows; /* a value stands before: a comma is due */
};

static void put(struct writer *w, const char *text)
{
    if (w->result == SR_OK) {
        w->result = sr_buffer_append(w->out, text, strlen(text));
    }
}

/* A member's name, or nothing for an item. */
static void begin_value(struct writer *w, const char *name)
{
    if (w->follows) {
        put(w, ",");
    }
    if (name != NULL) {
        put(w, "\"");
        put(w, name);
        put(w, "\":");
    }
    w->follows = true;
}

static void open_value(struct writer *w, const char *name, const char *bracket)
{
    begin_value(w, name);
    put(w, bracket);
    w->follows = false;
}

static void close_value(struct writer *w, const char *bracket)
{
    put(w, bracket);
    w->follows = true;
}

static void text(struct writer *w, const char *name, const char *value)
{
    begin_value(w, name);
    if (w->result == SR_OK) {
        w->result = http_json_string(w->out, sr_span_text(value));
    }
}

static void number(struct writer *w, const char *name, uint64_t value)
{
    begin_value(w, name);
    if (w->result == SR_OK) {
        w->result = sr_buffer_printf(w->out, "%" PRIu64, value);
    }
}

static void truth(struct writer *w, const char *name, bool value)
{
    begin_value(w, name);
    put(w, value ? "true" : "false");
}

/* ---- state ---- */

static void write_build(struct writer *w, const struct metrics_facts *facts)
{
    open_value(w, "build", "{");
    text(w, "version", SR_BUILD_VERSION);
    text(w, "commit", SR_BUILD_GIT_SHA);
    text(w, "compiler", SR_BUILD_COMPILER);
    open_value(w, "runs_with", "{");
    for (size_t i = 0; i < facts->dependency_count; i++) {
        text(w, facts->dependencies[i].name, facts->dependencies[i].value);
    }
    close_value(w, "}");
    close_value(w, "}");
}

static void write_process(struct writer *w, const struct service *s,
                          const struct metrics_snapshot *snapshot)
{
    uint64_t now_ms = sr_clock_wall_ms();
    struct sr_uuid uuid = datadir_instance(s->datadir);
    char instance[SR_UUID_TEXT_SIZE];
    const char *url;

    open_value(w, "process", "{");
    number(w, "started_ms", snapshot->process.start_time_ms);
    number(w, "uptime_ms",
           now_ms > snapshot->process.start_time_ms ? now_ms - snapshot->process.start_time_ms
                                                    : 0);
    number(w, "workers", snapshot->http_count);
    number(w, "threads", snapshot->process.threads);
    number(w, "resident_bytes", snapshot->process.resident_bytes);
    text(w, "data_dir", datadir_path(s->datadir));
    sr_uuid_text(&uuid, instance);
    text(w, "instance", instance);
    open_value(w, "urls", "[");
    for (size_t i = 0; (url = server_url(s->server, i)) != NULL; i++) {
        text(w, NULL, url);
    }
    close_value(w, "]");
    close_value(w, "}");
}

static void write_check(struct writer *w, const char *name, bool ok, const char *reason)
{
    open_value(w, NULL, "{");
    text(w, "name", name);
    truth(w, "ok", ok);
    text(w, "reason", reason);
    close_value(w, "}");
}

/* Readiness, and what may be wrong while the service is ready. */
static void write_health(struct writer *w, const struct service *s,
                         const struct metrics_snapshot *snapshot)
{
    char reason[400] = "";
    bool ready = engine_ready(s->engine, reason, sizeof(reason));
    const struct flusher_stats *flusher = &snapshot->flusher;
    bool store_up = flusher->state != FLUSHER_STORE_DOWN && flusher->state != FLUSHER_STOPPED;

    open_value(w, "health", "[");
    write_check(w, "ready", ready, ready ? "takes increments" : reason);
    write_check(w, "database", store_up,
                flusher->reason[0] != '\0' ? flusher->reason
                                           : flusher_state_text(flusher->state));
    write_check(w, "journal", !snapshot->journal.failed,
                snapshot->journal.failed ? snapshot->journal.failure.text : "is written");
    write_check(w, "disk", !snapshot->journal.disk_full,
                snapshot->journal.disk_full ? "no further journal file can be prepared"
                                            : "has room for the journal");
    (void)snprintf(reason, sizeof(reason), "%" PRIu64 " in counter_refused since the start",
                   flusher->rows_refused);
    write_check(w, "rows refused by the database", flusher->rows_refused == 0,
                flusher->rows_refused == 0 ? "none" : reason);
    write_check(w, "ledger", flusher->ledger_mismatch == 0,
                flusher->ledger_mismatch == 0
                    ? "accepted = synced + unsynced + refused + taken back"
                    : "the table lost or invented counts: please report it");
    close_value(w, "]");
}

static void write_store(struct writer *w, const struct service *s,
                        const struct metrics_snapshot *snapshot)
{
    const struct flusher_stats *flusher = &snapshot->flusher;
    char url[SR_OPTION_SHOWN_SIZE];

    store_url_redact(config_text(s->config, CONFIG_DATABASE_URL), url, sizeof(url));
    open_value(w, "store", "{");
    text(w, "system", s->facts.database_system);
    text(w, "url", url);
    text(w, "state", flusher_state_text(flusher->state));
    number(w, "open_epoch", flusher->open_epoch);
    number(w, "applied_epoch", flusher->applied_epoch);
    number(w, "flushes", flusher->flushes_applied);
    number(w, "flushes_failed", flusher->flushes_failed);
    number(w, "rows", flusher->rows_applied);
    number(w, "rows_refused", flusher->rows_refused);
    number(w, "unsynced_age_ms", flusher->oldest_unsynced_ms);
    number(w, "interval_ms", config_number(s->config, CONFIG_SYNC_INTERVAL));
    close_value(w, "}");
}

static void write_limit(struct writer *w, const char *name, const char *unit, uint64_t used,
                        uint64_t limit)
{
    open_value(w, NULL, "{");
    text(w, "name", name);
    text(w, "unit", unit);
    number(w, "used", used);
    number(w, "limit", limit);
    close_value(w, "}");
}

static void write_limits(struct writer *w, const struct metrics_snapshot *s)
{
    uint64_t closed = 0, accepted = 0;

    for (uint64_t i = 0; i < s->http_count; i++) {
        closed += atomic_load(&s->http[i]->connections_closed);
    }
    for (uint64_t i = 0; i < s->http_count; i++) {
        accepted += atomic_load(&s->http[i]->connections_accepted);
    }
    open_value(w, "limits", "[");
    write_limit(w, "Counter table", "bytes", s->counters.memory_bytes,
                s->counters.memory_max_bytes);
    write_limit(w, "Journal on disk", "bytes", s->journal.bytes, s->journal.limit_bytes);
    write_limit(w, "Connections", "count", accepted > closed ? accepted - closed : 0,
                s->service.connections_limit);
    write_limit(w, "Idempotency keys", "count", s->dedup.entries, s->dedup.entries_max);
    write_limit(w, "File descriptors", "count", s->process.open_fds, s->process.max_fds);
    close_value(w, "]");
}

static enum sr_result render_overview(const struct service *s, struct sr_buffer *out)
{
    struct writer w = {.out = out};
    struct metrics_snapshot snapshot;

    scrape_gather(s, &snapshot);
    open_value(&w, NULL, "{");
    open_value(&w, "data", "{");
    write_build(&w, &s->facts);
    write_process(&w, s, &snapshot);
    write_health(&w, s, &snapshot);
    write_store(&w, s, &snapshot);
    write_limits(&w, &snapshot);
    close_value(&w, "}");
    close_value(&w, "}");
    return w.result;
}

/* ---- configuration ---- */

static const char *source_text(enum sr_option_source source)
{
    switch (source) {
    case SR_OPTION_FILE:
        return "file";
    case SR_OPTION_ENVIRONMENT:
        return "environment";
    case SR_OPTION_COMMAND_LINE:
        return "command line";
    case SR_OPTION_DEFAULT:
    default:
        return "default";
    }
}

static enum sr_result render_configuration(const struct service *s, struct sr_buffer *out)
{
    struct writer w = {.out = out};

    open_value(&w, NULL, "{");
    open_value(&w, "data", "[");
    for (size_t i = 0; i < CONFIG_OPTION_COUNT; i++) {
        const struct sr_option *option = &config_table[i];
        char shown[SR_OPTION_SHOWN_SIZE];

        if (option->type == SR_OPTION_FLAG) {
            continue;
        }
        sr_option_shown(option, &s->config->values[i], shown);
        open_value(&w, NULL, "{");
        text(&w, "name", option->name);
        text(&w, "value", shown);
        text(&w, "from", source_text(s->config->values[i].source));
        text(&w, "help", option->help);
        close_value(&w, "}");
    }
    close_value(&w, "]");
    close_value(&w, "}");
    return w.result;
}

enum sr_result state_render(void *context, enum server_page page, struct sr_buffer *out)
{
    return page == SERVER_PAGE_STATE ? render_overview(context, out)
                                     : render_configuration(context, out);
}
