/*
 * One scrape of /metrics: every part's figures gathered, the page rendered.
 */
#ifndef SR_COMMAND_SCRAPE_H
#define SR_COMMAND_SCRAPE_H

#include "base/buffer.h"
#include "base/result.h"
#include "base/span.h"
#include "metrics/snapshot.h"

struct service;

/* The reasons for a 503, in order, with counts of zero. */
void scrape_name_rejections(struct metrics_service *ret_service);

/* Every part's figures. Any thread. */
void scrape_gather(const struct service *service, struct metrics_snapshot *ret_snapshot);

/* The server's render_metrics; context is the struct service, all parts of which are there. Any
 * thread. */
enum sr_result scrape_render(void *context, struct sr_span accept, struct sr_buffer *out,
                             const char **ret_content_type) SR_MUST_USE;

#endif
