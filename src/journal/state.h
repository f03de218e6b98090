/*
 * State files: one epoch as one change a key, in key order (docs/DISK-FORMAT.md). Written under
 * another name, synced, renamed, directory synced; then they count. Also the format of the
 * merger's run files.
 */
#ifndef SR_JOURNAL_STATE_H
#define SR_JOURNAL_STATE_H

#include "base/buffer.h"
#include "base/result.h"
#include "core/change.h"
#include "journal/disk.h"
#include "journal/frame.h"

#include <stdint.h>

#define STATE_NAME_SIZE 48

/* ---- writing ---- */

struct state_writer;

/* Starts a file "NAME.tmp". header: everything but change_count and file_bytes. */
enum sr_result state_writer_open(struct disk *disk, const char *name,
                                 const struct journal_header *header,
                                 struct state_writer **ret_writer,
                                 struct sr_err *err) SR_MUST_USE;

/* Before the first change: small frames, for run files of which many are read at once. */
void state_writer_run_frames(struct state_writer *w);

/* Appends one change, in key order (checked); its value fits 64 bits (checked). */
enum sr_result state_writer_add(struct state_writer *w, const struct sr_change *change,
                                struct sr_err *err) SR_MUST_USE;

/* Before the first change: a request with a token, as its whole records. In the order of tokens
 * (the caller's). Their values lie in the changes as well. */
enum sr_result state_writer_request(struct state_writer *w, struct sr_span records,
                                    struct sr_err *err) SR_MUST_USE;

/* Completes the file: close frame, header, sync, rename to NAME, directory sync. *ret_header
 * tells what was written. Without `durable` (run files) nothing is synced. */
enum sr_result state_writer_finish(struct state_writer *w, bool durable,
                                   struct journal_header *ret_header,
                                   struct sr_err *err) SR_MUST_USE;

/* Frees; an unfinished file is removed. Accepts NULL, leaves NULL. */
void state_writer_close(struct state_writer **writer);

/* ---- reading ---- */

struct state_reader;

/* Opens NAME and checks its header. SR_NOT_FOUND, SR_DAMAGED (named with the file), SR_IO. */
enum sr_result state_reader_open(struct disk *disk, const char *name,
                                 struct state_reader **ret_reader,
                                 struct sr_err *err) SR_MUST_USE;
const struct journal_header *state_reader_header(const struct state_reader *r);

/* Goes back to the first change. */
void state_reader_rewind(struct state_reader *r);

/* The next request with a token, before the first change: fills `records` (emptied first) with
 * its whole records. SR_NOT_FOUND after the last; else as below. */
enum sr_result state_reader_request(struct state_reader *r, struct sr_buffer *records,
                                    struct sr_err *err) SR_MUST_USE;

/* The next change, requests passed over; its key is borrowed and valid until the call after the
 * next 16,384. SR_NOT_FOUND after the last (the count and the close frame were checked then);
 * SR_DAMAGED names file and offset. */
enum sr_result state_reader_next(struct state_reader *r, struct sr_change *ret_change,
                                 struct sr_err *err) SR_MUST_USE;
void state_reader_close(struct state_reader **reader);

#endif
