/*
 * The hottest keys as JSON.
 */
#include "server/top.h"

#include "http/reply.h"

static enum sr_result write_row(const struct hot_row *row, bool first, struct sr_buffer *out)
{
    enum sr_result result =
        sr_buffer_append(out, first ? "{\"key\":" : ",{\"key\":", first ? 7 : 8);

    if (result == SR_OK) {
        result = http_json_string(out, row->key);
    }
    return result == SR_OK
               ? sr_buffer_printf(out, ",\"rate\":%.1f,\"error\":%.1f}", row->rate, row->error)
               : result;
}

static enum sr_result write_top(const struct hot_top *top, struct sr_buffer *out)
{
    enum sr_result result = sr_buffer_printf(out, "{\"data\":[");

    for (uint32_t i = 0; i < top->count && result == SR_OK; i++) {
        result = write_row(&top->rows[i], i == 0, out);
    }
    return result == SR_OK
               ? sr_buffer_printf(out, "],\"rate\":%.1f,\"seconds\":%u,\"sampled\":%u}",
                                  top->rate, HOT_SECONDS, top->sampled)
               : result;
}

enum sr_result top_write(struct hot_board *board, uint32_t limit, struct sr_buffer *out)
{
    struct hot_top top = {.sampled = 1};
    enum sr_result result;

    if (board == NULL) {
        return write_top(&top, out);
    }
    hot_board_top(board, limit, &top);
    result = write_top(&top, out);
    hot_board_release(board);
    return result;
}
