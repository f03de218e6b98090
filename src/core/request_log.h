/*
 * The requests with an Idempotency-Key that were counted in one epoch: encoded records, the
 * first of each request with its token part. Filled by workers while their turn of the epoch is
 * open, read by the flusher when it is sealed. Memory is bounded. Pure.
 */
#ifndef SR_CORE_REQUEST_LOG_H
#define SR_CORE_REQUEST_LOG_H

#include "base/result.h"
#include "base/span.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where a request lies. */
struct request_log_item {
    size_t at;      /* of its first record */
    uint32_t size;  /* of all its records */
    uint32_t token; /* offset of the token in them */
    uint8_t token_size;
};

struct request_log {
    pthread_mutex_t lock;           /* a leaf */
    uint8_t *bytes;                 /* address space of bytes_max, owned */
    struct request_log_item *items; /* address space of items_max, owned */
    size_t bytes_max, bytes_size, reserved;
    size_t items_max, count;
};

/* SR_NO_MEMORY. A log that failed to be made may be given to request_log_done. */
enum sr_result request_log_init(struct request_log *log, size_t bytes_max) SR_MUST_USE;
void request_log_done(struct request_log *log);

/* Room for a request's records, taken before anything is counted; false: full. Given back by
 * append or unreserve, with the same size. */
bool request_log_reserve(struct request_log *log, size_t size) SR_MUST_USE;
void request_log_unreserve(struct request_log *log, size_t size);

/* Copies a request: whole records, the first with a token part. At most as many bytes as were
 * reserved for it, `reserved`. */
void request_log_append(struct request_log *log, struct sr_span records, size_t reserved);

/* Without room reserved before: SR_FULL, SR_DAMAGED where the first record has no token. */
enum sr_result request_log_add(struct request_log *log, struct sr_span records) SR_MUST_USE;

/* From here on: nobody appends. Sorts by token (sr_span_compare); of requests with the same
 * token, which no engine makes, the first stays. */
void request_log_sort(struct request_log *log);

struct sr_span request_log_records(const struct request_log *log, size_t i);

/* Forgets all and gives the memory back. */
void request_log_clear(struct request_log *log);

#endif
