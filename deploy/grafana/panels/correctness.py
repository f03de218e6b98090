"""The promise, as it is kept: what was acknowledged is durable, and is in the database once."""

from .layout import Dashboard, Section, graph, heatmap, stat, steps

ZERO = steps(("green", None), ("red", 1))

LEDGER = Section("Ledger", [
    stat("Ledger mismatch", "What flushes found in the table beyond or short of what was counted. Always 0: anything else is a defect of the program.",
         "none", "max(simple_request_ledger_mismatch{@})", colours=ZERO),
    stat("Quarantined keys", "Rows that the database refused since the start: they are in counter_refused.", "none",
         'sum(simple_request_rows_total{@,result="refused"})', colours=ZERO),
    stat("Unsynced", "Sum of what is counted and not in the database yet.", "short", "sum(simple_request_ledger_unsynced{@})"),
    stat("Oldest unsynced", "Age of the oldest increment that is not in the database.", "s", "max(simple_request_unsynced_age_seconds{@})",
         colours=steps(("green", None), ("orange", 30), ("red", 60))),
    stat("Replayed at start", "Records that the last start read from the journal: what an earlier life had not flushed.", "short",
         "sum(simple_request_journal_replayed_records{@})"),
    stat("Idempotency hits 1h", "Requests of the last hour that were given the first answer again instead of being counted twice.", "short",
         "sum(increase(simple_request_idempotency_hits_total{@}[1h]))"),
    graph("Accepted against synced", "Sum of everything counted since the start, and what of it is in the database.", "short", {
        "accepted": "sum(simple_request_ledger_accepted{@})", "synced": "sum(simple_request_ledger_synced{@})",
        "refused": "sum(simple_request_ledger_refused{@})", "counted elsewhere": "sum(simple_request_ledger_taken_back{@})"}),
    graph("Unsynced delta", "What of it is not flushed yet.", "short", {"{{instance}}": "sum by (instance) (simple_request_ledger_unsynced{@})"}),
    graph("Age of the oldest unsynced increment", "Grows while the database is away; nothing is refused until the journal is full.", "s", {
        "{{instance}}": "max by (instance) (simple_request_unsynced_age_seconds{@})"}),
    heatmap("Age of changes at COMMIT", "How old changes were when they reached the database.", "s", "simple_request_key_age_seconds_bucket{@}"),
])

JOURNAL = Section("Journal", [
    graph("Journal bytes", "Bytes on disk, what is free below --journal-limit, and the part of the files prepared ahead that takes records now.", "bytes", {
        "on disk": "sum(simple_request_journal_bytes{@})",
        "free below the limit": "sum(simple_request_journal_limit_bytes{@}) - sum(simple_request_journal_bytes{@})",
        "prepared": "sum(simple_request_journal_free_bytes{@})"}),
    graph("Journal files", "Files by kind: raw records, spare ones, epochs kept as state.", "none", {
        "{{kind}}": "sum by (kind) (simple_request_journal_files{@})"}, stacked=True),
    heatmap("Fsync time", "How the times of the journal's syncs spread.", "s", "simple_request_journal_sync_duration_seconds_bucket{@}"),
    heatmap("Group-commit size", "How many bytes of records one write and sync made durable.", "bytes", "simple_request_journal_commit_bytes_bucket{@}"),
    graph("Increments a group commit", "Increments that one sync made durable, on average.", "short", {
        "{{instance}}": "sum by (instance) (rate(simple_request_increments_accepted_total{@})) / "
                        "sum by (instance) (rate(simple_request_journal_frames_total{@}))"}),
    graph("Journal failures", "Writes and syncs that failed, and whether one is not mended yet.", "none", {
        "failures a second": "sum(rate(simple_request_journal_failures_total{@}))",
        "failed now": "max(simple_request_journal_failed{@})", "disk full now": "max(simple_request_journal_disk_full{@})"}),
])

FLUSHES = Section("Flushes", [
    graph("Flush size", "Rows flushed, by what the database did with them.", "ops", {
        "{{result}}": "sum by (result) (rate(simple_request_rows_total{@}))"}),
    heatmap("Flush duration", "How the times from an epoch's seal to its COMMIT spread.", "s", "simple_request_flush_duration_seconds_bucket{@}"),
    graph("Flushes", "Flushes by result; of unknown ones the database is asked before anything is repeated.", "ops", {
        "{{result}}": "sum by (result) (rate(simple_request_flush_total{@}))"}),
    graph("Flusher", "What the flusher is about.", "none", {"{{state}}": "sum by (state) (simple_request_sync_state{@})"}, stacked=True),
])

REFUSALS = Section("Refusals and repetitions", [
    graph("Refused by reason", "Increments that were refused and not counted: 503 by its reason, and 429.", "reqps", {
        "{{reason}}": 'sum by (reason) (rate(simple_request_requests_rejected_total{@,reason!="none"})) or '
                      'sum by (reason) (rate(simple_request_requests_declined_total{@,reason=~"rate_limit.*"}))'}),
    graph("Idempotency", "Requests with an Idempotency-Key: answered again, answered 409 and 422.", "reqps", {
        "hits": "sum(rate(simple_request_idempotency_hits_total{@}))",
        "conflicts": "sum(rate(simple_request_idempotency_conflicts_total{@}))",
        "mismatches": "sum(rate(simple_request_idempotency_mismatches_total{@}))"}),
])

DASHBOARD = Dashboard("correctness", "simple-request: Correctness", "Acknowledged is durable, and counted once.", "simple_request_build_info",
                      [LEDGER, JOURNAL, FLUSHES, REFUSALS])
