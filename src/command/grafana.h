/*
 * One annotation through Grafana's HTTP API: for lifecycle.h, whose thread it blocks.
 */
#ifndef SR_COMMAND_GRAFANA_H
#define SR_COMMAND_GRAFANA_H

#include "base/result.h"
#include "base/span.h"

#include <stddef.h>
#include <stdint.h>

/* Longest wait for one answer; name resolution has bounds of its own beside it. */
#define GRAFANA_TIMEOUT_MS 3000U

#define GRAFANA_DASHBOARDS_MAX 32 /* of a folder that get the annotation */

/* Texts are borrowed; NULL: not given. */
struct grafana_options {
    const char *url;           /* http://HOST[:PORT][/PATH] or https:// */
    const char *token_file;    /* its first line is a service account's token; read each time */
    const char *dashboard_uid; /* the annotation belongs to this dashboard ... */
    const char *folder_uid;    /* ... or to each dashboard of this folder, or to none */
};

struct grafana_annotation {
    uint64_t time_ms;        /* since 1970 */
    const char *text;        /* what people read */
    const char *const *tags; /* ends with NULL */
};

/* Where the URL leads: what client_open takes, and what stands before every path. */
struct grafana_place {
    char url[300];
    char prefix[200];
};

/* Whether the texts make sense, without looking at files. SR_INVALID names the option. */
enum sr_result grafana_check(const struct grafana_options *options,
                             struct sr_err *err) SR_MUST_USE;

/* Splits the URL; http has port 80 where it names none. SR_INVALID. */
enum sr_result grafana_place(const char *url, struct grafana_place *ret_place,
                             struct sr_err *err) SR_MUST_USE;

/* The request's body; the caller frees it. NULL: no memory. */
char *grafana_body(const struct grafana_annotation *annotation, const char *dashboard_uid,
                   size_t *ret_size);

/* Makes the annotation, once for each dashboard it belongs to. What failed is not tried again.
 */
enum sr_result grafana_annotate(const struct grafana_options *options,
                                const struct grafana_annotation *annotation,
                                struct sr_err *err) SR_MUST_USE;

#endif
