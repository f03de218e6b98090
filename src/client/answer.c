/*
 * llhttp's callbacks for an answer.
 */
#include "client/answer.h"

#include "base/units.h"

#include <string.h>
#include <strings.h>

static void collect(char *text, size_t *size, const char *at, size_t more)
{
    size_t room = ANSWER_FIELD_SIZE - 1 - *size;

    if (more > room) {
        more = room; /* as long as that is none of the fields that matter */
    }
    memcpy(text + *size, at, more);
    *size += more;
    text[*size] = '\0';
}

static int on_field(llhttp_t *llhttp, const char *at, size_t size)
{
    struct answer *a = llhttp->data;

    collect(a->name, &a->name_size, at, size);
    return HPE_OK;
}

static int on_value(llhttp_t *llhttp, const char *at, size_t size)
{
    struct answer *a = llhttp->data;

    collect(a->value, &a->value_size, at, size);
    return HPE_OK;
}

static int on_value_complete(llhttp_t *llhttp)
{
    struct answer *a = llhttp->data;

    if (strcasecmp(a->name, "Retry-After") == 0) {
        a->has_retry_after = sr_parse_u64(a->value, &a->retry_after_s);
    } else if (strcasecmp(a->name, "Idempotency-Replayed") == 0) {
        a->replayed = strcasecmp(a->value, "true") == 0;
    }
    a->name_size = 0;
    a->value_size = 0;
    a->value[0] = '\0';
    return HPE_OK;
}

static int on_body(llhttp_t *llhttp, const char *at, size_t size)
{
    struct answer *a = llhttp->data;

    if (sr_buffer_append(a->body, at, size) != SR_OK) {
        a->too_large = true;
        return HPE_USER;
    }
    return HPE_OK;
}

static int on_complete(llhttp_t *llhttp)
{
    struct answer *a = llhttp->data;

    a->status = llhttp->status_code;
    if (a->status < 200) {
        return HPE_OK; /* an interim answer: the one that counts follows */
    }
    a->done = true;
    a->keep_alive = llhttp_should_keep_alive(llhttp) == 1;
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_header_field = on_field,
    .on_header_value = on_value,
    .on_header_value_complete = on_value_complete,
    .on_body = on_body,
    .on_message_complete = on_complete,
};

void answer_begin(struct answer *a, struct sr_buffer *body)
{
    memset(a, 0, sizeof(*a));
    body->size = 0;
    a->body = body;
    llhttp_init(&a->llhttp, HTTP_RESPONSE, &settings);
    a->llhttp.data = a;
}

enum sr_result answer_take(struct answer *a, const char *bytes, size_t size, struct sr_err *err)
{
    llhttp_errno_t error =
        size == 0 ? llhttp_finish(&a->llhttp) : llhttp_execute(&a->llhttp, bytes, size);

    if (a->done) {
        return SR_OK;
    }
    if (a->too_large) {
        return sr_fail(err, SR_FULL, "the answer has more than %zu bytes", a->body->size_max);
    }
    if (size == 0) {
        return sr_fail(err, SR_CLOSED, "the connection ended before the answer did");
    }
    if (error != HPE_OK) {
        return sr_fail(err, SR_DAMAGED, "what answers there does not speak HTTP (%s)",
                       llhttp_errno_name(error));
    }
    return SR_OK;
}
