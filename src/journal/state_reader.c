/*
 * Reading state files: frame by frame, everything checked again. Three frames stay in memory in
 * turn, so that keys handed out live for two frames more.
 */
#include "journal/state.h"

#include "base/check.h"
#include "core/record.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define RING 3

struct state_reader {
    struct disk *disk;
    struct disk_file *file;
    struct journal_header header;
    char name[STATE_NAME_SIZE];
    struct {
        uint8_t *data; /* owned */
        size_t capacity;
    } ring[RING];
    unsigned turn;       /* the ring's current buffer */
    struct sr_span rest; /* records of the current frame not handed out */
    uint32_t rest_count;
    uint64_t offset;       /* of the next frame */
    uint64_t sequence;     /* of the last frame read */
    uint64_t handed;       /* changes handed out */
    uint32_t request_left; /* records of the request under way that have not come */
    bool closed;           /* the close frame was read */
};

static enum sr_result fail_damaged(const struct state_reader *r, const char *what,
                                   struct sr_err *err)
{
    return sr_fail(
        err, SR_DAMAGED,
        "state file %s is damaged at offset %" PRIu64
        ": %s; run `simple-request verify`, restore the file from a backup, or move it "
        "away if its epoch %" PRIu64 " is in the database",
        r->name, r->offset, what, r->header.epoch);
}

static enum sr_result read_header(struct state_reader *r, struct sr_err *err)
{
    uint8_t block[JOURNAL_BLOCK];
    size_t size = 0;
    uint64_t bytes = 0;
    enum sr_result result =
        r->disk->read(r->disk, r->file, 0, block, sizeof(block), &size, err);

    if (result == SR_OK) {
        result = r->disk->size(r->disk, r->file, &bytes, err);
    }
    if (result != SR_OK) {
        return result;
    }
    if (size != sizeof(block) ||
        journal_header_decode(block, &r->header) != JOURNAL_BLOCK_VALID ||
        r->header.kind != JOURNAL_FILE_STATE) {
        return fail_damaged(r, "its header is not valid", err);
    }
    if (r->header.file_bytes != bytes) {
        return fail_damaged(r, "its size is not what its header says", err);
    }
    return SR_OK;
}

enum sr_result state_reader_open(struct disk *disk, const char *name,
                                 struct state_reader **ret_reader, struct sr_err *err)
{
    struct state_reader *r = calloc(1, sizeof(*r));
    enum sr_result result;

    if (r == NULL) {
        return sr_fail(err, SR_NO_MEMORY, "out of memory reading %s", name);
    }
    r->disk = disk;
    (void)snprintf(r->name, sizeof(r->name), "%s", name);
    result = disk->open(disk, name, false, false, &r->file, err);
    if (result == SR_OK) {
        result = read_header(r, err);
    }
    if (result != SR_OK) {
        state_reader_close(&r);
        return result;
    }
    state_reader_rewind(r);
    *ret_reader = r;
    return SR_OK;
}

const struct journal_header *state_reader_header(const struct state_reader *r)
{
    return &r->header;
}

void state_reader_rewind(struct state_reader *r)
{
    r->offset = JOURNAL_FRAMES_AT;
    r->sequence = 0;
    r->handed = 0;
    r->request_left = 0;
    r->rest = (struct sr_span){0};
    r->rest_count = 0;
    r->closed = false;
}

/* Reads size bytes at the next frame's offset into the ring's current buffer. */
static enum sr_result read_bytes(struct state_reader *r, size_t size, struct sr_err *err)
{
    size_t got = 0;
    enum sr_result result;

    if (r->ring[r->turn].capacity < size) {
        uint8_t *data = realloc(r->ring[r->turn].data, size);

        if (data == NULL) {
            return sr_fail(err, SR_NO_MEMORY, "out of memory reading %s", r->name);
        }
        r->ring[r->turn].data = data;
        r->ring[r->turn].capacity = size;
    }
    result = r->disk->read(r->disk, r->file, r->offset, r->ring[r->turn].data, size, &got, err);
    if (result != SR_OK) {
        return result;
    }
    return got == size ? SR_OK : fail_damaged(r, "it ends too early", err);
}

static enum sr_result read_frame(struct state_reader *r, struct sr_err *err)
{
    struct journal_frame frame;
    uint64_t bytes = 0;
    enum sr_result result;
    enum sr_result decoded;

