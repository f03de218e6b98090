/*
 * At the start: the idempotency window from the state files that lie in the data directory.
 */
#ifndef SR_SYNC_RESTORE_H
#define SR_SYNC_RESTORE_H

#include "core/dedup.h"
#include "journal/journal.h"

/* Opens a window that holds every request of the journal's states, beyond its bound if need be:
 * nothing is forgotten early. Whether their epochs are in the database is not known yet, and
 * how old they are is not either: each is remembered for a whole window from now on. Errors of
 * dedup_open and of reading states. */
enum sr_result restore_window(const struct dedup_options *options, struct journal *journal,
                              struct disk *disk, uint64_t now_ms, struct dedup **ret_dedup,
                              struct sr_err *err) SR_MUST_USE;

#endif
