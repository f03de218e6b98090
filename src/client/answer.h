/*
 * One HTTP answer out of bytes, as they come. Pure; llhttp decides the grammar.
 */
#ifndef SR_CLIENT_ANSWER_H
#define SR_CLIENT_ANSWER_H

#include "base/buffer.h"
#include "base/result.h"

#include <llhttp.h>
#include <stdbool.h>
#include <stdint.h>

#define ANSWER_FIELD_SIZE 64 /* names and values beyond it are none that is looked at */

struct answer {
    llhttp_t llhttp;
    struct sr_buffer *body; /* borrowed */
    bool done, too_large, keep_alive;
    unsigned status;
    bool has_retry_after;
    uint64_t retry_after_s;
    bool replayed; /* Idempotency-Replayed: true */
    /* The field under way. */
    char name[ANSWER_FIELD_SIZE], value[ANSWER_FIELD_SIZE];
    size_t name_size, value_size;
};

/* The body goes to `body`, which is emptied and whose maximum bounds it. The answer must not
 * move after. */
void answer_begin(struct answer *answer, struct sr_buffer *body);

/* Takes bytes; those of size 0 are the stream's end. SR_OK: look at `done`; SR_FULL: the body
 * is beyond its maximum; SR_DAMAGED: no HTTP; SR_CLOSED: it ended before the answer did. */
enum sr_result answer_take(struct answer *answer, const char *bytes, size_t size,
                           struct sr_err *err) SR_MUST_USE;

#endif
