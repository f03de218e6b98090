/*
 * The page at /metrics: each row of the table, in the format that is asked for.
 */
#include "http/media.h"
#include "metrics/metrics.h"
#include "metrics/table.h"

#include <string.h>
#include <strings.h>

static void write_histogram(struct exposition *page, const struct sr_histogram *live,
                            unsigned decimals)
{
    struct metric_histogram total = {.bounds = live->bounds};

    metric_histogram_add(&total, live);
    exposition_histogram(page, NULL, &total, decimals);
}

static void write_metric(struct exposition *page, const struct metric *metric,
                         const struct metrics_snapshot *snapshot)
{
    const void *at = (const char *)snapshot + metric->offset;
    struct metric_number number = {.decimals = metric->decimals};

    exposition_family(page, &metric->family);
    switch (metric->read) {
    case READ_U64:
        number.value = *(const uint64_t *)at;
        exposition_sample(page, NULL, number);
        return;
    case READ_I64:
        number.value = *(const uint64_t *)at;
        number.is_signed = true;
        exposition_sample(page, NULL, number);
        return;
    case READ_BOOL:
        number.value = *(const bool *)at;
        exposition_sample(page, NULL, number);
        return;
    case READ_FACT:
        number.value =
            *(const uint64_t *)(const void *)((const char *)snapshot->facts + metric->offset);
        exposition_sample(page, NULL, number);
        return;
    case READ_HISTOGRAM:
        write_histogram(page, *(const struct sr_histogram *const *)at, metric->decimals);
        return;
    case READ_SAMPLES:
        metric->samples(page, snapshot);
        return;
    }
}

const struct metric_family *metrics_family(size_t index)
{
    return index < metrics_table_size ? &metrics_table[index].family : NULL;
}

static bool contains(struct sr_span text, const char *word)
{
    size_t size = strlen(word);

    for (size_t i = 0; i + size <= text.size; i++) {
        if (strncasecmp((const char *)text.data + i, word, size) == 0) {
            return true;
        }
    }
    return false;
}

enum sr_result metrics_render(const struct metrics_snapshot *snapshot, struct sr_span accept,
                              struct sr_buffer *out, const char **ret_content_type)
{
    struct exposition page = {.out = out, .result = SR_OK};

    /* Named, and not by a wildcard: browsers and curl get what they can show. */
    page.openmetrics = contains(accept, "application/openmetrics-text") &&
                       http_accepts(accept, "application", "openmetrics-text");
    for (size_t i = 0; i < metrics_table_size; i++) {
        write_metric(&page, &metrics_table[i], snapshot);
    }
    exposition_end(&page);
    if (page.result != SR_OK) {
        return page.result;
    }
    *ret_content_type = page.openmetrics
                            ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                            : "text/plain; version=0.0.4; charset=utf-8";
    return SR_OK;
}
