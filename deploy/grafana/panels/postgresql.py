"""PostgreSQL as postgres_exporter shows it: 0.11 to 0.18, PostgreSQL 13 to 18.

PostgreSQL 17 moved the checkpoints' columns from pg_stat_bgwriter to pg_stat_checkpointer (exporter flag
--collector.stat_checkpointer), so each is asked for by both names; `or` takes the one that is there.
"""

from .layout import Dashboard, Section, graph, stat, words


def setting(title, description, name, unit="none"):
    return stat(title, description, unit, f"max(pg_settings_{name}{{@}})", width=4, height=4)


def either(new, old):
    """Per second, by the name of PostgreSQL 17 and later or by the older one."""
    return f"sum(rate(pg_stat_checkpointer_{new}{{@}})) or sum(rate(pg_stat_bgwriter_{old}{{@}}))"


SETTINGS = Section("Settings", [
    words("Version", "The server's version.", "pg_static{@}", "short_version"),
    setting("Max connections", "max_connections: each instance of the service takes two.", "max_connections"),
    setting("Shared buffers", "shared_buffers: the server's own cache.", "shared_buffers_bytes", "bytes"),
    setting("Effective cache", "effective_cache_size: what the planner takes the operating system to cache.", "effective_cache_size_bytes", "bytes"),
    setting("Maintenance work mem", "maintenance_work_mem: memory of one VACUUM or CREATE INDEX.", "maintenance_work_mem_bytes", "bytes"),
    setting("Work mem", "work_mem: memory of one sort or hash.", "work_mem_bytes", "bytes"),
    setting("Max WAL size", "max_wal_size: WAL after which a checkpoint is forced. A small one makes flushes slow, since each first change of a "
            "page after a checkpoint writes the whole page.", "max_wal_size_bytes", "bytes"),
    setting("Random page cost", "random_page_cost: the planner's cost of a page read out of order.", "random_page_cost"),
    setting("Sequential page cost", "seq_page_cost: the planner's cost of a page read in order.", "seq_page_cost"),
    setting("Max worker processes", "max_worker_processes: background workers at most.", "max_worker_processes"),
    setting("Max parallel workers", "max_parallel_workers: of these, workers of parallel queries at most.", "max_parallel_workers"),
])

GRAPHS = Section("Activity", [
    graph("Connections", "Connections by state, beside the number allowed.", "none", {
        "{{state}}": "sum by (state) (pg_stat_activity_count{@}) > 0",
        "allowed": "max(pg_settings_max_connections{@})"}),
    graph("Transactions", "Transactions committed and rolled back. A flush is one.", "ops", {
        "{{datname}} committed": 'sum by (datname) (rate(pg_stat_database_xact_commit{@,datname!~"|template.*"}))',
        "{{datname}} rolled back": 'sum by (datname) (rate(pg_stat_database_xact_rollback{@,datname!~"|template.*"}))'}),
    graph("Read stats", "Rows returned by scans, and rows fetched by index, of all databases.", "ops", {
        "returned": "sum(rate(pg_stat_database_tup_returned{@}))", "fetched": "sum(rate(pg_stat_database_tup_fetched{@}))"}),
    graph("Change stats", "Rows inserted, updated and deleted, of all databases. A flush updates one row for each changed key.", "ops", {
        "inserted": "sum(rate(pg_stat_database_tup_inserted{@}))", "updated": "sum(rate(pg_stat_database_tup_updated{@}))",
        "deleted": "sum(rate(pg_stat_database_tup_deleted{@}))"}),
    graph("Longest transaction", "Age of the oldest open transaction, by state. One that stays open keeps VACUUM from cleaning up.", "s", {
        "{{state}}": 'max by (state) (pg_stat_activity_max_tx_duration{@,state=~"active|idle in transaction.*"})'}),
    graph("Cache hit rate", "Share of block reads that shared buffers answered.", "percentunit", {
        "{{datname}}": 'sum by (datname) (rate(pg_stat_database_blks_hit{@,datname!~"|template.*"})) / '
                       '(sum by (datname) (rate(pg_stat_database_blks_hit{@,datname!~"|template.*"})) '
                       '+ sum by (datname) (rate(pg_stat_database_blks_read{@,datname!~"|template.*"})))'}),
    graph("Buffers", "Buffers allocated, and buffers written by checkpoints and by the background writer.", "ops", {
        "allocated": "sum(rate(pg_stat_bgwriter_buffers_alloc_total{@}))",
        "by checkpoints": either("buffers_written_total", "buffers_checkpoint_total"),
        "by the background writer": "sum(rate(pg_stat_bgwriter_buffers_clean_total{@}))"}),
    graph("Conflicts and deadlocks", "Queries cancelled because of recovery on a standby, and deadlocks. The service takes its rows in one order: "
          "deadlocks come from others.", "ops", {
              "conflicts": "sum(rate(pg_stat_database_conflicts{@}))", "deadlocks": "sum(rate(pg_stat_database_deadlocks{@}))"}),
    graph("Locks", "Locks held or waited for, by mode.", "none", {"{{mode}}": "sum by (mode) (pg_locks_count{@}) > 0"}),
    graph("Temporary files", "Bytes that sorts and hashes wrote to disk for lack of work_mem.", "Bps", {
        "{{datname}}": 'sum by (datname) (rate(pg_stat_database_temp_bytes{@,datname!~"|template.*"}))'}),
    graph("Checkpoints", "Checkpoints begun by time, and forced by WAL or by request.", "ops", {
        "timed": either("num_timed_total", "checkpoints_timed_total"),
        "forced": either("num_requested_total", "checkpoints_req_total")}),
    graph("Checkpoint time", "Time spent writing and syncing files in checkpoints, as a share of all time.", "percentunit", {
        "write": f"({either('write_time_total', 'checkpoint_write_time_total')}) / 1000",
        "sync": f"({either('sync_time_total', 'checkpoint_sync_time_total')}) / 1000"}),
])

DASHBOARD = Dashboard("postgresql", "simple-request: PostgreSQL", "The database server, from postgres_exporter.", "pg_up", [SETTINGS, GRAPHS])
