/*
 * The writer's row as the operator's commands look at it.
 */
#include "command/writer_row.h"

enum sr_result writer_row_read(struct store *store, struct datadir *datadir,
                               struct writer_row *ret_row, struct sr_err *err)
{
    struct sr_uuid none = {{0}};
    struct writer_row row = {.found = false};
    size_t count = 0;
    const struct sr_uuid *tokens = datadir_tokens(datadir, &count);
    enum sr_result result = store->ops->look(store, &none, &row.epoch, &row.ours, err);

    for (size_t i = count; result == SR_OK && !row.ours && i-- > 0;) {
        result = store->ops->look(store, &tokens[i], &row.epoch, &row.ours, err);
    }
    row.found = result == SR_OK;
    if (result != SR_OK && result != SR_NOT_FOUND) {
        return result;
    }
    *ret_row = row;
    return SR_OK;
}
