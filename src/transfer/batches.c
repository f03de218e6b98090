/*
 * Lines into bodies of requests, as they are.
 */
#include "transfer/batches.h"

#include "base/check.h"

enum sr_result batches_init(struct batches *b, int fd, const struct batch_place *place,
                            uint32_t items_max)
{
    SR_CHECK(items_max > 0 && items_max <= SR_BATCH_ITEMS_MAX);
    b->place = *place;
    b->items_max = items_max;
    return lines_init(&b->lines, fd, place->offset, place->line);
}

void batches_done(struct batches *b)
{
    lines_done(&b->lines);
}

void batch_init(struct batch *batch)
{
    sr_buffer_init(&batch->body, BATCH_BYTES + LINE_SIZE_MAX + 1);
}

void batch_done(struct batch *batch)
{
    sr_buffer_done(&batch->body);
}

static enum sr_result add_line(struct batch *batch, const struct line *line, struct sr_err *err)
{
    struct sr_buffer *body = &batch->body;

    if (line->too_long) {
        return sr_fail(err, SR_INVALID, "line %llu: was changed since it was checked",
                       (unsigned long long)line->number);
    }
    if (sr_buffer_reserve(body, line->text.size + 1) != SR_OK) {
        return sr_fail(err, SR_NO_MEMORY, "out of memory for a batch");
    }
    memcpy(body->data + body->size, line->text.data, line->text.size);
    body->size += line->text.size;
    body->data[body->size++] = '\n';
    batch->numbers[batch->items++] = line->number;
    return SR_OK;
}

enum sr_result batches_next(struct batches *b, struct batch *batch, struct sr_err *err)
{
    enum sr_result result = SR_OK;

    batch->body.size = 0;
    batch->items = 0;
    batch->before = b->place;
    while (result == SR_OK && batch->items < b->items_max && batch->body.size < BATCH_BYTES) {
        struct line line;

        result = lines_next(&b->lines, &line, err);
        if (result == SR_OK) {
            result = add_line(batch, &line, err);
        }
    }
    if (result != SR_OK && (result != SR_CLOSED || batch->items == 0)) {
        return result;
    }
    b->place = (struct batch_place){.line = b->lines.number,
                                    .offset = b->lines.offset,
                                    .items = b->place.items + batch->items};
    batch->after = b->place;
    return SR_OK;
}
