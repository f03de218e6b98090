/*
 * Reading raw files' frames: what is good, what is a torn tail, what is damage (DESIGN section
 * 5, Journal).
 *
 * A higher raw file exists only after everything below its first sequence was durable. So a bad
 * frame below that is damage; behind the last good frame of the newest file it is the torn
 * tail, unless a later frame of the file says that it was durable, or the file was closed.
 */
#include "journal/scan.h"

#include "base/memory.h"

#include <inttypes.h>

struct reading {
    struct sr_span bytes;
    struct scan_file *file;
    scan_each_fn *each;
    void *context;
    uint64_t offset;
    uint64_t expected; /* sequence of the next frame */
};

static enum sr_result fail_damaged(const struct reading *r, const char *what,
                                   struct sr_err *err)
{
    return sr_fail(
        err, SR_DAMAGED,
        "journal file %s is damaged at offset %" PRIu64 " (sequence %" PRIu64
        "): %s. Acknowledged increments lie there: restore the data directory from a "
        "backup or a good disk; `simple-request journal dump` shows what is readable",
        r->file->name, r->offset, r->expected, what);
}

static struct sr_span rest_at(const struct reading *r, uint64_t offset)
{
    return (struct sr_span){.data = r->bytes.data + offset, .size = r->bytes.size - offset};
}

/* The frame at an offset if it is one of this file. */
static bool frame_at(const struct reading *r, uint64_t offset, struct journal_frame *ret_frame,
                     uint64_t *ret_bytes)
{
    return offset + JOURNAL_BLOCK <= r->bytes.size &&
           journal_frame_decode(rest_at(r, offset), ret_frame, ret_bytes) == SR_OK &&
           ret_frame->file_id == r->file->header.file_id;
}

static enum sr_result hand_out_records(struct reading *r, const struct journal_frame *frame,
                                       struct sr_err *err)
{
    struct sr_span rest = frame->payload;
    uint32_t count = 0;

    while (rest.size > 0) {
        struct scan_record out = {.file = r->file, .frame = frame, .offset = r->offset};
        struct record record;
        size_t size = 0;
        enum sr_result result = SR_OK;

        if (record_decode(rest, &record, &size) != SR_OK) {
            return fail_damaged(r, "a record is not valid although its frame is", err);
        }
        out.record = &record;
        if (record.epoch > r->file->newest_epoch) {
            r->file->newest_epoch = record.epoch;
        }
        if (r->each != NULL) {
            result = r->each(r->context, &out, err);
        }
        if (result != SR_OK) {
            return result;
        }
        rest.data += size;
        rest.size -= size;
        count++;
    }
    return count == frame->record_count
               ? SR_OK
               : fail_damaged(r, "a frame holds another number of records than it says", err);
}

static enum sr_result read_good_frames(struct reading *r, struct sr_err *err)
{
    struct journal_frame frame;
    uint64_t bytes = 0;

    while (r->expected < r->file->limit && !r->file->closed &&
           frame_at(r, r->offset, &frame, &bytes) && frame.sequence == r->expected) {
        enum sr_result result = hand_out_records(r, &frame, err);

        if (result != SR_OK) {
            return result;
        }
        r->file->closed = frame.close;
        r->offset += bytes;
        r->expected++;
    }
    return SR_OK;
}

/* Looks behind a bad frame of the newest file for proof that it had been durable; tells where
 * anything but zeros ends. */
static enum sr_result judge_tail(struct reading *r, uint64_t *ret_torn, struct sr_err *err)
{
    uint64_t end = r->offset;

    for (uint64_t at = r->offset; at + JOURNAL_BLOCK <= r->bytes.size; at += JOURNAL_BLOCK) {
        const uint8_t *block = r->bytes.data + at;
        struct journal_frame frame;
        uint64_t bytes = 0;

        if (block[0] != 0 || memcmp(block, block + 1, JOURNAL_BLOCK - 1) != 0) {
            end = at + JOURNAL_BLOCK;
        }
        if (!frame_at(r, at, &frame, &bytes) || frame.sequence < r->expected) {
            continue;
        }
        if (frame.close) {
            return fail_damaged(r, "the file was closed properly behind it", err);
        }
        if (frame.durable_sequence >= r->expected) {
            return fail_damaged(r, "a later frame says that it was durable", err);
        }
    }
    *ret_torn = end - r->offset;
    return SR_OK;
}

enum sr_result scan_bytes(struct sr_span bytes, struct scan_file *file, bool newest,
                          scan_each_fn *each, void *context, uint64_t *ret_torn,
                          struct sr_err *err)
{
    struct reading r = {.bytes = bytes,
                        .file = file,
                        .each = each,
                        .context = context,
                        .offset = JOURNAL_FRAMES_AT,
                        .expected = file->header.first_sequence};
    enum sr_result result = read_good_frames(&r, err);
    uint64_t torn = 0;

    if (result == SR_OK && !newest && r.expected < file->limit) {
        result = fail_damaged(&r, "frames that a later file relies on are missing", err);
    }
    if (result == SR_OK && newest && !file->closed) {
        result = judge_tail(&r, &torn, err);
    }
    if (result != SR_OK) {
        return result;
    }
    file->last_sequence = r.expected - 1;
    file->end_offset = r.offset;
    *ret_torn = torn;
    return SR_OK;
}

enum sr_result scan_raw_file(struct disk *disk, struct scan_file *file, bool newest,
                             scan_each_fn *each, void *context, uint64_t *ret_torn,
                             struct sr_err *err)
{
    size_t size = file->header.file_bytes;
    uint8_t *bytes = sr_pages_alloc(size);
    struct disk_file *handle = NULL;
    enum sr_result result;
    size_t got = 0;

    if (bytes == NULL) {
        return sr_fail(err, SR_NO_MEMORY, "out of memory reading %s", file->name);
    }
    result = disk->open(disk, file->name, false, false, &handle, err);
    if (result == SR_OK) {
        result = disk->read(disk, handle, 0, bytes, size, &got, err);
    }
    disk->close(disk, &handle);
    if (result == SR_OK) {
        result = scan_bytes((struct sr_span){.data = bytes, .size = got}, file, newest, each,
                            context, ret_torn, err);
    }
    sr_pages_free(bytes, size);
    return result;
}

enum sr_result scan_raw(struct disk *disk, struct scan *scan, scan_each_fn *each, void *context,
                        struct sr_err *err)
{
    for (size_t i = 0; i < scan->raw_count; i++) {
        struct scan_file *file = &scan->files[i];
        enum sr_result result;
        uint64_t torn = 0;

        if (!file->counts) {
            continue;
        }
        result =
            scan_raw_file(disk, file, file->limit == UINT64_MAX, each, context, &torn, err);
        if (result != SR_OK) {
            return result;
        }
        scan->torn_bytes += torn;
        scan->next_sequence = file->last_sequence + 1;
        if (file->newest_epoch > scan->newest_epoch) {
            scan->newest_epoch = file->newest_epoch;
        }
    }
    return SR_OK;
}
