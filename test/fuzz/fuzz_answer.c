/*
 * Any bytes as what a service answers: read the same however they are cut, within the body's
 * bound, nothing of the struct's text buffers beyond their room.
 */
#include "client/answer.h"

#include "base/check.h"

#include <string.h>

#define BODY_MAX 512

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One reading: what came of it. */
struct reading {
    struct answer answer;
    struct sr_buffer body;
    enum sr_result result;
};

static void take(struct reading *r, const uint8_t *data, size_t size)
{
    struct sr_err err = {.text = ""};

    r->result = answer_take(&r->answer, (const char *)data, size, &err);
    SR_CHECK(r->result == SR_OK || r->result == SR_FULL || r->result == SR_CLOSED ||
             r->result == SR_DAMAGED);
    SR_CHECK(r->result == SR_OK ? err.text[0] == '\0' : err.code == r->result);
    SR_CHECK(r->answer.name_size < ANSWER_FIELD_SIZE &&
             r->answer.value_size < ANSWER_FIELD_SIZE);
    SR_CHECK(r->body.size <= BODY_MAX);
    SR_CHECK(!r->answer.done || (r->result == SR_OK && r->answer.status >= 200));
}

/* Pieces of 1 to `longest` bytes (0: all at once) that follow from offset and size, then the
 * stream's end. */
static void read_all(struct reading *r, const uint8_t *data, size_t size, size_t longest)
{
    memset(r, 0, sizeof(*r));
    sr_buffer_init(&r->body, BODY_MAX);
    answer_begin(&r->answer, &r->body);
    for (size_t at = 0; at < size && r->result == SR_OK && !r->answer.done;) {
        size_t mixed = (at + 1) * 0x9e3779b97f4a7c15U ^ size * 0xc2b2ae3d27d4eb4fU;
        size_t piece = longest == 0 ? size : 1 + (mixed >> 33) % longest;

        piece = piece < size - at ? piece : size - at;
        take(r, data + at, piece);
        at += piece;
    }
    if (r->result == SR_OK && !r->answer.done) {
        take(r, data, 0);
    }
}

static void check_equal(const struct reading *a, const struct reading *b)
{
    SR_CHECK(a->result == b->result && a->answer.done == b->answer.done);
    if (a->answer.done) {
        SR_CHECK(a->answer.status == b->answer.status);
        SR_CHECK(a->answer.keep_alive == b->answer.keep_alive);
        SR_CHECK(a->answer.replayed == b->answer.replayed);
        SR_CHECK(a->answer.has_retry_after == b->answer.has_retry_after);
        SR_CHECK(!a->answer.has_retry_after ||
                 a->answer.retry_after_s == b->answer.retry_after_s);
        SR_CHECK(sr_span_equal(sr_buffer_span(&a->body), sr_buffer_span(&b->body)));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t longest[] = {1, 13};
    static struct reading whole, pieces;

    read_all(&whole, data, size, 0);
    for (size_t i = 0; i < sizeof(longest) / sizeof(longest[0]); i++) {
        read_all(&pieces, data, size, longest[i]);
        check_equal(&whole, &pieces);
        sr_buffer_done(&pieces.body);
    }
    sr_buffer_done(&whole.body);
    return 0;
}
