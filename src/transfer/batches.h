/*
 * Lines cut into batches. Where one ends is a matter of the lines and of `items_max` alone, so
 * that every run over the same lines cuts the same batches.
 */
#ifndef SR_TRANSFER_BATCHES_H
#define SR_TRANSFER_BATCHES_H

#include "base/buffer.h"
#include "base/limits.h"
#include "transfer/lines.h"

/* A batch of more bytes ends with the line that it has them with: half of the service's usual
 * --body-limit, whatever the keys. */
#define BATCH_BYTES ((size_t)4 << 20)

struct batch_place {
    uint64_t line;   /* so many lines are before */
    uint64_t offset; /* and so many bytes */
    uint64_t items;  /* and so many pairs */
};

struct batch {
    struct sr_buffer body;     /* application/x-ndjson; owned */
    struct batch_place before; /* what lies before it; its first line is before.line + 1 or,
                                  where blank ones stand first, a later one */
    struct batch_place after;
    uint32_t items;
    uint64_t numbers[SR_BATCH_ITEMS_MAX]; /* the line of each item */
};

struct batches {
    struct lines lines;
    struct batch_place place;
    uint32_t items_max;
};

/* Goes on behind `place`, which was some batch's `after`, or at the start: all 0. SR_NO_MEMORY
 */
enum sr_result batches_init(struct batches *batches, int fd, const struct batch_place *place,
                            uint32_t items_max) SR_MUST_USE;
void batches_done(struct batches *batches);

void batch_init(struct batch *batch);
void batch_done(struct batch *batch);

/* Fills the batch anew. SR_CLOSED: no line is left. SR_IO, SR_NO_MEMORY. */
enum sr_result batches_next(struct batches *batches, struct batch *batch,
                            struct sr_err *err) SR_MUST_USE;

#endif
