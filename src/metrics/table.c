/*
 * The one table of metrics: name, type, unit, help, labels, and where the value is from. The
 * page at /metrics and docs/METRICS.md are made from it. HTTP and database follow
 * OpenTelemetry's names, process_* Prometheus' own, the rest starts with simple_request_. The
 * counter key is never a label.
 */
#include "metrics/table.h"

/* Where a field lies in the snapshot; does not compile for a field of another type than the row
 * will read. */
#define FIELD(field) ((struct metrics_snapshot *)NULL)->field
#define AT_U64(field)                                                                          \
    _Generic(FIELD(field), uint64_t : offsetof(struct metrics_snapshot, field))
#define AT_BOOL(field) _Generic(FIELD(field), bool : offsetof(struct metrics_snapshot, field))
#define AT_HISTOGRAM(field)                                                                    \
    _Generic(FIELD(field), const struct sr_histogram *                                         \
             : offsetof(struct metrics_snapshot, field))

#define ROW(type_, name_, unit_, help_, read_, offset_, decimals_)                             \
    {                                                                                          \
        .family = {.name = (name_), .type = (type_), .unit = (unit_), .help = (help_)},        \
        .read = (read_), .offset = (offset_), .decimals = (decimals_)                          \
    }
#define COUNTER(name, unit, field, help)                                                       \
    ROW(METRIC_COUNTER, name, unit, help, READ_U64, AT_U64(field), 0)
#define COUNTER_NS(name, field, help)                                                          \
    ROW(METRIC_COUNTER, name, "seconds", help, READ_U64, AT_U64(field), 9)
#define GAUGE(name, unit, field, help)                                                         \
    ROW(METRIC_GAUGE, name, unit, help, READ_U64, AT_U64(field), 0)
#define GAUGE_SIGNED(name, field, help)                                                        \
    ROW(METRIC_GAUGE, name, "", help, READ_I64, AT_U64(field), 0)
#define GAUGE_MS(name, field, help)                                                            \
    ROW(METRIC_GAUGE, name, "seconds", help, READ_U64, AT_U64(field), 3)
#define GAUGE_FACT(name, unit, field, decimals, help)                                          \
    ROW(METRIC_GAUGE, name, unit, help, READ_FACT,                                             \
        _Generic(((struct metrics_facts *)NULL)->field, uint64_t                               \
                 : offsetof(struct metrics_facts, field)),                                     \
        decimals)
#define GAUGE_BOOL(name, field, help)                                                          \
    ROW(METRIC_GAUGE, name, "", help, READ_BOOL, AT_BOOL(field), 0)
#define HISTOGRAM(name, unit, field, help)                                                     \
    ROW(METRIC_HISTOGRAM, name, unit, help, READ_HISTOGRAM, AT_HISTOGRAM(field), 0)
#define HISTOGRAM_NS(name, field, help)                                                        \
    ROW(METRIC_HISTOGRAM, name, "seconds", help, READ_HISTOGRAM, AT_HISTOGRAM(field), 9)

/* Label names last. */
#define SAMPLES(type_, name_, unit_, samples_, help_, ...)                                     \
    {                                                                                          \
        .family = {.name = (name_),                                                            \
                   .type = (type_),                                                            \
                   .unit = (unit_),                                                            \
                   .help = (help_),                                                            \
                   .labels = {__VA_ARGS__}},                                                   \
        .read = READ_SAMPLES, .samples = (samples_)                                            \
    }

