/*
 * The journal: what makes an acknowledged increment durable. Numbered files of frames, group
 * commit by one thread, replay at start, per-key state files with retention and compaction.
 * docs/DISK-FORMAT.md draws the bytes, DESIGN sections 4 and 5 give the rules.
 *
 * Threads: workers call journal_reserve, journal_hand_over, journal_durable and the positions;
 * the journal thread journal_commit; the flusher the rest (seal, state files, retirement).
 * journal_stats by anybody.
 */
#ifndef SR_JOURNAL_JOURNAL_H
#define SR_JOURNAL_JOURNAL_H

#include "base/histogram.h"
#include "base/result.h"
#include "base/span.h"
#include "core/change.h"
#include "core/request_log.h"
#include "journal/datadir.h"
#include "journal/disk.h"

#include <stdbool.h>
#include <stdint.h>

struct journal;

enum journal_durability {
    JOURNAL_FSYNC, /* a position is durable when its frame was synced */
    JOURNAL_WRITE, /* ... when it was written; synced each second and for seals */
    JOURNAL_NONE   /* changes are not journaled at all; seals and state files are, synced */
};

struct journal_options {
    struct disk *disk; /* borrowed; its directory is the data directory */
    struct sr_uuid instance;
    enum journal_durability durability;
    uint64_t limit_bytes;     /* of raw and state files in all */
    uint64_t file_bytes;      /* size of a raw file; 0: 16 MiB */
    uint64_t retention_ms;    /* how long applied epochs are kept as state */
    uint64_t retention_bytes; /* and how many bytes of them at most */
    /* Called by whoever made progress (durable position, failure, recovery): wakes the workers.
     */
    void (*progress)(void *context);
    void *context;
};

/* What a start found. */
struct journal_recovery {
    uint64_t open_epoch;   /* the epoch to open: above every epoch that was ever used */
    uint64_t newest_epoch; /* newest sealed or recovered epoch (D at start); 0: none */
    uint64_t sealed_epoch; /* newest one whose content was final before this start; 0: none */
    uint64_t replayed_records; /* raw records brought into state files */
    uint64_t torn_bytes;       /* cut from the tail */
    uint64_t files;            /* raw files read */
};

/*
 * Recovers and opens: reads all files, refuses damage (SR_DAMAGED names file, offset and the
 * way out), writes every epoch that is not covered yet as a synced state file, opens a fresh
 * raw file. SR_FULL: no space for that. SR_IO.
 */
enum sr_result journal_open(const struct journal_options *options, struct journal **ret_journal,
                            struct journal_recovery *ret_recovery,
                            struct sr_err *err) SR_MUST_USE;
void journal_close(struct journal **journal);

/* Starts the commit thread and the keeper thread (prepares spare files). journal_stop commits
 * what was handed over, marks the file closed and ends them. Without threads (tests,
 * simulation) journal_commit and journal_keep are called instead. */
enum sr_result journal_start(struct journal *j, struct sr_err *err) SR_MUST_USE;
void journal_stop(struct journal *j);

/* ---- workers ---- */

enum journal_room {
    JOURNAL_ROOM,            /* reserved */
    JOURNAL_ROOM_QUEUE_FULL, /* the disk is behind: more than a frame's worth is waiting */
    JOURNAL_ROOM_FULL,       /* limit of bytes or disk reached */
    JOURNAL_ROOM_FAILED      /* a write failed and is not mended yet */
};

/* Reserves room for `size` bytes of records before they are counted; given back by hand-over or
 * journal_unreserve. */
enum journal_room journal_reserve(struct journal *j, size_t size) SR_MUST_USE;
void journal_unreserve(struct journal *j, size_t size);

/* Appends a turn's records (whole, of `count` records of epochs up to newest_epoch, of at most
 * as many bytes as were reserved) to the queue; returns the position behind them. */
uint64_t journal_hand_over(struct journal *j, struct sr_span records, uint32_t count,
                           uint64_t newest_epoch);

/* Position behind everything handed over, and behind everything durable in the sense of the
 * durability mode. Bytes of records since start; never reused. */
uint64_t journal_handed(const struct journal *j);
uint64_t journal_durable(const struct journal *j);

/* ---- journal thread ---- */

/* Commits what is queued as one frame. SR_OK: something was committed; SR_NOT_FOUND: nothing to
 * do; else the commit failed, the journal is `failed`, and the next call tries to mend it with
 * a fresh file. Under JOURNAL_WRITE also syncs when a second has passed or a seal waits. */
