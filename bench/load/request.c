/*
 * Builds the one request of a run and sets keys in copies of it.
 */
#include "load/request.h"

#include "base/buffer.h"
#include "base/check.h"

#include <inttypes.h>
#include <string.h>

#define REQUEST_SIZE_MAX ((size_t)1 << 28)

static enum sr_result append_item(struct sr_buffer *body, const struct load_options *options)
{
    return sr_buffer_printf(body, "{\"key\":\"%s%0*" PRIu64 "\",\"value\":%" PRIu64 "}",
                            options->key_prefix, (int)LOAD_KEY_DIGITS, options->first_key,
                            options->value);
}

static enum sr_result append_body(struct sr_buffer *body, const struct load_options *options)
{
    enum sr_result result;

    if (options->batch == 1) {
        return append_item(body, options);
    }
    result = sr_buffer_append(body, "[", 1);
    for (uint64_t i = 0; i < options->batch && result == SR_OK; i++) {
        result = i == 0 ? SR_OK : sr_buffer_append(body, ",", 1);
        if (result == SR_OK) {
            result = append_item(body, options);
        }
    }
    return result == SR_OK ? sr_buffer_append(body, "]", 1) : result;
}

static enum sr_result append_head(struct sr_buffer *out, const struct load_options *options,
                                  size_t body_size)
{
    return sr_buffer_printf(out,
                            "POST /increment HTTP/1.1\r\n"
                            "Host: %s:%" PRIu64 "\r\n"
                            "Content-Type: application/json\r\n"
                            "Content-Length: %zu\r\n%s\r\n",
                            options->address, options->port, body_size,
                            options->minimal ? "Prefer: return=minimal\r\n" : "");
}

enum sr_result load_request_init(struct load_request *request,
                                 const struct load_options *options, struct sr_err *err)
{
    struct sr_buffer body;
    struct sr_buffer whole;
    size_t head_size = 0;
    size_t first_item = options->batch == 1 ? 0 : 1; /* behind the bracket */
    enum sr_result result;

    sr_buffer_init(&body, REQUEST_SIZE_MAX);
    sr_buffer_init(&whole, REQUEST_SIZE_MAX);
    result = append_body(&body, options);
    if (result == SR_OK) {
        result = append_head(&whole, options, body.size);
        head_size = whole.size;
    }
    if (result == SR_OK) {
        result = sr_buffer_append(&whole, body.data, body.size);
    }
    if (result != SR_OK) {
        sr_buffer_done(&body);
        sr_buffer_done(&whole);
        return sr_fail(err, result, "building the request");
    }
    request->bytes = (char *)whole.data;
    request->size = whole.size;
    request->items = options->batch;
    request->first_key = (uint32_t)options->first_key;
    request->digits_at =
        head_size + first_item + strlen("{\"key\":\"") + strlen(options->key_prefix);
    /* Brackets and commas add one byte to each item and one more in all. */
    request->item_stride = options->batch == 1 ? 0 : (body.size - 1) / options->batch;
    sr_buffer_done(&body);
    return SR_OK;
}

void load_request_done(struct load_request *request)
{
    struct sr_buffer whole = {.data = (uint8_t *)request->bytes, .capacity = request->size};

    sr_buffer_done(&whole);
    request->bytes = NULL;
}

static void write_digits(char *at, uint32_t number)
{
    for (size_t i = LOAD_KEY_DIGITS; i-- > 0; number /= 10) {
        at[i] = (char)('0' + number % 10);
    }
}

void load_request_set_keys(const struct load_request *request, const uint32_t *indexes,
                           char *bytes)
{
    char *digits = bytes + request->digits_at;

    SR_CHECK(digits + (request->items - 1) * request->item_stride < bytes + request->size);
    for (size_t i = 0; i < request->items; i++) {
        write_digits(digits + i * request->item_stride, request->first_key + indexes[i]);
    }
}
