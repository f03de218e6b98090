/*
 * Reading the journal's files without changing them: what a start, `verify` and `journal dump`
 * share.
 */
#ifndef SR_JOURNAL_SCAN_H
#define SR_JOURNAL_SCAN_H

#include "base/result.h"
#include "core/record.h"
#include "journal/disk.h"
#include "journal/frame.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCAN_NAME_SIZE 48

/* One file of the directory as its header says. */
struct scan_file {
    char name[SCAN_NAME_SIZE];
    struct journal_header header;
    bool counts;    /* raw: holds frames that count, or may */
    uint64_t limit; /* raw: first sequence that a higher file replaces (UINT64_MAX: none) */
    uint64_t last_sequence; /* raw, after scan_raw: of its last good frame; first_sequence - 1
                               where it has none */
    uint64_t end_offset;    /* raw, after scan_raw: behind the last good frame */
    uint64_t newest_epoch;  /* raw, after scan_raw: of its records, 0 none */
    bool closed;            /* raw, after scan_raw: ended by a close frame */
};

struct scan {
    struct scan_file
        *files; /* raw by file id ascending, then states by epoch ascending; owned */
    size_t raw_count, state_count;
    char (*leftovers)[SCAN_NAME_SIZE]; /* unfinished and run files: to be removed at start;
                                          owned */
    size_t leftover_count;
    uint64_t covered_epoch; /* raw records of epochs up to it do not count */
    uint64_t newest_epoch;  /* newest epoch of any header, record (after scan_raw) or state */
    uint64_t last_file_id;
    uint64_t next_sequence; /* behind the last good frame, after scan_raw of all */
    uint64_t torn_bytes;
};

/* Lists the directory and reads all headers; decides which raw files count and what replaces
 * what. SR_DAMAGED names file and offset. */
enum sr_result scan_open(struct disk *disk, struct scan *ret_scan,
                         struct sr_err *err) SR_MUST_USE;
void scan_done(struct scan *scan);

/* The same for what must be read although it is damaged: `lost` is told about every file whose
 * header is not valid, which is left out, and about missing ones. */
typedef void scan_lost_fn(void *context, const char *what);
enum sr_result scan_open_past_damage(struct disk *disk, scan_lost_fn *lost, void *context,
                                     struct scan *ret_scan, struct sr_err *err) SR_MUST_USE;

struct scan_record {
    const struct scan_file *file;
    const struct journal_frame *frame;
    uint64_t offset; /* of the frame in the file */
    const struct record *record;
};

/* Reads all raw files that count in order and hands out every record of every good frame below
 * the limits (seals too, and records of covered epochs: the caller decides). Fills
 * last_sequence, end_offset, torn_bytes, next_sequence. SR_DAMAGED: a frame that was durable is
 * bad or missing; names file and offset. each may be NULL. */
typedef enum sr_result scan_each_fn(void *context, const struct scan_record *record,
                                    struct sr_err *err);
enum sr_result scan_raw(struct disk *disk, struct scan *scan, scan_each_fn *each, void *context,
                        struct sr_err *err) SR_MUST_USE;

/* One raw file of that: `newest` where no higher raw file exists. *ret_torn: bytes of a torn
 * tail. */
enum sr_result scan_raw_file(struct disk *disk, struct scan_file *file, bool newest,
                             scan_each_fn *each, void *context, uint64_t *ret_torn,
                             struct sr_err *err) SR_MUST_USE;

/* The part of scan_raw that is pure: one file's bytes in memory. newest: no higher raw file
 * exists. */
enum sr_result scan_bytes(struct sr_span bytes, struct scan_file *file, bool newest,
                          scan_each_fn *each, void *context, uint64_t *ret_torn,
                          struct sr_err *err) SR_MUST_USE;

#endif