    r->turn = (r->turn + 1) % RING;
    result = read_bytes(r, JOURNAL_BLOCK, err);
    if (result != SR_OK) {
        return result;
    }
    decoded = journal_frame_decode((struct sr_span){.data = r->ring[r->turn].data,
                                                    .size = JOURNAL_BLOCK},
                                   &frame, &bytes);
    if (decoded == SR_AGAIN) {
        result = read_bytes(r, bytes, err);
        if (result != SR_OK) {
            return result;
        }
        decoded =
            journal_frame_decode((struct sr_span){.data = r->ring[r->turn].data, .size = bytes},
                                 &frame, &bytes);
    }
    if (decoded != SR_OK || frame.file_id != r->header.file_id ||
        frame.sequence != r->sequence + 1) {
        return fail_damaged(r, "a frame is not valid", err);
    }
    r->sequence++;
    r->offset += bytes;
    r->rest = frame.payload;
    r->rest_count = frame.record_count;
    r->closed = frame.close;
    return SR_OK;
}

static enum sr_result at_end(struct state_reader *r, struct sr_err *err)
{
    if (r->handed != r->header.change_count || r->offset != r->header.file_bytes) {
        return fail_damaged(r, "it holds fewer changes than its header says", err);
    }
    return SR_NOT_FOUND;
}

/* The record at hand, which stays at hand; SR_NOT_FOUND at the end. */
static enum sr_result peek(struct state_reader *r, struct record *ret_record, size_t *ret_size,
                           struct sr_err *err)
{
    while (r->rest_count == 0) {
        enum sr_result result = r->closed ? at_end(r, err) : read_frame(r, err);

        if (result != SR_OK) {
            return result;
        }
    }
    if (record_decode(r->rest, ret_record, ret_size) != SR_OK ||
        ret_record->kind == RECORD_SEAL || ret_record->epoch != r->header.epoch) {
        return fail_damaged(r, "a record is not valid", err);
    }
    return SR_OK;
}

static void pass(struct state_reader *r, size_t size)
{
    r->rest.data += size;
    r->rest.size -= size;
    r->rest_count--;
}

/* Whether the record at hand belongs to a request; those all come before the changes. */
static enum sr_result peek_of_request(struct state_reader *r, size_t *ret_size,
                                      struct sr_err *err)
{
    struct record record;
    enum sr_result result;
    bool begins;

    if (r->handed > 0) {
        return SR_NOT_FOUND;
    }
    result = peek(r, &record, ret_size, err);
    if (result != SR_OK) {
        return result;
    }
    begins = record.token.token.size > 0;
    if (begins && r->request_left > 0) {
        return fail_damaged(r, "a request is cut", err);
    }
    if (!begins && r->request_left == 0) {
        return SR_NOT_FOUND;
    }
    r->request_left = begins ? record.token.records : r->request_left - 1;
    return SR_OK;
}

enum sr_result state_reader_request(struct state_reader *r, struct sr_buffer *records,
                                    struct sr_err *err)
{
    records->size = 0;
    do {
        size_t size = 0;
        enum sr_result result = peek_of_request(r, &size, err);

        if (result != SR_OK) {
            return result == SR_NOT_FOUND && r->request_left > 0
                       ? fail_damaged(r, "a request is cut", err)
                       : result;
        }
        if (sr_buffer_append(records, r->rest.data, size) != SR_OK) {
            return sr_fail(err, SR_NO_MEMORY, "out of memory reading %s", r->name);
        }
        pass(r, size);
    } while (r->request_left > 0);
    return SR_OK;
}

static enum sr_result pass_requests(struct state_reader *r, struct sr_err *err)
{
    size_t size = 0;
    enum sr_result result;

    while ((result = peek_of_request(r, &size, err)) == SR_OK) {
        pass(r, size);
    }
    if (result == SR_NOT_FOUND && r->request_left > 0) {
        return fail_damaged(r, "a request is cut", err);
    }
    return result == SR_NOT_FOUND ? SR_OK : result;
}

enum sr_result state_reader_next(struct state_reader *r, struct sr_change *ret_change,
                                 struct sr_err *err)
{
    struct record record;
    size_t size = 0;
    enum sr_result result = r->handed == 0 ? pass_requests(r, err) : SR_OK;

    if (result == SR_OK) {
        result = peek(r, &record, &size, err);
    }
    if (result != SR_OK) {
        return result;
    }
    if (record.token.token.size > 0) {
        return fail_damaged(r, "a request lies behind the changes", err);
    }
    pass(r, size);
    r->handed++;
    *ret_change = (struct sr_change){
        .key = record.key,
        .value = record.value,
        .generation = record.generation,
        .kind = (enum sr_change_kind)record.kind,
    };
    return SR_OK;
}

void state_reader_close(struct state_reader **reader)
{
    struct state_reader *r = *reader;

    if (r == NULL) {
        return;
    }
    r->disk->close(r->disk, &r->file);
    for (unsigned i = 0; i < RING; i++) {
        free(r->ring[i].data);
    }
    free(r);
    *reader = NULL;
}
