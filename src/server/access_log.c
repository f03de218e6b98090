/*
 * Lines of the access log.
 */
#include "server/access_log.h"

#include "base/log.h"
#include "metrics/http_metrics.h"

#include <string.h>

void access_record_begin(struct access_record *record, const struct http_request *request)
{
    size_t size = request->target.size;

    record->wanted = true;
    record->has_client = false;
    record->has_trace = false;
    record->token[0] = '\0';
    record->request_id[0] = '\0';
    record->target_size = (uint16_t)(size < ACCESS_TARGET_MAX ? size : ACCESS_TARGET_MAX);
    memcpy(record->target, request->target.data, record->target_size);
}

bool access_log_write(const struct access_record *record, enum http_method method,
                      uint16_t status, uint64_t duration_ns)
{
    char client[IP_ADDRESS_TEXT_SIZE] = "unix";
    struct sr_log_field fields[10] = {{0}};
    size_t count = 0;

    if (record->has_client) {
        ip_address_text(&record->client, client);
    }
    fields[count++] = sr_log_text("client", client);
    fields[count++] = sr_log_text("method", http_metrics_method_label(method));
    fields[count++] =
        sr_log_span("target", (struct sr_span){.data = (const uint8_t *)record->target,
                                               .size = record->target_size});
    fields[count++] = sr_log_number("status", status);
    fields[count++] = sr_log_number("duration_us", (int64_t)(duration_ns / 1000U));
    fields[count++] = sr_log_text("request_id", record->request_id);
    if (record->has_trace) {
        fields[count++] = sr_log_text("trace_id", record->trace.id);
        fields[count++] = sr_log_text("parent_id", record->trace.parent);
    }
    if (record->token[0] != '\0') {
        fields[count++] = sr_log_text("token", record->token);
    }
    return sr_log_offer(SR_LOG_INFO, "http.request", "request answered", fields);
}
