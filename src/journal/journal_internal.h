/*
 * What the journal's files share: the struct itself and the raw files. Included by src/journal
 * only.
 */
#ifndef SR_JOURNAL_JOURNAL_INTERNAL_H
#define SR_JOURNAL_JOURNAL_INTERNAL_H

#include "base/buffer.h"
#include "journal/frame.h"
#include "journal/journal.h"
#include "journal/merge.h"
#include "journal/requests.h"
#include "journal/state.h"

#include <pthread.h>
#include <stdatomic.h>

#define RAW_NAME_SIZE 48
#define RAW_BYTES_DEFAULT (16U * 1024U * 1024U)
#define RAW_BYTES_MIN (16U * JOURNAL_BLOCK)
#define MERGE_MEMORY (32U * 1024U * 1024U)
#define SPARES_WANTED 3U /* two to go on with, one kept back for seals and replacement */
#define SPARES_MAX 8U    /* more are given back to the file system */

/* A raw file in one of the lists below; a spare holds nothing that counts. */
struct raw_file {
    struct raw_file *next;
    struct disk_file *file; /* open while it is the current one, else NULL */
    char name[RAW_NAME_SIZE];
    uint64_t bytes, file_id, revision;
    uint64_t first_sequence, last_sequence; /* last 0: no frame yet */
    uint64_t newest_epoch;                  /* of its records */
    bool failed;                            /* a write or sync failed: never reused */
};

struct raw_list {
    struct raw_file *first, *last;
    uint32_t count;
};

/* One side of the hand-over queue: payload grows behind the room for the frame header. */
struct queue_side {
    uint8_t *pages; /* owned, journal_frame_bytes(queue_max) */
    size_t size;    /* payload bytes */
    size_t dirty;   /* bytes of pages behind which all are zero, hand-overs since left out */
    uint32_t records;
    uint64_t newest_epoch;
};

struct journal {
    struct journal_options options;
    struct disk *disk;
    size_t queue_max;

    /* The hand-over queue. queue_lock is a leaf: nothing else is locked under it. */
    pthread_mutex_t queue_lock;
    pthread_cond_t queue_filled;
    struct queue_side sides[2];
    unsigned gathering; /* side that takes hand-overs */
    bool stopping;
    bool seal_waits; /* JOURNAL_WRITE: sync soon */

    _Atomic uint64_t handed, durable, synced; /* positions */
    _Atomic uint64_t claimed;                 /* bytes reserved or gathered */
    _Atomic uint64_t disk_room; /* bytes of records that fit on the disk for certain */
    _Atomic bool failed;
    _Atomic bool disk_full; /* no spare could be made: limit or disk */

    /* Journal thread only. */
    struct raw_file *current;
    uint64_t offset; /* of the next frame in current */
    uint64_t sequence, durable_sequence;
    struct queue_side *writing; /* taken, not durable yet; NULL between commits */
    uint64_t writing_end;       /* position behind it */
    struct sr_buffer unsynced;  /* JOURNAL_WRITE: frames written and not synced, as written */
    uint64_t written_end;       /* position behind what was written */
    uint64_t synced_at_ms;
    struct sr_histogram sync_ns, fsync_ns, commit_bytes;

    /* Files. files_lock is a leaf; no I/O under it. */
    pthread_mutex_t files_lock;
    pthread_cond_t spare_wanted;
    struct raw_list closed; /* oldest first */
    struct raw_list spares;
    struct raw_file *reserved; /* has room on the disk and no zeros yet, or NULL */
    struct raw_list doomed; /* leave the disk when the next current file's header is durable */
    uint32_t unneeded;      /* so many of them, the first ones, that header does not count */
    uint64_t current_left;  /* bytes left in current for frames */
    uint64_t current_bytes, current_id, current_first;
    uint64_t next_file_id;
    uint64_t covered_epoch;       /* epochs up to it count no raw records */
    uint64_t newest_epoch;        /* open or newer epochs seen */
    struct journal_state *states; /* sealed and open, by epoch ascending; owned */
    size_t state_count, state_capacity;
    uint64_t state_bytes;
    struct sr_err failure; /* what failed last */

