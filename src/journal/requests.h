/*
 * Requests with a token between raw records, state files and memory. Serves start, compaction
 * and the flusher.
 */
#ifndef SR_JOURNAL_REQUESTS_H
#define SR_JOURNAL_REQUESTS_H

#include "base/buffer.h"
#include "core/record.h"
#include "core/request_log.h"
#include "journal/state.h"

/* The most that an epoch's requests can take: more than any window lets in. */
#define REQUESTS_BYTES_MAX ((size_t)4 << 30)

/* The requests among records that come one by one, as they lie in frames. */
struct requests {
    struct request_log log;   /* made when the first one comes */
    struct sr_buffer records; /* of the request under way */
    uint32_t left;            /* its records that have not come */
    uint64_t frame;           /* sequence of the frame that holds it */
};

void requests_init(struct requests *r);
void requests_done(struct requests *r);

/* Takes every record of the epoch in order. SR_DAMAGED: a request is not whole in its frame. */
enum sr_result requests_take(struct requests *r, const struct record *record,
                             uint64_t frame_sequence, struct sr_err *err) SR_MUST_USE;

/* Takes those of a state file, which is then to be rewound or read on. */
enum sr_result requests_take_state(struct requests *r, struct state_reader *reader,
                                   struct sr_err *err) SR_MUST_USE;

/* No record follows: sorts. */
enum sr_result requests_finish(struct requests *r, struct sr_err *err) SR_MUST_USE;

/* Writes a sorted log ahead of the changes. */
enum sr_result requests_write(const struct request_log *log, struct state_writer *writer,
                              struct sr_err *err) SR_MUST_USE;

#endif
