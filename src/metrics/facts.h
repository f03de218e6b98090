/*
 * What does not change while the service runs: gathered once at a start by who knows it, told
 * by every scrape.
 */
#ifndef SR_METRICS_FACTS_H
#define SR_METRICS_FACTS_H

#include <stddef.h>
#include <stdint.h>

/* A name and what it is; both outlive the facts. */
struct metrics_fact {
    const char *name;
    const char *value;
};

struct metrics_listener {
    const char *url; /* "https://127.0.0.1:3333", "unix:/path" */
    char address[128];
    char port[8]; /* "" for a path */
};

#define METRICS_LISTENERS_MAX 16

struct metrics_facts {
    const struct metrics_fact *dependencies; /* libraries, kernel and compiler: versions */
    size_t dependency_count;
    const struct metrics_fact *build_options;
    size_t build_option_count;
    struct metrics_listener listeners[METRICS_LISTENERS_MAX];
    size_t listener_count;
    const char *database_system;                    /* OpenTelemetry's db.system.name */
    const char *database_address, *database_port;   /* as the URL has them, or "" */
    const char *database_name;                      /* or the file */
    uint64_t database_timeout_ms, sync_interval_ms; /* options */
    uint64_t cores_configured, cores_online, cores_allowed;
    uint64_t quota_millicores;   /* of the control group; 0: none */
    uint64_t memory_limit_bytes; /* of the control group; 0: none */
    uint64_t page_size_bytes;
};

#endif
