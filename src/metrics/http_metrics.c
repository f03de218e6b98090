/*
 * What one worker counts about HTTP: memory and labels; the updates are inline in the header.
 */
#include "metrics/http_metrics.h"

#include "base/check.h"
#include "base/memory.h"

enum sr_result http_metrics_open(struct http_metrics **ret_metrics, struct sr_err *err)
{
    struct http_metrics *m = sr_pages_alloc(sizeof(*m));

    if (m == NULL) {
        return sr_fail(err, SR_NO_MEMORY, "cannot reserve %zu bytes for a worker's metrics",
                       sizeof(*m));
    }
    *ret_metrics = m;
    return SR_OK;
}

void http_metrics_close(struct http_metrics **metrics)
{
    sr_pages_free(*metrics, sizeof(**metrics));
    *metrics = NULL;
}

const char *http_route_label(enum http_route route)
{
    static const char *const labels[] = {
#define HTTP_ROUTE_LABEL(name, label) [name] = (label),
        HTTP_ROUTES(HTTP_ROUTE_LABEL)
#undef HTTP_ROUTE_LABEL
    };

    SR_CHECK(route < HTTP_ROUTE_COUNT);
    return labels[route];
}

const char *http_metrics_refusal_label(enum http_metrics_refusal refusal)
{
    static const char *const labels[] = {
#define HTTP_METRICS_REFUSAL_LABEL(name, label) [name] = (label),
        HTTP_METRICS_REFUSALS(HTTP_METRICS_REFUSAL_LABEL)
#undef HTTP_METRICS_REFUSAL_LABEL
    };

    SR_CHECK(refusal < HTTP_METRICS_REFUSAL_COUNT);
    return labels[refusal];
}

const char *http_metrics_decline_label(enum http_metrics_decline decline)
{
    static const char *const labels[] = {
#define HTTP_METRICS_DECLINE_LABEL(name, label) [name] = (label),
        HTTP_METRICS_DECLINES(HTTP_METRICS_DECLINE_LABEL)
#undef HTTP_METRICS_DECLINE_LABEL
    };

    SR_CHECK(decline < HTTP_METRICS_DECLINE_COUNT);
    return labels[decline];
}

const char *http_metrics_method_label(enum http_method method)
{
    static const char *const labels[] = {
        [HTTP_METHOD_GET] = "GET",       [HTTP_METHOD_HEAD] = "HEAD",
        [HTTP_METHOD_POST] = "POST",     [HTTP_METHOD_PUT] = "PUT",
        [HTTP_METHOD_DELETE] = "DELETE", [HTTP_METHOD_OPTIONS] = "OPTIONS",
        [HTTP_METHOD_OTHER] = "_OTHER",
    };

    SR_CHECK(method <= HTTP_METHOD_OTHER);
    return labels[method];
}

const char *http_metrics_status_label(enum http_metrics_status status)
{
    static const char *const labels[] = {
#define HTTP_METRICS_STATUS_LABEL(number) [HTTP_METRICS_STATUS_##number] = #number,
        HTTP_METRICS_STATUSES(HTTP_METRICS_STATUS_LABEL)
#undef HTTP_METRICS_STATUS_LABEL
            [HTTP_METRICS_STATUS_OTHER] = "_OTHER",
    };

    SR_CHECK(status < HTTP_METRICS_STATUS_COUNT);
    return labels[status];
}