const struct metric metrics_table[] = {
    SAMPLES(METRIC_INFO, "simple_request_build", "", samples_build,
            "The program that runs; always 1.", "name", "version", "git_sha", "git_author",
            "compiler", NULL),
    SAMPLES(METRIC_INFO, "simple_request_build_option", "", samples_build_options,
            "How the program was built, an option a series; always 1.", "name", "value", NULL),
    SAMPLES(METRIC_INFO, "simple_request_dependency", "", samples_dependencies,
            "Libraries, kernel and compiler with their versions; always 1.", "name", "version",
            NULL),
    SAMPLES(METRIC_GAUGE, "simple_request_shared_objects", "", samples_shared_objects,
            "Shared objects that are loaded, the program itself among them.", NULL),
    SAMPLES(METRIC_INFO, "simple_request_listener", "", samples_listeners,
            "What the service listens on; always 1.", "url", "address", "port", NULL),

    /* Machine and limits */
    SAMPLES(METRIC_GAUGE, "simple_request_cores", "", samples_cores,
            "Processor cores: configured, online, and allowed to this process.", "kind", NULL),
    GAUGE_FACT("simple_request_cgroup_quota_cores", "cores", quota_millicores, 3,
               "Processor time that the control group allows, in cores; 0: no quota."),
    GAUGE_FACT("simple_request_cgroup_memory_limit_bytes", "bytes", memory_limit_bytes, 0,
               "Memory that the control group allows; 0: no limit."),
    GAUGE_FACT("simple_request_page_size_bytes", "bytes", page_size_bytes, 0,
               "Size of a page of memory."),
    SAMPLES(METRIC_INFO, "simple_request_rlimit", "", samples_rlimits,
            "Limits of the process (getrlimit), as numbers or \"unlimited\"; always 1.",
            "resource", "soft", "hard", NULL),

    /* HTTP */
    SAMPLES(METRIC_HISTOGRAM, "http_server_request_duration_seconds", "seconds",
            samples_requests,
            "Time from a request's first byte to its reply's release by the journal.",
            "http_request_method", "http_route", "http_response_status_code", NULL),
    SAMPLES(METRIC_HISTOGRAM, "http_server_response_body_size_bytes", "bytes", samples_bodies,
            "Size of replies' bodies.", "http_request_method", "http_route",
            "http_response_status_code", NULL),
    SAMPLES(METRIC_HISTOGRAM, "simple_request_reply_hold_seconds", "seconds", samples_holds,
            "Time that replies waited for the journal to release them.", NULL),
    SAMPLES(METRIC_GAUGE, "http_server_active_connections", "", samples_connections,
            "Connections that are open.", NULL),
    GAUGE("simple_request_connections_limit", "", service.connections_limit,
          "Connections that may be open."),
    SAMPLES(METRIC_COUNTER, "simple_request_connections_accepted", "", samples_accepted,
            "Connections accepted.", NULL),
    SAMPLES(METRIC_COUNTER, "simple_request_connections_refused", "", samples_refused,
            "Connections turned away or cut, by reason.", "reason", NULL),
    SAMPLES(METRIC_COUNTER, "simple_request_requests_declined", "", samples_declined,
            "Requests answered 401, 403 or 429, by reason.", "reason", NULL),
    SAMPLES(METRIC_COUNTER, "simple_request_answers_queue_full", "", samples_answers_full,
            "Times a connection was not read because its queue of answers was full.", NULL),
    SAMPLES(METRIC_COUNTER, "simple_request_access_log_lines_lost", "", samples_lines_lost,
            "Lines of the access log that standard error did not take at once.", NULL),
    SAMPLES(METRIC_COUNTER, "simple_request_http_received_bytes", "bytes", samples_received,
            "Bytes read from clients.", NULL),
    SAMPLES(METRIC_COUNTER, "simple_request_http_sent_bytes", "bytes", samples_sent,
            "Bytes written to clients.", NULL),
    GAUGE("simple_request_http_in_flight_bytes", "bytes", service.bodies_in_flight,
          "Bytes of incomplete requests that are kept."),
    SAMPLES(METRIC_GAUGE, "simple_request_replies_held", "", samples_replies_held,
            "Requests answered whose replies wait for the journal.", NULL),
    GAUGE("simple_request_workers", "", http_count, "Worker threads."),
    SAMPLES(METRIC_COUNTER, "simple_request_worker_loops", "", samples_loops,
            "Turns of the workers' event loops.", NULL),
    SAMPLES(METRIC_HISTOGRAM, "simple_request_loop_delay_seconds", "seconds",
            samples_loop_times,
            "Time of a worker's loop turn, one of 16 measured: what a connection that becomes "
            "ready may have to wait.",
            NULL),
    SAMPLES(METRIC_GAUGE, "simple_request_connections_ready", "", samples_ready,
            "Events that the workers found in their last loop turn: the ready backlog.", NULL),

    /* Counting */
    COUNTER("simple_request_increments_accepted", "", service.increments_accepted,
            "Increments counted."),
    COUNTER("simple_request_sets_accepted", "", service.sets_accepted, "Totals set."),
    COUNTER("simple_request_deletes_accepted", "", service.deletes_accepted,
            "Keys deleted, whether they were there or not."),
    COUNTER("simple_request_increments_overflowed", "", service.increments_overflowed,
            "Increments answered 409 because the total would leave 64 bits."),
    SAMPLES(METRIC_COUNTER, "simple_request_requests_rejected", "", samples_rejected,
            "Requests answered 503, by reason; nothing was counted.", "reason", NULL),
    COUNTER("simple_request_requests_parked", "", service.waits,
            "Times that a request waited for a key's load or for a later turn."),
    COUNTER("simple_request_turns", "", service.turns, "Turns of counting handed over."),
    GAUGE("simple_request_turns_held", "", service.turns_held,
          "Turns whose replies wait for the journal."),

    /* Requests with an Idempotency-Key */
    COUNTER("simple_request_idempotency_hits", "", service.token_hits,
            "Requests with an Idempotency-Key that were given the first answer again."),
    COUNTER("simple_request_idempotency_conflicts", "", service.token_conflicts,
            "Those answered 409 because the first one had no answer yet."),
    COUNTER("simple_request_idempotency_mismatches", "", service.token_mismatches,
            "Those answered 422 because the key was used with another request."),
    GAUGE("simple_request_idempotency_entries", "", dedup.entries,
          "Idempotency-Keys in the window."),
    GAUGE("simple_request_idempotency_limit_entries", "", dedup.entries_max,
          "Bound of the window's entries; beyond it new keys are answered 503."),
    GAUGE("simple_request_idempotency_chunks", "", dedup.chunks,
          "Pieces of 64 bytes that the window's keys and answers take."),
    GAUGE("simple_request_idempotency_limit_chunks", "", dedup.chunks_max,
          "Bound of the window's pieces."),
    GAUGE_MS("simple_request_idempotency_window_seconds", dedup.window_ms,
             "How long an Idempotency-Key is remembered."),
    COUNTER("simple_request_idempotency_expired", "", dedup.expired,
            "Keys forgotten because their window had passed."),
    COUNTER("simple_request_idempotency_asked", "", loader.asked,
            "Keys that the database's table was asked about."),
    COUNTER("simple_request_idempotency_synced", "", flusher.requests_synced,
            "Keys entered into the database's table."),
    COUNTER("simple_request_idempotency_taken_back", "", flusher.requests_taken_back,
            "Requests taken back at a flush, since another instance had counted them first."),
    COUNTER("simple_request_idempotency_flush_mismatches", "", flusher.requests_mismatched,
            "Requests counted although another instance had their key of another request."),

    /* The counter table */
    GAUGE("simple_request_keys", "", counters.keys, "Keys in memory."),
    SAMPLES(METRIC_GAUGE, "simple_request_keys_dirty", "", samples_dirty,
            "Keys with a change that is not synced, by epoch.", "epoch", NULL),
    GAUGE("simple_request_keys_loading", "", counters.loading,
          "Keys whose value is being read from the database."),
    COUNTER("simple_request_keys_evicted", "", counters.evictions,
            "Clean keys dropped from memory."),
    GAUGE("simple_request_table_shards", "", service.table_shards,
          "Parts of the counter table with a lock each."),
    GAUGE("simple_request_table_bytes", "bytes", counters.memory_bytes,
          "Memory of the counter table."),
    GAUGE("simple_request_table_limit_bytes", "bytes", counters.memory_max_bytes,
          "Bound of the counter table's memory."),

    /* Journal */
    SAMPLES(METRIC_GAUGE, "simple_request_journal_files", "", samples_files,
            "Files of the journal, by kind.", "kind", NULL),
    GAUGE("simple_request_journal_bytes", "bytes", journal.bytes,
          "Bytes of the journal on disk."),
    GAUGE("simple_request_journal_limit_bytes", "bytes", journal.limit_bytes,
          "Bound of the journal's bytes on disk."),
    GAUGE("simple_request_journal_free_bytes", "bytes", journal.free_bytes,
          "Room left for records."),
    SAMPLES(METRIC_GAUGE, "simple_request_journal_pending_bytes", "bytes", samples_pending,
            "Records handed over that are not durable yet.", NULL),
    COUNTER("simple_request_journal_frames", "", journal.frames, "Group commits."),
    COUNTER("simple_request_journal_records_bytes", "bytes", journal.records_bytes,
            "Records committed."),
    COUNTER("simple_request_journal_syncs", "", journal.syncs, "Syncs of the journal to disk."),
    COUNTER("simple_request_journal_failures", "", journal.failures,
            "Writes and syncs of the journal that failed."),
    GAUGE_BOOL("simple_request_journal_failed", journal.failed,
               "1 while a failed write is not mended."),
    GAUGE_BOOL("simple_request_journal_disk_full", journal.disk_full,
               "1 while no file can be prepared because of the limit or the disk."),
    HISTOGRAM_NS("simple_request_journal_commit_duration_seconds", journal.sync_ns,
                 "Time of a group commit's write and sync."),
    HISTOGRAM_NS("simple_request_journal_sync_duration_seconds", journal.fsync_ns,
                 "Time of a sync alone, or of a write that is durable by itself."),
    HISTOGRAM("simple_request_journal_commit_bytes", "bytes", journal.commit_bytes,
              "Size of group commits."),
    COUNTER("simple_request_journal_retired_files", "", journal.retired_files,
            "Files whose records were all covered elsewhere."),
    COUNTER("simple_request_journal_retired_bytes", "bytes", journal.retired_bytes,
            "Bytes of such files."),
    COUNTER("simple_request_journal_compactions", "", journal.compactions,
            "Compactions in long outages."),
    GAUGE("simple_request_journal_replayed_records", "", journal.replayed_records,
          "Records replayed at the last start."),
    GAUGE("simple_request_journal_torn_bytes", "bytes", journal.torn_bytes,
          "Bytes cut from the journal's torn tail at the last start."),

    /* Sync */
    SAMPLES(METRIC_GAUGE, "simple_request_sync_state", "", samples_sync_state,
            "1 for what the flusher is about.", "state", NULL),
    GAUGE_MS("simple_request_unsynced_age_seconds", flusher.oldest_unsynced_ms,
             "Age of the oldest change that is not in the database."),
    GAUGE("simple_request_pending_epochs", "", flusher.pending_epochs,
          "Epochs sealed and not applied."),
    SAMPLES(METRIC_GAUGE, "simple_request_epoch", "", samples_epochs,
            "Number of the epoch that is open, and of the newest one in the database.", "which",
            NULL),
    SAMPLES(METRIC_COUNTER, "simple_request_flush", "", samples_flushes, "Flushes, by result.",
            "result", NULL),
    COUNTER("simple_request_flush_replayed", "", flusher.flushes_replayed,
            "Flushes made from state files: after a start or when the database fell back."),
    SAMPLES(METRIC_COUNTER, "simple_request_rows", "", samples_rows,
            "Rows flushed, by what the database did with them.", "result", NULL),
    GAUGE_SIGNED("simple_request_ledger_accepted", service.ledger_accepted,
                 "Sum of everything counted since the start, modulo 2^64 as a signed number; a "
                 "set counts as the difference that it makes."),
    GAUGE_SIGNED("simple_request_ledger_synced", flusher.ledger_synced,
                 "What of it is in the database."),
    GAUGE_SIGNED("simple_request_ledger_refused", flusher.ledger_refused,
                 "What of it the database refused: it is in counter_refused."),
    GAUGE_SIGNED("simple_request_ledger_taken_back", flusher.ledger_taken_back,
                 "What of it another instance had counted already, under the same "
                 "Idempotency-Key."),
    GAUGE_SIGNED("simple_request_ledger_unsynced", service.ledger_unsynced,
                 "What of it is not flushed yet."),
    GAUGE("simple_request_ledger_mismatch", "", flusher.ledger_mismatch,
          "What flushes found in the table beyond or short of what was counted; always 0."),
    SAMPLES(METRIC_COUNTER, "simple_request_claims", "", samples_claims,
            "Claims of the writer's row, by result.", "result", NULL),
    HISTOGRAM_NS("simple_request_flush_duration_seconds", flusher.flush_ns,
                 "Time from an epoch's seal to its COMMIT."),
    ROW(METRIC_HISTOGRAM, "simple_request_key_age_seconds", "seconds",
        "Age of flushed keys at the COMMIT, counted from the first change of their epoch.",
        READ_HISTOGRAM, AT_HISTOGRAM(flusher.key_age_ms), 3),
    HISTOGRAM("simple_request_flush_size_rows", "rows", flusher.flush_rows, "Rows of a flush."),
    SAMPLES(METRIC_INFO, "simple_request_database", "", samples_database_info,
            "The database, as its URL names it; always 1.", "db_system_name", "server_address",
            "server_port", "db_namespace", NULL),
    GAUGE_FACT("simple_request_database_timeout_seconds", "seconds", database_timeout_ms, 3,
               "Longest time without progress of a database operation."),
    GAUGE_FACT("simple_request_sync_interval_seconds", "seconds", sync_interval_ms, 3,
               "Time between flushes."),
    SAMPLES(METRIC_HISTOGRAM, "db_client_operation_duration_seconds", "seconds",
            samples_database, "Time of the database's operations, by main table.",
            "db_system_name", "db_operation_name", "db_collection_name", NULL),
    SAMPLES(METRIC_COUNTER, "simple_request_database_failures", "", samples_database_failures,
            "Operations of the database that did not succeed.", "db_operation_name", NULL),
    SAMPLES(METRIC_GAUGE, "db_client_connection_max", "", samples_connections_max,
            "Connections to the database that the service opens.", NULL),
    SAMPLES(METRIC_GAUGE, "db_client_connections", "", samples_connection_states,
            "1 for the state that each connection to the database is in.",
            "db_client_connection_pool_name", "db_client_connection_state", NULL),
    SAMPLES(METRIC_HISTOGRAM, "db_client_connection_wait_time_seconds", "seconds",
            samples_connection_wait, "Time that work waited for its connection.",
            "db_client_connection_pool_name", NULL),
    SAMPLES(METRIC_HISTOGRAM, "db_client_connection_use_time_seconds", "seconds",
            samples_connection_use, "Time that a connection was in use at a stretch.",
            "db_client_connection_pool_name", NULL),
    SAMPLES(METRIC_HISTOGRAM, "simple_request_database_idle_seconds", "seconds",
            samples_connection_idle, "Time that a connection was unused at a stretch.",
            "db_client_connection_pool_name", NULL),
    SAMPLES(METRIC_HISTOGRAM, "simple_request_database_decode_seconds", "seconds",
            samples_connection_decode, "Time to take an operation's results into memory.",
            "db_client_connection_pool_name", NULL),

    /* Loads */
    GAUGE("simple_request_load_queued", "", loader.queued, "Keys waiting to be loaded."),
    COUNTER("simple_request_load_keys", "", loader.loaded_keys, "Keys loaded."),
    COUNTER("simple_request_load_batches", "", loader.batches, "Statements that loaded keys."),
    COUNTER("simple_request_load_failures", "", loader.failures, "Loads that failed."),
    COUNTER("simple_request_load_stale", "", loader.stale,
            "Loads repeated because a flush overtook them."),
    HISTOGRAM("simple_request_load_size_keys", "keys", loader.batch_keys,
              "Keys of a load's statement."),

    /* Threads and memory */
    SAMPLES(METRIC_COUNTER, "simple_request_thread_busy_seconds", "seconds",
            samples_threads_busy,
            "Time of the background threads in commits (journal) and database operations.",
            "thread", NULL),
    SAMPLES(METRIC_GAUGE, "simple_request_thread_queued", "", samples_threads_queued,
            "What waits for a background thread: turns (journal), epochs (flusher), keys "
            "(loader), pages (lister).",
            "thread", NULL),
    SAMPLES(METRIC_GAUGE, "simple_request_memory_bytes", "bytes", samples_memory,
            "Memory by owner; journal_buffers and the window's index as reserved, the rest as "
            "used.",
            "owner", NULL),
    ROW(METRIC_GAUGE, "simple_request_scrape_duration_seconds", "seconds",
        "Processor time that the page before this one took, packing left out.", READ_U64,
        AT_U64(service.scrape_ns), 9),

    /* Process */
    SAMPLES(METRIC_COUNTER, "process_context_switches", "", samples_context_switches,
            "Context switches of all threads.", "process_context_switch_type", NULL),
    COUNTER("process_major_page_faults", "", process.major_faults,
            "Page faults that had to read a disk."),
    COUNTER_NS("process_cpu_seconds", process.cpu_ns, "User and system CPU time."),
    GAUGE("process_resident_memory_bytes", "bytes", process.resident_bytes, "Resident memory."),
    GAUGE("process_virtual_memory_bytes", "bytes", process.virtual_bytes, "Virtual memory."),
    GAUGE("process_open_fds", "", process.open_fds, "Open file descriptors."),
    GAUGE("process_max_fds", "", process.max_fds, "Limit of open file descriptors."),
    GAUGE("process_threads", "", process.threads, "Threads."),
    GAUGE_MS("process_start_time_seconds", process.start_time_ms,
             "Start of the process since 1970-01-01 UTC."),
};

const size_t metrics_table_size = sizeof(metrics_table) / sizeof(metrics_table[0]);
