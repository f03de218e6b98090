/*
 * The journal record codec: the drawn bytes, round trips, and every way to be no record.
 */
#include "core/record.h"

#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct sr_span span(const uint8_t *data, size_t size)
{
    return (struct sr_span){.data = data, .size = size};
}

static const uint8_t hash[32] = {1, 2, 3, [31] = 32};
static const uint8_t totals[24] = {9, [8] = 8, [23] = 0x80};

static struct record plain_record(void)
{
    return (struct record){.kind = RECORD_ADD,
                           .generation = 0x01020304,
                           .epoch = 0x1112131415161718U,
                           .value = -2,
                           .key = sr_span_text("test1")};
}

static struct record token_record(void)
{
    struct record record = plain_record();

    record.token = (struct record_token){.token = sr_span_text("tok"),
                                         .answer_kind = RECORD_ANSWER_TOTALS,
                                         .status = 200,
                                         .records = 2,
                                         .request_hash = span(hash, sizeof(hash)),
                                         .totals = span(totals, sizeof(totals))};
    return record;
}

/* Decodes from memory of just that size, so that the sanitizers see a read behind it. */
static enum sr_result decode_exact(const uint8_t *data, size_t size, struct record *ret_record,
                                   size_t *ret_size)
{
    uint8_t *exact = malloc(size == 0 ? 1 : size);
    enum sr_result result;

    assert_non_null(exact);
    memcpy(exact, data, size);
    result = record_decode(span(exact, size), ret_record, ret_size);
    free(exact); /* the tests that look into spans decode from memory of their own */
    return result;
}

static void assert_damaged(const uint8_t *data, size_t size)
{
    struct record record = {.epoch = 77};
    size_t decoded = 99;

    assert_int_equal(decode_exact(data, size, &record, &decoded), SR_DAMAGED);
    assert_int_equal(record.epoch, 77);
    assert_int_equal(decoded, 99);
}

static void a_plain_add_is_24_bytes_and_its_key(void **state)
{
    static const uint8_t expected[29] = {1,    0,    5,    0,    0x04, 0x03, 0x02, 0x01,
                                         0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11,
                                         0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                         't',  'e',  's',  't',  '1'};
    struct record record = plain_record();
    uint8_t bytes[29];

    (void)state;
    assert_int_equal(record_size(5), 29);
    assert_int_equal(record_encoded_size(&record), sizeof(bytes));
    record_encode(&record, bytes);
    assert_memory_equal(bytes, expected, sizeof(bytes));
}

static void a_token_part_follows_the_key(void **state)
{
    static const uint8_t expected[8] = {3, 0, 200, 0, 2, 0, 0, 0};
    struct record record = token_record();
    uint8_t bytes[29 + 40 + 3 + 24];

    (void)state;
    assert_int_equal(record_encoded_size(&record), sizeof(bytes));
    record_encode(&record, bytes);
    assert_int_equal(bytes[1], RECORD_FLAG_TOKEN);
    assert_memory_equal(bytes + 29, expected, 8);
    assert_memory_equal(bytes + 29 + 8, hash, 32);
    assert_memory_equal(bytes + 29 + 40, "tok", 3);
    assert_memory_equal(bytes + 29 + 43, totals, 24);
}

static void assert_same(const struct record *a, const struct record *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->generation, b->generation);
    assert_true(a->epoch == b->epoch);
    assert_true(a->value == b->value);
    assert_true(sr_span_equal(a->key, b->key));
    assert_true(sr_span_equal(a->token.token, b->token.token));
    if (a->token.token.size > 0) {
        assert_int_equal(a->token.answer_kind, b->token.answer_kind);
        assert_int_equal(a->token.status, b->token.status);
        assert_int_equal(a->token.records, b->token.records);
        assert_true(sr_span_equal(a->token.request_hash, b->token.request_hash));
        assert_true(sr_span_equal(a->token.totals, b->token.totals));
    }
}

static void assert_round_trip(const struct record *record)
{
    uint8_t bytes[2048];
    uint8_t again[2048];
    size_t size = record_encoded_size(record);
    struct record decoded;
    size_t decoded_size;

    assert_true(size <= sizeof(bytes));
    memset(bytes, 0xee, sizeof(bytes));
    record_encode(record, bytes);
    assert_int_equal(record_decode(span(bytes, sizeof(bytes)), &decoded, &decoded_size), SR_OK);
    assert_int_equal(decoded_size, size);
    assert_same(&decoded, record);
    record_encode(&decoded, again);
    assert_memory_equal(again, bytes, size);
}

static void records_come_back_as_they_were(void **state)
{
    struct record record = plain_record();
    char key[SR_KEY_SIZE_MAX + 1];
    char token[RECORD_TOKEN_SIZE_MAX + 1];

    (void)state;
    assert_round_trip(&record);
    record.value = INT64_MIN;
    record.kind = RECORD_SET;
    assert_round_trip(&record);
    record.value = 0;
    record.kind = RECORD_DELETE;
    assert_round_trip(&record);
    record.kind = RECORD_SEAL;
    record.key = span(NULL, 0);
    assert_round_trip(&record);
    memset(key, 'k', sizeof(key));
    memset(token, 't', sizeof(token));
    record = token_record();
    assert_round_trip(&record);
    record.key = span((const uint8_t *)key, SR_KEY_SIZE_MAX);
    record.token.token = span((const uint8_t *)token, RECORD_TOKEN_SIZE_MAX);
    record.token.answer_kind = RECORD_ANSWER_UNKNOWN;
    record.token.totals = span(NULL, 0);
    record.token.records = UINT32_MAX;
    assert_round_trip(&record);
}

