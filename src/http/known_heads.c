/*
 * Heads of requests that were read before: one comparison instead of a parser's run.
 */
#include "http/known_heads.h"

#include "base/check.h"

#define PLACES 4U    /* where a head may be */
#define DIGITS_MAX 7 /* of a Content-Length that is looked at here */

/* Fields of which each request has its own value. */
#define CHANGING                                                                               \
    (1U << HTTP_FIELD_IDEMPOTENCY_KEY | 1U << HTTP_FIELD_X_REQUEST_ID |                        \
     1U << HTTP_FIELD_TRACEPARENT | 1U << HTTP_FIELD_EXPECT)

void http_known_heads_init(struct http_known_heads *known, const struct sr_siphash_key *key)
{
    memset(known, 0, sizeof(*known));
    known->key = *key;
}

/* No sign, no leading zero: as many digits are always a number of the same kind. */
static bool read_length(const uint8_t *at, uint32_t digits, uint64_t *ret_length)
{
    uint64_t length = 0;

    for (uint32_t i = 0; i < digits; i++) {
        if (at[i] < '0' || at[i] > '9') {
            return false;
        }
        length = length * 10 + (uint64_t)(at[i] - '0');
    }
    if (digits > 1 && at[0] == '0') {
        return false;
    }
    *ret_length = length;
    return true;
}

static bool is_worth_keeping(const struct http_parser *parser, size_t head_size)
{
    const struct http_progress *now = &parser->now;

    return now->line_at == 0 && !now->has_transfer_encoding &&
           (now->field_seen & CHANGING) == 0 && head_size <= HTTP_KNOWN_HEAD_MAX;
}

static void move_span(struct sr_span *span, const uint8_t *from, const uint8_t *to)
{
    span->data = to + (span->data - from);
}

/* Spans of the request move from one copy of the head to another one. */
static void rebase(struct http_request *request, const struct http_known_head *head,
                   const uint8_t *from, const uint8_t *to)
{
    move_span(&request->target, from, to);
    move_span(&request->query, from, to);
    if (!head->path_absent) {
        move_span(&request->path, from, to);
    }
    for (uint32_t left = head->fields; left != 0; left &= left - 1) {
        move_span(&request->fields[__builtin_ctz(left)], from, to);
    }
}

/* Its own place if it is kept already, else a free one of its few, else any of them. */
static uint32_t place_for(const struct http_known_heads *known, uint64_t hash)
{
    uint32_t first = (uint32_t)hash & (HTTP_KNOWN_HEADS - 1) & ~(PLACES - 1);
    uint32_t place = first + (uint32_t)(hash >> 32) % PLACES;

    for (uint32_t i = first; i < first + PLACES; i++) {
        if (known->heads[i].hash == hash) {
            return i;
        }
        if (known->heads[i].size == 0) {
            place = i;
        }
    }
    return place;
}

void http_known_heads_keep(struct http_parser *parser, const struct http_request *request)
{
    const struct http_progress *now = &parser->now;
    struct sr_span bytes = {.data = parser->region, .size = now->fed - now->body.size};
    struct http_known_head *head;
    uint64_t length;

    if (!is_worth_keeping(parser, bytes.size) || now->length.size > DIGITS_MAX ||
        !read_length(parser->region + now->length.at, now->length.size, &length)) {
        return;
    }
    SR_CHECK(length == now->body.size);
    parser->known_hash = sr_siphash13(&parser->known->key, bytes);
    parser->known_index = place_for(parser->known, parser->known_hash);
    head = &parser->known->heads[parser->known_index];
    head->hash = parser->known_hash;
    head->size = (uint32_t)bytes.size;
    head->length_at = now->length.at;
    head->length_size = now->length.size;
    head->fields = now->field_seen;
    head->path_absent = now->path.size == 0;
    memcpy(head->bytes, bytes.data, bytes.size);
    head->request = *request;
    rebase(&head->request, head, parser->region, head->bytes);
}

bool http_known_heads_take(const struct http_parser *parser, const uint8_t *region, size_t size,
                           struct http_request *ret_request, size_t *ret_consumed)
{
    const struct http_known_head *head = &parser->known->heads[parser->known_index];
    uint32_t behind = head->length_at + head->length_size;
    uint64_t length;

    if (head->size == 0 || head->hash != parser->known_hash || size < head->size ||
        memcmp(region, head->bytes, head->length_at) != 0 ||
        memcmp(region + behind, head->bytes + behind, head->size - behind) != 0 ||
        !read_length(region + head->length_at, head->length_size, &length) ||
        length > parser->limits->body_max || length > size - head->size) {
        return false;
    }
    *ret_request = head->request;
    rebase(ret_request, head, head->bytes, region);
    ret_request->body = (struct sr_span){.data = region + head->size, .size = length};
    *ret_consumed = head->size + length;
    return true;
}
