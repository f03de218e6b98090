/*
 * What can still be read of a journal that a start refuses as damaged: `simple-request journal
 * salvage`. Reads only. Where a start must be certain, this takes every frame and state change
 * whose own checksum holds, and tells about everything else.
 */
#ifndef SR_JOURNAL_SALVAGE_H
#define SR_JOURNAL_SALVAGE_H

#include "base/result.h"
#include "core/change.h"
#include "journal/disk.h"

#include <stdint.h>

struct salvage_sink {
    void *context;
    /* A change of an epoch above the applied one: each key once an epoch, in key order within
     * it, but for sums beyond 64 bits (several changes of one key). */
    enum sr_result (*take)(void *context, uint64_t epoch, const struct sr_change *change,
                           struct sr_err *err);
    /* Something that could not be read, in a sentence; borrowed for the call. */
    void (*lost)(void *context, const char *what);
};

/*
 * Hands out what epochs above `applied` (the writer's row's) hold. A sealed state that reads
 * whole stands for its epoch alone; else the epoch's raw records and its open state do; else
 * what is readable of the sealed state. SR_OK also where something was lost. SR_IO,
 * SR_NO_MEMORY: it ended early.
 */
enum sr_result journal_salvage(struct disk *disk, uint64_t applied,
                               const struct salvage_sink *sink, struct sr_err *err) SR_MUST_USE;

#endif
