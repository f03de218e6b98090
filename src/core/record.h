/*
 * The journal record codec: what one change looks like on disk (docs/DISK-FORMAT.md). Pure.
 *
 *   offset size
 *   0      1    kind          enum record_kind
 *   1      1    flags         RECORD_FLAG_TOKEN: a token part follows the key
 *   2      2    key_size      0 for SEAL
 *   4      4    generation    sets of this key in this epoch when counted
 *   8      8    epoch
 *   16     8    value         signed; 0 for DELETE
 *   24     key_size  key
 *   then, with RECORD_FLAG_TOKEN:
 *          1    token_size    1 to 255
 *          1    answer_kind   0: totals of this request's records in order; 1: totals unknown
 *          2    status        HTTP status of the first answer
 *          4    records       records of this request that follow this one in the same frame
 *          32   request_hash  SHA-256 of method, path and body
 *          token_size   token
 *          8 * (1 + records)  totals, signed, where answer_kind is 0
 *
 * Integers are little-endian, there is no padding, and a record has one encoding only.
 */
#ifndef SR_CORE_RECORD_H
#define SR_CORE_RECORD_H

#include "base/result.h"
#include "base/span.h"
#include "core/change.h"

#include <stddef.h>
#include <stdint.h>

/* On disk: never renumber. The first three equal enum sr_change_kind. */
enum record_kind {
    RECORD_ADD = SR_CHANGE_ADD,
    RECORD_SET = SR_CHANGE_SET,
    RECORD_DELETE = SR_CHANGE_DELETE,
    RECORD_SEAL = 4 /* no record of this epoch follows in the journal */
};

#define RECORD_HEADER_SIZE 24
#define RECORD_TOKEN_HEADER_SIZE 40
#define RECORD_TOKEN_SIZE_MAX 255
#define RECORD_REQUEST_HASH_SIZE 32
#define RECORD_FLAG_TOKEN 0x01U

/* What a token's answer holds; on disk: never renumber. */
#define RECORD_ANSWER_TOTALS 0
#define RECORD_ANSWER_UNKNOWN 1

/* The token part; all spans borrowed. */
struct record_token {
    struct sr_span token; /* size 0: no token part, the other fields mean nothing */
    uint8_t answer_kind;
    uint16_t status;
    uint32_t records;
    struct sr_span request_hash; /* 32 bytes */
    struct sr_span totals;       /* 8 bytes each, little-endian; empty where unknown */
};

struct record {
    enum record_kind kind;
    uint32_t generation;
    uint64_t epoch;
    int64_t value;
    struct sr_span key; /* borrowed from the encoded bytes when decoded */
    struct record_token token;
};

/* Bytes a record of a key of key_size bytes takes without a token. */
static inline size_t record_size(size_t key_size)
{
    return RECORD_HEADER_SIZE + key_size;
}

/* Bytes of the record, token included. */
size_t record_encoded_size(const struct record *record);

/* Writes record_encoded_size bytes at `at`. The record's fields must be within their ranges. */
void record_encode(const struct record *record, uint8_t *at);

/*
 * Decodes the record at the start of `bytes`; *ret_size tells how long it is. SR_DAMAGED where
 * the bytes are no record: short, unknown kind or flag, key size out of range or with the wrong
 * kind, a deletion with a value, token part out of range. Every byte is checked before use.
 */
enum sr_result record_decode(struct sr_span bytes, struct record *ret_record,
                             size_t *ret_size) SR_MUST_USE;

#endif
