/*
 * The journal record codec. Pure.
 */
#include "core/record.h"

#include "base/bytes.h"
#include "base/check.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

static_assert(RECORD_HEADER_SIZE == 1 + 1 + 2 + 4 + 8 + 8, "as drawn in record.h");
static_assert(RECORD_TOKEN_HEADER_SIZE == 1 + 1 + 2 + 4 + RECORD_REQUEST_HASH_SIZE,
              "as drawn in record.h");
static_assert(SR_KEY_SIZE_MAX <= UINT16_MAX, "key_size is 16 bits wide");

/* Bytes of the answer's totals: one for this record and one for each that follows. */
static uint64_t totals_size(uint8_t answer_kind, uint32_t records)
{
    return answer_kind == RECORD_ANSWER_TOTALS ? 8 * ((uint64_t)records + 1) : 0;
}

size_t record_encoded_size(const struct record *record)
{
    size_t size = record_size(record->key.size);

    if (record->token.token.size == 0) {
        return size;
    }
    return size + RECORD_TOKEN_HEADER_SIZE + record->token.token.size +
           record->token.totals.size;
}

static void encode_token(const struct record_token *token, uint8_t *at)
{
    SR_CHECK(token->token.size <= RECORD_TOKEN_SIZE_MAX);
    SR_CHECK(token->answer_kind <= RECORD_ANSWER_UNKNOWN);
    SR_CHECK(token->request_hash.size == RECORD_REQUEST_HASH_SIZE);
    SR_CHECK(token->totals.size == totals_size(token->answer_kind, token->records));
    at[0] = (uint8_t)token->token.size;
    at[1] = token->answer_kind;
    sr_put_u16(at + 2, token->status);
    sr_put_u32(at + 4, token->records);
    memcpy(at + 8, token->request_hash.data, RECORD_REQUEST_HASH_SIZE);
    at += RECORD_TOKEN_HEADER_SIZE;
    memcpy(at, token->token.data, token->token.size);
    if (token->totals.size > 0) {
        memcpy(at + token->token.size, token->totals.data, token->totals.size);
    }
}

void record_encode(const struct record *record, uint8_t *at)
{
    SR_CHECK(record->key.size <= SR_KEY_SIZE_MAX);
    SR_CHECK((record->key.size == 0) == (record->kind == RECORD_SEAL));
    at[0] = (uint8_t)record->kind;
    at[1] = record->token.token.size > 0 ? RECORD_FLAG_TOKEN : 0;
    sr_put_u16(at + 2, (uint16_t)record->key.size);
    sr_put_u32(at + 4, record->generation);
    sr_put_u64(at + 8, record->epoch);
    sr_put_u64(at + 16, (uint64_t)record->value);
    if (record->key.size > 0) {
        memcpy(at + RECORD_HEADER_SIZE, record->key.data, record->key.size);
    }
    if (record->token.token.size > 0) {
        SR_CHECK(record->kind != RECORD_SEAL);
        encode_token(&record->token, at + record_size(record->key.size));
    }
}

/* The fixed part and the key, where all of it is there and in range. */
static bool decode_change(struct sr_span bytes, struct record *ret_record)
{
    struct record record = {.kind = RECORD_SEAL};
    size_t key_size;

    if (bytes.size < RECORD_HEADER_SIZE || bytes.data[0] < RECORD_ADD ||
        bytes.data[0] > RECORD_SEAL || (bytes.data[1] & ~RECORD_FLAG_TOKEN) != 0) {
        return false;
    }
    record.kind = (enum record_kind)bytes.data[0];
    key_size = sr_get_u16(bytes.data + 2);
    if (key_size > SR_KEY_SIZE_MAX || (key_size == 0) != (record.kind == RECORD_SEAL) ||
        bytes.size < record_size(key_size)) {
        return false;
    }
    record.generation = sr_get_u32(bytes.data + 4);
    record.epoch = sr_get_u64(bytes.data + 8);
    record.value = (int64_t)sr_get_u64(bytes.data + 16);
    if (record.kind == RECORD_DELETE && record.value != 0) {
        return false;
    }
    record.key = (struct sr_span){.data = bytes.data + RECORD_HEADER_SIZE, .size = key_size};
    *ret_record = record;
    return true;
}

/* The token part at the start of `bytes`, where all of it is there and in range. */
static bool decode_token(struct sr_span bytes, struct record_token *ret_token)
{
    struct record_token token = {.answer_kind = RECORD_ANSWER_UNKNOWN};
    size_t token_size;
    uint64_t answer_size;

    if (bytes.size < RECORD_TOKEN_HEADER_SIZE || bytes.data[0] == 0 ||
        bytes.data[1] > RECORD_ANSWER_UNKNOWN) {
        return false;
    }
    token_size = bytes.data[0];
    token.answer_kind = bytes.data[1];
    token.status = sr_get_u16(bytes.data + 2);
    token.records = sr_get_u32(bytes.data + 4);
    answer_size = totals_size(token.answer_kind, token.records);
    if (bytes.size - RECORD_TOKEN_HEADER_SIZE < token_size + answer_size) {
        return false;
    }
    token.request_hash =
        (struct sr_span){.data = bytes.data + 8, .size = RECORD_REQUEST_HASH_SIZE};
    token.token =
        (struct sr_span){.data = bytes.data + RECORD_TOKEN_HEADER_SIZE, .size = token_size};
    token.totals = (struct sr_span){.data = token.token.data + token_size, .size = answer_size};
    *ret_token = token;
    return true;
}

enum sr_result record_decode(struct sr_span bytes, struct record *ret_record, size_t *ret_size)
{
    struct record record;
    struct sr_span rest;
    bool has_token;

    if (!decode_change(bytes, &record)) {
        return SR_DAMAGED;
    }
    has_token = (bytes.data[1] & RECORD_FLAG_TOKEN) != 0;
    if (has_token && record.kind == RECORD_SEAL) {
        return SR_DAMAGED;
    }
    rest = (struct sr_span){.data = bytes.data + record_size(record.key.size),
                            .size = bytes.size - record_size(record.key.size)};
    if (has_token && !decode_token(rest, &record.token)) {
        return SR_DAMAGED;
    }
    *ret_size = record_encoded_size(&record);
    *ret_record = record;
    return SR_OK;
}