    _Atomic uint64_t frames, records_bytes, syncs, failures, retired_files, retired_bytes,
        compactions;
    struct journal_recovery recovery;

    pthread_t commit_thread, keeper_thread;
    bool threads_running;
    bool keeper_stops; /* under files_lock */
};

/* raw_file.c: lists and single files */
void raw_list_push(struct raw_list *list, struct raw_file *raw);
struct raw_file *raw_list_pop(struct raw_list *list);
void raw_file_free(struct journal *j, struct raw_file **raw);
/* Takes the room of one file on the disk, for the next raw_file_create, without the time that
 * its zeros take: a file that has room is one from which the journal can move on when the disk
 * has become full. Where that fails, raw_file_create says why. */
void raw_file_reserve(struct journal *j);
void raw_file_unreserve(struct journal *j); /* gives it back */
/* Makes a zero-filled, synced spare under a fresh name. */
enum sr_result raw_file_create(struct journal *j, struct raw_file **ret_raw,
                               struct sr_err *err);
/* Turns a spare into the raw file `id`, with what is unsynced as its first frames: header
 * written and synced, file left open. */
enum sr_result raw_file_activate(struct journal *j, struct raw_file *raw, uint64_t id,
                                 uint64_t first_sequence, struct sr_err *err);
/* Marks a raw file whose records do not count any more as a spare on the disk. */
enum sr_result raw_file_mark_spare(struct journal *j, struct raw_file *raw, struct sr_err *err);

/* states.c */
/* Enters a durable state file into the list: a sealed one covers its epoch and makes an open
 * one of it superfluous. */
enum sr_result journal_add_state(struct journal *j, const struct journal_header *header,
                                 const char *name, struct sr_err *err);
/* Writes what a merger holds, behind the requests of the same epoch, as a durable state file
 * and enters it. The header is the caller's but for file_id and what is counted; `sealed` says
 * that nothing more of the epoch follows (merger_drain: whole). */
enum sr_result journal_write_merged(struct journal *j, struct journal_header *header,
                                    struct requests *requests, struct merger *merger,
                                    struct sr_err *err);
void journal_state_name(uint64_t epoch, uint64_t file_id, char name[STATE_NAME_SIZE]);
uint64_t journal_draw_id(struct journal *j);

/* retain.c */
/* Makes spares of raw files whose records are all covered. */
void journal_retire_covered(struct journal *j);
/* Removes the unneeded ones of the doomed files from the disk; called when a fresh current
 * file's header is durable. */
void journal_trim(struct journal *j);
/* Files whose records do not count any more: a spare if one is welcome, else doomed. */
void journal_recycle(struct journal *j, struct raw_file *raw);
/* What is on the disk: raw, spare, doomed and state files. Under files_lock. */
uint64_t journal_disk_bytes(const struct journal *j);
/* Whether one raw file more would be over limit_bytes. Under files_lock. */
bool journal_at_limit(const struct journal *j);
/* Publishes how many bytes of records fit for certain. Under files_lock. */
void journal_recompute_room(struct journal *j);

/* recover.c */
enum sr_result journal_recover(struct journal *j, struct sr_err *err);

/* current.c */
/* Makes a spare (or a fresh file) the current one. */
enum sr_result journal_start_file(struct journal *j, uint64_t first_sequence,
                                  struct sr_err *err);
/* The current file takes no more frames: it waits among the closed ones until its records are
 * covered. */
void journal_put_away_current(struct journal *j, bool failed);

/* commit.c */
/* Syncs and writes the close frame: at a clean stop. */
void journal_finish_file(struct journal *j);
bool journal_has_work(struct journal *j);

#endif