static void every_shorter_piece_of_a_record_is_damaged(void **state)
{
    struct record record = token_record();
    uint8_t bytes[128];
    size_t size = record_encoded_size(&record);
    struct record decoded;
    size_t decoded_size;

    (void)state;
    record_encode(&record, bytes);
    for (size_t cut = 0; cut < size; cut++) {
        assert_damaged(bytes, cut);
    }
    assert_int_equal(decode_exact(bytes, size, &decoded, &decoded_size), SR_OK);
}

/* Encodes a record, changes one byte of it, and says what the decoder has to say. */
static void assert_damaged_by(struct record record, size_t at, uint8_t byte)
{
    uint8_t bytes[1024] = {0};

    record_encode(&record, bytes);
    bytes[at] = byte;
    assert_damaged(bytes, sizeof(bytes));
}

static void unknown_kinds_and_flags_are_damaged(void **state)
{
    (void)state;
    assert_damaged_by(plain_record(), 0, 0);
    for (unsigned kind = RECORD_SEAL + 1; kind <= UINT8_MAX; kind++) {
        assert_damaged_by(plain_record(), 0, (uint8_t)kind);
    }
    for (unsigned flags = 2; flags <= UINT8_MAX; flags++) {
        assert_damaged_by(token_record(), 1, (uint8_t)flags);
    }
}

static void key_sizes_out_of_range_are_damaged(void **state)
{
    struct record seal = {.kind = RECORD_SEAL, .epoch = 1};

    (void)state;
    assert_damaged_by(plain_record(), 2, 0); /* no key */
    assert_damaged_by(plain_record(), 3, 3); /* 5 + 768 */
    assert_damaged_by(seal, 2, 1);           /* a seal with a key */
    assert_damaged_by(plain_record(), 0, RECORD_SEAL);
    assert_damaged_by(seal, 0, RECORD_ADD);
}

static void a_deletion_with_a_value_is_damaged(void **state)
{
    struct record record = plain_record();

    (void)state;
    record.kind = RECORD_DELETE;
    record.value = 0;
    assert_damaged_by(record, 16, 1);
    assert_damaged_by(record, 23, 0x80);
}

static void token_parts_out_of_range_are_damaged(void **state)
{
    (void)state;
    assert_damaged_by(token_record(), 29, 0);     /* token of no bytes */
    assert_damaged_by(token_record(), 30, 2);     /* unknown answer kind */
    assert_damaged_by(token_record(), 33 + 3, 1); /* totals of 16 million records */
    assert_damaged_by(token_record(), 33 + 3, 0xff);
}

static void a_seal_has_no_token(void **state)
{
    struct record record = token_record();
    uint8_t bytes[1024] = {0};
    size_t size = record_encoded_size(&record);

    (void)state;
    /* Cut the key out of a record with a token. */
    record_encode(&record, bytes);
    memmove(bytes + 24, bytes + 29, size - 29);
    bytes[0] = RECORD_SEAL;
    bytes[2] = 0;
    assert_damaged(bytes, size - 5);
    bytes[1] = 0;
    assert_int_equal(record_decode(span(bytes, size - 5), &record, &size), SR_OK);
}

static void no_random_bytes_are_read_beyond_their_end(void **state)
{
    uint64_t x = 99;

    (void)state;
    for (int round = 0; round < 20000; round++) {
        uint8_t bytes[120];
        struct record record;
        size_t size = 0;
        size_t given;

        for (size_t i = 0; i < sizeof(bytes); i++) {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            bytes[i] = (uint8_t)x;
        }
        bytes[0] = (uint8_t)(1 + bytes[0] % 4);
        bytes[1] &= 1;
        bytes[2] %= 40;
        bytes[3] = 0;
        given = bytes[119] % sizeof(bytes);
        if (decode_exact(bytes, given, &record, &size) == SR_OK) {
            assert_true(size <= given);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_add_is_24_bytes_and_its_key),
        cmocka_unit_test(a_token_part_follows_the_key),
        cmocka_unit_test(records_come_back_as_they_were),
        cmocka_unit_test(every_shorter_piece_of_a_record_is_damaged),
        cmocka_unit_test(unknown_kinds_and_flags_are_damaged),
        cmocka_unit_test(key_sizes_out_of_range_are_damaged),
        cmocka_unit_test(a_deletion_with_a_value_is_damaged),
        cmocka_unit_test(token_parts_out_of_range_are_damaged),
        cmocka_unit_test(a_seal_has_no_token),
        cmocka_unit_test(no_random_bytes_are_read_beyond_their_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
