/*
 * Requests with a token: gathered from records, written into state files.
 */
#include "journal/requests.h"

#include <inttypes.h>

void requests_init(struct requests *r)
{
    *r = (struct requests){.left = 0};
    sr_buffer_init(&r->records, REQUESTS_BYTES_MAX);
}

void requests_done(struct requests *r)
{
    request_log_done(&r->log);
    sr_buffer_done(&r->records);
}

static enum sr_result fail_cut(const struct requests *r, struct sr_err *err)
{
    return sr_fail(err, SR_DAMAGED,
                   "the journal's frame %" PRIu64
                   " (offset unknown) holds a part of a request only: restore the data "
                   "directory from a backup",
                   r->frame);
}

static enum sr_result append_record(struct requests *r, const struct record *record,
                                    struct sr_err *err)
{
    size_t size = record_encoded_size(record);

    if (sr_buffer_reserve(&r->records, size) != SR_OK) {
        return sr_fail(err, SR_NO_MEMORY, "out of memory gathering requests with a token");
    }
    record_encode(record, r->records.data + r->records.size);
    r->records.size += size;
    return SR_OK;
}

static enum sr_result keep(struct requests *r, struct sr_err *err)
{
    enum sr_result result =
        r->log.bytes_max == 0 ? request_log_init(&r->log, REQUESTS_BYTES_MAX) : SR_OK;

    if (result == SR_OK) {
        result = request_log_add(&r->log, sr_buffer_span(&r->records));
    }
    r->records.size = 0;
    return result == SR_OK
               ? SR_OK
               : sr_fail(err, result, "no room for the journal's requests with a token");
}

enum sr_result requests_take(struct requests *r, const struct record *record,
                             uint64_t frame_sequence, struct sr_err *err)
{
    bool begins = record->token.token.size > 0;
    enum sr_result result;

    if (r->left > 0 && (begins || frame_sequence != r->frame || record->kind == RECORD_SEAL)) {
        return fail_cut(r, err);
    }
    if (!begins && r->left == 0) {
        return SR_OK;
    }
    r->left = begins ? record->token.records : r->left - 1;
    r->frame = frame_sequence;
    result = append_record(r, record, err);
    return result != SR_OK || r->left > 0 ? result : keep(r, err);
}

enum sr_result requests_take_state(struct requests *r, struct state_reader *reader,
                                   struct sr_err *err)
{
    enum sr_result result;

    while ((result = state_reader_request(reader, &r->records, err)) == SR_OK) {
        result = keep(r, err);
        if (result != SR_OK) {
            return result;
        }
    }
    r->records.size = 0;
    return result == SR_NOT_FOUND ? SR_OK : result;
}

enum sr_result requests_finish(struct requests *r, struct sr_err *err)
{
    if (r->left > 0) {
        return fail_cut(r, err);
    }
    if (r->log.count > 0) {
        request_log_sort(&r->log);
    }
    return SR_OK;
}

enum sr_result requests_write(const struct request_log *log, struct state_writer *writer,
                              struct sr_err *err)
{
    enum sr_result result = SR_OK;

    for (size_t i = 0; i < log->count && result == SR_OK; i++) {
        result = state_writer_request(writer, request_log_records(log, i), err);
    }
    return result;
}
