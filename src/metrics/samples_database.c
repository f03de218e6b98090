/*
 * The families about the database: its operations, and the connections that make them.
 */
#include "metrics/samples.h"

static const char *const connections[] = {
    [METRICS_FLUSHER] = "flusher",
    [METRICS_LOADER] = "loader",
    [METRICS_LISTER] = "lister",
};

void samples_database(struct exposition *page, const struct metrics_snapshot *s)
{
    for (int i = 0; i < STORE_OPERATION_COUNT; i++) {
        enum store_operation operation = (enum store_operation)i;
        const char *const values[] = {s->facts->database_system,
                                      store_operation_name(operation),
                                      store_operation_table(operation)};
        struct metric_histogram total = {.bounds = &sr_bounds_time_ns};

        for (int c = 0; c < METRICS_CONNECTION_COUNT; c++) {
            metric_histogram_add(&total, &s->store[c]->operations[i]);
        }
        exposition_histogram(page, values, &total, 9);
    }
}

void samples_database_failures(struct exposition *page, const struct metrics_snapshot *s)
{
    for (int i = 0; i < STORE_OPERATION_COUNT; i++) {
        const char *name = store_operation_name((enum store_operation)i);
        struct metric_number failures = {.value = 0};

        for (int c = 0; c < METRICS_CONNECTION_COUNT; c++) {
            failures.value +=
                atomic_load_explicit(&s->store[c]->failures[i], memory_order_relaxed);
        }
        exposition_sample(page, &name, failures);
    }
}

void samples_connections_max(struct exposition *page, const struct metrics_snapshot *s)
{
    (void)s;
    exposition_sample(page, NULL, (struct metric_number){.value = METRICS_CONNECTION_COUNT});
}

static void state(struct exposition *page, const char *connection, const char *name, bool holds)
{
    const char *const values[] = {connection, name};

    exposition_sample(page, values, (struct metric_number){.value = holds});
}

void samples_connection_states(struct exposition *page, const struct metrics_snapshot *s)
{
    for (int c = 0; c < METRICS_CONNECTION_COUNT; c++) {
        bool in_use = atomic_load_explicit(&s->store[c]->in_use, memory_order_relaxed);

        state(page, connections[c], "idle", !in_use);
        state(page, connections[c], "used", in_use);
    }
}

/* The histogram of each connection's meter that lies at `offset` in it. */
static void times(struct exposition *page, const struct metrics_snapshot *s, size_t offset)
{
    for (int c = 0; c < METRICS_CONNECTION_COUNT; c++) {
        const char *meter = (const char *)s->store[c];
        struct metric_histogram total = {.bounds = &sr_bounds_time_ns};

        metric_histogram_add(&total,
                             (const struct sr_histogram *)(const void *)(meter + offset));
        exposition_histogram(page, &connections[c], &total, 9);
    }
}

void samples_connection_wait(struct exposition *page, const struct metrics_snapshot *s)
{
    times(page, s, offsetof(struct store_meter, wait));
}

void samples_connection_use(struct exposition *page, const struct metrics_snapshot *s)
{
    times(page, s, offsetof(struct store_meter, use));
}

void samples_connection_idle(struct exposition *page, const struct metrics_snapshot *s)
{
    times(page, s, offsetof(struct store_meter, idle));
}

void samples_connection_decode(struct exposition *page, const struct metrics_snapshot *s)
{
    times(page, s, offsetof(struct store_meter, decode));
}