enum sr_result journal_commit(struct journal *j, struct sr_err *err) SR_MUST_USE;

/* Keeps spare files ready: makes at most one. SR_OK: made one; SR_NOT_FOUND: nothing to do;
 * SR_FULL: limit or disk. */
enum sr_result journal_keep(struct journal *j, struct sr_err *err) SR_MUST_USE;

/* ---- flusher ---- */

/* Queues the seal of an epoch (room is kept back for it); returns the position to wait for with
 * journal_synced. */
uint64_t journal_seal(struct journal *j, uint64_t epoch);

/* Position behind everything synced to the disk, whatever the durability mode. */
uint64_t journal_synced(const struct journal *j);

/* One epoch that lies in a state file. */
struct journal_state {
    uint64_t epoch, predecessor;
    uint64_t file_id, through_sequence, bytes, changes;
    uint64_t
        applied_at; /* on the retention clock of journal_applied; 0: not known to be applied */
    bool sealed;
    bool hollow; /* made of a seal alone, and not judged by journal_judge_hollow */
    char name[48];
};

/* Copies the sealed state of the lowest epoch above `epoch`; false where there is none. */
bool journal_state_after(struct journal *j, uint64_t epoch, struct journal_state *ret_state);

/* Newest epoch that is covered by a state file or was given up by journal_cover; 0: none. */
uint64_t journal_covered(struct journal *j);

/* SR_OK with the next change, SR_NOT_FOUND behind the last. */
typedef enum sr_result journal_next_fn(void *context, struct sr_change *ret_change,
                                       struct sr_err *err);

/* What an epoch holds: its changes in key order, and its requests with a token, sorted. */
struct journal_source {
    journal_next_fn *next;
    void *context;                      /* of next */
    const struct request_log *requests; /* borrowed; NULL: none */
};

/* Writes the sealed state of `epoch` (predecessor as given) and makes it durable: then raw
 * files whose epochs are all covered are retired. On failure nothing changed. */
enum sr_result journal_write_state(struct journal *j, uint64_t epoch, uint64_t predecessor,
                                   const struct journal_source *source,
                                   struct sr_err *err) SR_MUST_USE;

/* An applied epoch whose state could not be written (disk full): its raw records are given up
 * so that the journal can go on. */
void journal_cover(struct journal *j, uint64_t epoch);

/* Epochs up to `epoch` are in the database; clock is the flusher's retention clock (runs only
 * between successful looks). Removes state files that are older than the retention or over its
 * bytes, never the newest sealed one. */
void journal_applied(struct journal *j, uint64_t epoch, uint64_t clock_ms);

/* Durability none: an epoch that was sealed, and of which the process died before its state
 * file was written, is an empty state file after the next start. That is right where the
 * database, at epoch `applied` at the claim, lacks it: from now on it is empty for certain.
 * Where the database has it, that file goes: there may have been changes in it, and a database
 * that falls back below it must meet a gap. */
void journal_judge_hollow(struct journal *j, uint64_t applied);

/* Long outage: brings the closed raw files into a state file of the open epoch, when that is
 * worth it; predecessor is the last sealed epoch. SR_OK: done; SR_NOT_FOUND: not worth it now.
 */
enum sr_result journal_compact(struct journal *j, uint64_t open_epoch, uint64_t predecessor,
                               struct sr_err *err) SR_MUST_USE;

struct journal_stats {
    uint64_t raw_files, spare_files, state_files;
    uint64_t bytes;                   /* on disk: raw, spare and state files */
    uint64_t limit_bytes, free_bytes; /* room left for records */
    uint64_t frames, records_bytes;   /* committed since start */
    uint64_t syncs, failures;
    uint64_t replayed_records, torn_bytes; /* at the last start */
    uint64_t retired_files, retired_bytes;
    uint64_t compactions;
    uint64_t handed_bytes, durable_bytes; /* positions */
    uint64_t queue_bytes;                 /* memory reserved for the hand-over queue */
    bool failed;                          /* a write or sync failed and is not mended yet */
    struct sr_err failure;                /* what failed last; SR_OK and "" where nothing did */
    bool disk_full;                       /* no spare file can be made: limit or disk */
    const struct sr_histogram *sync_ns;   /* time of a commit's write and sync */
    const struct sr_histogram *fsync_ns;  /* of the sync alone, or of a durable write */
    const struct sr_histogram *commit_bytes; /* group-commit size */
};

void journal_stats(struct journal *j, struct journal_stats *ret_stats);

#endif
