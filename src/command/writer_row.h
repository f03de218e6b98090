/*
 * The writer's row as the operator's commands look at it: read, never claimed.
 */
#ifndef SR_COMMAND_WRITER_ROW_H
#define SR_COMMAND_WRITER_ROW_H

#include "journal/datadir.h"
#include "store/store.h"

#include <stdbool.h>
#include <stdint.h>

struct writer_row {
    bool found; /* this instance has a row */
    bool ours;  /* its owner is a token that this directory drew */
    uint64_t epoch;
};

/* SR_OK also where there is no row; else as store_ops.look. */
enum sr_result writer_row_read(struct store *store, struct datadir *datadir,
                               struct writer_row *ret_row, struct sr_err *err) SR_MUST_USE;

#endif
