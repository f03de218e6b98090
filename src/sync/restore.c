/*
 * Two passes over the requests of all state files: how much room they take, then they enter.
 */
#include "sync/restore.h"

#include "base/check.h"
#include "journal/state.h"

#define REQUEST_BYTES_MAX                                                                      \
    (64U << 20) /* of one request: 10,000 of the largest records, and more */

struct restoring {
    struct dedup *dedup; /* NULL in the first pass */
    uint64_t now_ms;
    uint64_t room; /* in entries, chunks counted for halves */
};

static struct dedup_request request_of(const struct record_token *token)
{
    return (struct dedup_request){.token = token->token,
                                  .request_hash = token->request_hash,
                                  .totals_count = token->records + 1};
}

static enum sr_result take(struct restoring *r, const struct record *record, struct sr_err *err)
{
    const struct record_token *token = &record->token;
    struct dedup_request request = request_of(token);
    struct dedup_answer answer = {.status = token->status,
                                  .totals_known = token->answer_kind == RECORD_ANSWER_TOTALS,
                                  .totals = token->totals};
    size_t bytes = token->token.size + 8 * (size_t)request.totals_count;

    if (r->dedup == NULL) {
        r->room += 1 + bytes / DEDUP_CHUNK_SIZE;
        return SR_OK;
    }
    if (dedup_restore(r->dedup, &request, &answer, record->epoch, r->now_ms) != SR_OK) {
        return sr_fail(err, SR_NO_MEMORY, "no room for the journal's requests with a token");
    }
    return SR_OK;
}

static enum sr_result pass_state(struct restoring *r, struct disk *disk, const char *name,
                                 struct sr_err *err)
{
    struct state_reader *reader = NULL;
    enum sr_result result = state_reader_open(disk, name, &reader, err);
    struct sr_buffer records;

    sr_buffer_init(&records, REQUEST_BYTES_MAX);
    while (result == SR_OK && (result = state_reader_request(reader, &records, err)) == SR_OK) {
        struct record record;
        size_t size = 0;

        SR_CHECK(record_decode(sr_buffer_span(&records), &record, &size) == SR_OK);
        result = take(r, &record, err);
    }
    sr_buffer_done(&records);
    state_reader_close(&reader);
    return result == SR_NOT_FOUND ? SR_OK : result;
}

static enum sr_result pass(struct restoring *r, struct journal *journal, struct disk *disk,
                           struct sr_err *err)
{
    struct journal_state state = {.epoch = 0};
    enum sr_result result = SR_OK;

    while (result == SR_OK && journal_state_after(journal, state.epoch, &state)) {
        result = pass_state(r, disk, state.name, err);
    }
    return result;
}

enum sr_result restore_window(const struct dedup_options *options, struct journal *journal,
                              struct disk *disk, uint64_t now_ms, struct dedup **ret_dedup,
                              struct sr_err *err)
{
    struct restoring r = {.now_ms = now_ms};
    struct dedup *dedup = NULL;
    enum sr_result result = pass(&r, journal, disk, err);

    if (result == SR_OK) {
        result = dedup_open(options, r.room, &dedup, err);
    }
    if (result == SR_OK) {
        r.dedup = dedup;
        result = pass(&r, journal, disk, err);
    }
    if (result != SR_OK) {
        dedup_close(&dedup);
        return result;
    }
    *ret_dedup = dedup;
    return SR_OK;
}
