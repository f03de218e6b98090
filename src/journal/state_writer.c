/*
 * Writing state files: records gathered into frames, a close frame, the header last, then the
 * name.
 */
#include "journal/state.h"

#include "base/check.h"
#include "base/memory.h"
#include "core/record.h"

#include <stdio.h>
#include <stdlib.h>

/* Few enough that three frames in a reader's ring keep 16,384 keys alive at a small cost. */
#define STATE_FRAME_CHANGES 8192U
#define RUN_FRAME_CHANGES 1024U

struct state_writer {
    struct disk *disk;
    struct disk_file *file;
    struct journal_header header;
    char name[STATE_NAME_SIZE];
    char temporary[STATE_NAME_SIZE + 8];
    uint8_t *frame; /* room for the largest frame; payload grows behind the frame header */
    size_t frame_bytes;
    size_t payload_size, payload_max;
    uint32_t records;
    uint32_t records_max;
    uint64_t sequence;
    uint64_t offset;
    uint8_t last_key[SR_KEY_SIZE_MAX];
    size_t last_key_size;
    bool created, finished;
};

static enum sr_result create_file(struct state_writer *w, struct sr_err *err)
{
    enum sr_result result = w->disk->unlink(w->disk, w->temporary, err);

    if (result != SR_OK && result != SR_NOT_FOUND) {
        return result;
    }
    result = w->disk->open(w->disk, w->temporary, true, false, &w->file, err);
    w->created = result == SR_OK;
    return result;
}

enum sr_result state_writer_open(struct disk *disk, const char *name,
                                 const struct journal_header *header,
                                 struct state_writer **ret_writer, struct sr_err *err)
{
    struct state_writer *w = calloc(1, sizeof(*w));
    enum sr_result result;

    if (w == NULL) {
        return sr_fail(err, SR_NO_MEMORY, "out of memory writing %s", name);
    }
    w->disk = disk;
    w->header = *header;
    w->header.kind = JOURNAL_FILE_STATE;
    w->header.change_count = 0;
    w->header.revision = 1;
    w->offset = JOURNAL_FRAMES_AT;
    w->records_max = STATE_FRAME_CHANGES;
    w->payload_max = STATE_FRAME_CHANGES * record_size(SR_KEY_SIZE_MAX);
    w->frame_bytes = JOURNAL_FRAME_HEADER + JOURNAL_BLOCK + w->payload_max;
    w->frame = sr_pages_alloc(w->frame_bytes);
    (void)snprintf(w->name, sizeof(w->name), "%s", name);
    (void)snprintf(w->temporary, sizeof(w->temporary), "%s.tmp", name);
    result = w->frame == NULL ? sr_fail(err, SR_NO_MEMORY, "out of memory writing %s", name)
                              : create_file(w, err);
    if (result != SR_OK) {
        state_writer_close(&w);
        return result;
    }
    *ret_writer = w;
    return SR_OK;
}

void state_writer_run_frames(struct state_writer *w)
{
    w->records_max = RUN_FRAME_CHANGES;
}

static enum sr_result write_frame(struct state_writer *w, bool close, struct sr_err *err)
{
    struct journal_frame frame = {
        .file_id = w->header.file_id,
        .sequence = ++w->sequence,
        .record_count = w->records,
        .close = close,
        .payload = {.data = w->frame + JOURNAL_FRAME_HEADER, .size = w->payload_size},
    };
    uint64_t bytes = journal_frame_bytes(w->payload_size);
    enum sr_result result;

    journal_frame_finish(&frame, w->frame);
    result = w->disk->write(w->disk, w->file, w->offset, w->frame, bytes, err);
    w->offset += bytes;
    w->payload_size = 0;
    w->records = 0;
    return result;
}

static enum sr_result append_record(struct state_writer *w, const struct record *record,
                                    struct sr_err *err)
{
    size_t size = record_encoded_size(record);

    if (w->records == w->records_max || w->payload_size + size > w->payload_max) {
        enum sr_result result = write_frame(w, false, err);

        if (result != SR_OK) {
            return result;
        }
    }
    SR_CHECK(size <= w->payload_max);
    record_encode(record, w->frame + JOURNAL_FRAME_HEADER + w->payload_size);
    w->payload_size += size;
    w->records++;
    return SR_OK;
}

enum sr_result state_writer_request(struct state_writer *w, struct sr_span records,
                                    struct sr_err *err)
{
    SR_CHECK(w->header.change_count == 0);
    while (records.size > 0) {
        struct record record;
        size_t size = 0;
        enum sr_result result = record_decode(records, &record, &size);

        SR_CHECK(result == SR_OK && record.epoch == w->header.epoch);
        result = append_record(w, &record, err);
        if (result != SR_OK) {
            return result;
        }
        records.data += size;
        records.size -= size;
    }
    return SR_OK;
}

enum sr_result state_writer_add(struct state_writer *w, const struct sr_change *change,
                                struct sr_err *err)
{
    struct record record = {
        .kind = (enum record_kind)change->kind,
        .generation = change->generation,
        .epoch = w->header.epoch,
        .value = (int64_t)change->value,
        .key = change->key,
    };
    struct sr_span last = {.data = w->last_key, .size = w->last_key_size};
    enum sr_result result;

    SR_CHECK(sr_wide_fits_i64(change->value));
    SR_CHECK(sr_span_compare(last, change->key) <= 0);
    result = append_record(w, &record, err);
    if (result != SR_OK) {
        return result;
    }
    w->header.change_count++;
    memcpy(w->last_key, change->key.data, change->key.size);
    w->last_key_size = change->key.size;
    return SR_OK;
}

static enum sr_result write_header(struct state_writer *w, struct sr_err *err)
{
    memset(w->frame, 0, JOURNAL_FRAMES_AT);
    w->header.file_bytes = w->offset;
    journal_header_encode(&w->header, w->frame);
    return w->disk->write(w->disk, w->file, 0, w->frame, JOURNAL_FRAMES_AT, err);
}

static enum sr_result give_name(struct state_writer *w, bool durable, struct sr_err *err)
{
    enum sr_result result = durable ? w->disk->sync(w->disk, w->file, err) : SR_OK;

    if (result == SR_OK) {
        result = w->disk->rename(w->disk, w->temporary, w->name, err);
    }
    if (result != SR_OK || !durable) {
        return result;
    }
    return w->disk->sync_directory(w->disk, err);
}

enum sr_result state_writer_finish(struct state_writer *w, bool durable,
                                   struct journal_header *ret_header, struct sr_err *err)
{
    enum sr_result result = w->records > 0 ? write_frame(w, false, err) : SR_OK;

    if (result == SR_OK) {
        result = write_frame(w, true, err);
    }
    if (result == SR_OK) {
        result = write_header(w, err);
    }
    if (result == SR_OK) {
        result = give_name(w, durable, err);
    }
    if (result != SR_OK) {
        return result;
    }
    w->finished = true;
    *ret_header = w->header;
    return SR_OK;
}

void state_writer_close(struct state_writer **writer)
{
    struct state_writer *w = *writer;

    if (w == NULL) {
        return;
    }
    w->disk->close(w->disk, &w->file);
    if (w->created && !w->finished) {
        /* A file left behind would be removed at the next start. */
        (void)w->disk->unlink(w->disk, w->temporary, NULL);
    }
    sr_pages_free(w->frame, w->frame_bytes);
    free(w);
    *writer = NULL;
}
