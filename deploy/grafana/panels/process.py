"""The process: memory, threads, descriptors, loops, and the bounds it runs within."""

from .layout import Dashboard, Section, figures_table, graph, labels_table, stat, words

OVERVIEW = Section("Overview", [
    stat("Uptime", "Time since the process started; of several instances the youngest.", "s", "min(time() - process_start_time_seconds{@})"),
    words("C library", "Version of the C library.", 'simple_request_dependency_info{@,name="libc"}', "version"),
    words("Kernel", "Version of the kernel.", 'simple_request_dependency_info{@,name="kernel"}', "version"),
    stat("Threads", "Threads of the process: one worker a core, and journal, flusher, loader and others.", "none", "sum(process_threads{@})"),
    stat("Open file descriptors", "Sockets and files that are open.", "none", "sum(process_open_fds{@})"),
    stat("Counter-table shards", "Parts of the counter table that are locked on their own.", "none", "max(simple_request_table_shards{@})"),
    stat("Resident memory", "Memory of the process in RAM.", "bytes", "sum(process_resident_memory_bytes{@})", width=12, graph=True),
    stat("Keys in memory", "Keys that the counter table holds.", "short", "sum(simple_request_keys{@})", width=12, graph=True),
    labels_table("Build options", "How the binary was compiled.", "sum by (name, value) (simple_request_build_option_info{@})",
                 {"name": "Option", "value": "Value"}),
    figures_table("System", "Processor cores, the share of them that the cgroup allows (0: no quota), and the page size.", "short", {
        "cores configured": 'max(simple_request_cores{@,kind="configured"})',
        "cores online": 'max(simple_request_cores{@,kind="online"})',
        "cores allowed": 'max(simple_request_cores{@,kind="allowed"})',
        "cgroup quota, cores": "max(simple_request_cgroup_quota_cores{@})",
        "cgroup memory limit, MiB": "max(simple_request_cgroup_memory_limit_bytes{@}) / 1048576",
        "page size, bytes": "max(simple_request_page_size_bytes{@})"}),
    figures_table("Limits", "Bounds that the service keeps to. Beyond them it answers 503, or lets connections wait.", "short", {
        "file descriptors (RLIMIT_NOFILE)": "min(process_max_fds{@})",
        "connections": "min(simple_request_connections_limit{@})",
        "counter table, MiB": "min(simple_request_table_limit_bytes{@}) / 1048576",
        "keys, at the table's bytes a key now": "min(simple_request_table_limit_bytes{@} / simple_request_table_bytes{@} * simple_request_keys{@})",
        "idempotency keys": "min(simple_request_idempotency_limit_entries{@})",
        "journal, MiB": "min(simple_request_journal_limit_bytes{@}) / 1048576"}),
])

DETAILS = Section("Details", [
    graph("Memory by owner", "Resident memory, and what of the address space belongs to whom.", "bytes", {
        "resident": "sum(process_resident_memory_bytes{@})",
        "{{owner}}": "sum by (owner) (simple_request_memory_bytes{@})"}),
    graph("Reclaimed", "Clean keys dropped from memory, and journal files whose records are all in the database.", "ops", {
        "keys evicted": "sum(rate(simple_request_keys_evicted_total{@}))",
        "journal files retired": "sum(rate(simple_request_journal_retired_files_total{@}))"}),
    graph("Reclaimed bytes", "Bytes of the journal files that were retired.", "Bps", {
        "journal": "sum(rate(simple_request_journal_retired_bytes_total{@}))"}),
    graph("Worker loops", "Open connections, and the ready backlog below zero: connections that one turn of the workers' loops found ready.", "none", {
        "active connections": "sum(http_server_active_connections{@})",
        "ready backlog": "-sum(simple_request_connections_ready{@})"}),
    graph("Loop delay", "Time of a turn of a worker's loop, the longest that a ready socket waits.", "s", {
        "p50": "histogram_quantile(0.5, sum by (le) (rate(simple_request_loop_delay_seconds_bucket{@})))",
        "p99": "histogram_quantile(0.99, sum by (le) (rate(simple_request_loop_delay_seconds_bucket{@})))"}),
    graph("Background threads", "Share of time that the journal's, flusher's and loader's threads are busy; below zero what is queued for them.", "short", {
        "{{thread}} busy": "avg by (thread) (rate(simple_request_thread_busy_seconds_total{@}))",
        "{{thread}} queued": "-sum by (thread) (simple_request_thread_queued{@})"}),
    graph("Load", "CPU seconds used a second.", "none", {"CPU": "sum(rate(process_cpu_seconds_total{@}))"}),
    graph("Context switches", "Times that threads gave up the CPU (voluntary) or lost it (involuntary).", "ops", {
        "{{process_context_switch_type}}": "sum by (process_context_switch_type) (rate(process_context_switches_total{@}))"}),
    graph("Threads over time", "Threads of the process.", "none", {"{{instance}}": "sum by (instance) (process_threads{@})"}),
    graph("Keys over time", "Keys in memory.", "short", {"{{instance}}": "sum by (instance) (simple_request_keys{@})"}),
    graph("Network", "Bytes read from clients, and written to them.", "Bps", {
        "in": "sum(rate(simple_request_http_received_bytes_total{@}))", "out": "sum(rate(simple_request_http_sent_bytes_total{@}))"}),
    graph("Dirty keys", "Keys with a change that is not in the database, by epoch.", "short", {
        "{{epoch}} epoch": "sum by (epoch) (simple_request_keys_dirty{@})"}, stacked=True),
    graph("Age of the oldest dirty key", "Age of the oldest change that is not in the database.", "s", {
        "{{instance}}": "max by (instance) (simple_request_unsynced_age_seconds{@})"}),
    graph("Connections over time", "Open connections, and those accepted.", "none", {
        "open": "sum(http_server_active_connections{@})",
        "accepted a second": "sum(rate(simple_request_connections_accepted_total{@}))"}),
    graph("Major page faults", "Page faults that had to read a disk: above zero for long, memory is short.", "ops", {
        "{{instance}}": "sum by (instance) (rate(process_major_page_faults_total{@}))"}),
])

DASHBOARD = Dashboard("process", "simple-request: Process", "The process: memory, threads, loops, limits.", "simple_request_build_info",
                      [OVERVIEW, DETAILS])
