"""The service as the database's client: how long its connections idle, wait, work and decode."""

from .layout import Dashboard, Section, figures_table, graph, heatmap, stat, words

DATABASE = "simple_request_database_info{@}"


def average(title, description, histogram):
    return stat(title, description, "s", f"sum(rate({histogram}_sum{{@}})) / sum(rate({histogram}_count{{@}}))", width=6, graph=True)


OVERVIEW = Section("Overview", [
    average("Average idle time", "How long a connection was unused before an operation.", "simple_request_database_idle_seconds"),
    average("Average queue time", "How long work waited for its connection.", "db_client_connection_wait_time_seconds"),
    average("Average decode time", "How long results took into memory.", "simple_request_database_decode_seconds"),
    average("Average execution time", "How long an operation took, from its first byte to its last.", "db_client_operation_duration_seconds"),
    words("Driver", "The database's kind.", DATABASE, "db_system_name"),
    words("Host", "Where the database is; empty for SQLite.", DATABASE, "server_address"),
    words("Database", "The database's name; for SQLite the file's path.", DATABASE, "db_namespace"),
    stat("Pool size", "Connections that an instance opens: flusher, loader, lister.", "none", "max(db_client_connection_max{@})"),
    stat("Timeout", "Longest time without progress that an operation may take (--database-timeout).", "s",
         "max(simple_request_database_timeout_seconds{@})"),
    stat("Sync interval", "Time between flushes (--sync-interval).", "s", "max(simple_request_sync_interval_seconds{@})"),
])

DETAILS = Section("Details", [
    graph("Average execution time by operation", "How long each kind of operation took.", "s", {
        "{{db_operation_name}}": "sum by (db_operation_name) (rate(db_client_operation_duration_seconds_sum{@})) / "
                                 "sum by (db_operation_name) (rate(db_client_operation_duration_seconds_count{@}))"}),
    heatmap("Execution time", "How the operations' times spread.", "s", "db_client_operation_duration_seconds_bucket{@}"),
    graph("Operations by table", "Operations, by the table that they are about.", "ops", {
        "{{db_collection_name}} {{db_operation_name}}":
            "sum by (db_collection_name, db_operation_name) (rate(db_client_operation_duration_seconds_count{@}))"}),
    heatmap("Rows per flush", "How many rows flushes had: one a changed key, however many increments came.", "none",
            "simple_request_flush_size_rows_bucket{@}"),
    graph("Failures", "Operations that did not succeed.", "ops", {
        "{{db_operation_name}}": "sum by (db_operation_name) (rate(simple_request_database_failures_total{@}))"}),
    graph("Connections in use", "Time that connections were in use, as a share of all time.", "percentunit", {
        "{{db_client_connection_pool_name}}":
            "sum by (db_client_connection_pool_name) (rate(db_client_connection_use_time_seconds_sum{@}))"}),
    graph("Keys loaded", "Keys whose value was read from the database, and the statements that did it.", "ops", {
        "keys": "sum(rate(simple_request_load_keys_total{@}))", "statements": "sum(rate(simple_request_load_batches_total{@}))"}),
    figures_table("Connections", "The state that each connection is in.", "none", {
        "{{db_client_connection_pool_name}} {{db_client_connection_state}}":
            "sum by (db_client_connection_pool_name, db_client_connection_state) (db_client_connections{@})"}, width=12),
])

DASHBOARD = Dashboard("store", "simple-request: Store", "The service as the database's client.", "simple_request_build_info", [OVERVIEW, DETAILS])
