/*
 * The families whose samples carry labels: what writes each of them. For metrics/table.c only.
 */
#ifndef SR_METRICS_SAMPLES_H
#define SR_METRICS_SAMPLES_H

#include "metrics/exposition.h"
#include "metrics/snapshot.h"

/* Writes all samples of the family under way. */
typedef void metric_samples_fn(struct exposition *page, const struct metrics_snapshot *s);

metric_samples_fn samples_build, samples_requests, samples_connections, samples_accepted,
    samples_refused, samples_declined, samples_lines_lost, samples_answers_full,
    samples_received, samples_sent, samples_loops, samples_replies_held, samples_rejected,
    samples_dirty, samples_files, samples_flushes, samples_rows, samples_claims,
    samples_sync_state, samples_epochs, samples_database, samples_pending,
    samples_build_options, samples_dependencies, samples_listeners, samples_database_info,
    samples_cores, samples_shared_objects, samples_rlimits, samples_threads_busy,
    samples_threads_queued, samples_memory, samples_context_switches, samples_database_failures,
    samples_connections_max, samples_connection_states, samples_connection_wait,
    samples_connection_use, samples_connection_idle, samples_connection_decode, samples_bodies,
    samples_holds, samples_loop_times, samples_ready;

#endif
