/*
 * GET, PUT and DELETE /counters/{key}: from path and body to an action.
 */
#include "server/api_internal.h"

#include "base/check.h"
#include "http/media.h"

/* The encoded key: what follows the route's path. */
static struct sr_span key_segment(const struct http_request *request)
{
    static const size_t prefix = sizeof("/counters/") - 1;

    return (struct sr_span){.data = request->path.data + prefix,
                            .size = request->path.size - prefix};
}

static enum sr_result take_value(struct api *api, const struct http_request *request,
                                 int64_t *ret_value, struct http_body_error *ret_error)
{
    struct sr_span content_type = request->fields[HTTP_FIELD_CONTENT_TYPE];

    if (http_media_type(content_type) == HTTP_MEDIA_FORM) {
        return http_body_form_value(request->body, ret_value, ret_error);
    }
    return http_body_json_value(&api->scratch, request->body, ret_value, ret_error);
}

/* A body of GET or DELETE has no meaning and is passed over (RFC 9110 section 9.3). */
static enum api_action action_of(enum http_method method)
{
    switch (method) {
    case HTTP_METHOD_PUT:
        return API_SET;
    case HTTP_METHOD_DELETE:
        return API_DELETE;
    default:
        return API_READ;
    }
}

enum api_step api_counter(struct api *api, const struct http_request *request,
                          struct api_call *call, struct sr_buffer *out)
{
    struct http_body_error error;
    enum sr_result result;
    size_t size = 0;

    call->action = action_of(request->method);
    result = http_path_key(key_segment(request), api->path_key, &size, &error);
    if (result == SR_OK && call->action == API_SET) {
        result = take_value(api, request, &call->value, &error);
    }
    if (result != SR_OK) {
        return api_answer_error(call, error.status, error.message, out);
    }
    call->key = (struct sr_span){.data = api->path_key, .size = size};
    return api_execute(api, call, out);
}
