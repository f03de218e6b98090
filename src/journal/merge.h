/*
 * The merger: many changes of one epoch in any order -> one change a key, in key order. Memory
 * is bounded: what does not fit goes to sorted run files and is merged from there. Serves start
 * (raw records -> state file) and compaction.
 */
#ifndef SR_JOURNAL_MERGE_H
#define SR_JOURNAL_MERGE_H

#include "base/result.h"
#include "core/change.h"
#include "journal/disk.h"

#include <stdbool.h>
#include <stddef.h>

struct merger;

/* memory_max: bytes for keys and sums in memory. run_id names the run files; they vanish with
 * the merger. */
enum sr_result merger_open(struct disk *disk, size_t memory_max, uint64_t run_id,
                           struct merger **ret_merger, struct sr_err *err) SR_MUST_USE;
void merger_close(struct merger **merger);

/* Takes one change; its key is copied. */
enum sr_result merger_add(struct merger *m, const struct sr_change *change,
                          struct sr_err *err) SR_MUST_USE;

/* Takes a merged change; other than SR_OK ends the hand-out with that. */
typedef enum sr_result merger_take_fn(void *context, const struct sr_change *change,
                                      struct sr_err *err);

/*
 * Hands out the merged changes in key order. A sum that does not fit 64 bits is handed out as
 * several changes of the same key whose values do.
 *
 * An add whose generation's set or delete is not there lies over one that another worker had
 * counted and not handed over. whole: nothing more of the epoch follows, that set is lost, and
 * the add lies over what is below. Otherwise more may follow: such adds are handed out apart,
 * the highest generation first.
 */
enum sr_result merger_drain(struct merger *m, bool whole, merger_take_fn *take, void *context,
                            struct sr_err *err) SR_MUST_USE;

#endif
