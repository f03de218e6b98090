/*
 * What the files of `simple-request verify` share. Included by src/command/verify*.c only.
 */
#ifndef SR_COMMAND_VERIFY_H
#define SR_COMMAND_VERIFY_H

#include "journal/datadir.h"
#include "store/store.h"

#include <stdint.h>

/* The keys of one applied epoch against their rows. */
struct verify_table {
    uint64_t checked;
    uint64_t missing; /* counted or set in the epoch, and there is no row */
    uint64_t left;    /* deleted in the epoch, and there is a row */
};

/* Looks up every key of a state file whose epoch is the writer's row's epoch. SR_DAMAGED: the
 * file; SR_UNAVAILABLE, SR_REFUSED: the database. */
enum sr_result verify_table_check(struct disk *disk, const char *state, struct store *store,
                                  struct verify_table *ret_table,
                                  struct sr_err *err) SR_MUST_USE;

#endif
