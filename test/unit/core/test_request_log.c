/*
 * The log of an epoch's requests with a token: order, bounds, what is no request.
 */
#include "core/request_log.h"

#include "core/record.h"
#include "support/unit.h"

#include <string.h>

/* Encodes a request of one record. */
static struct sr_span encode(const char *token, uint8_t *bytes)
{
    static const uint8_t hash[RECORD_REQUEST_HASH_SIZE] = {1};
    static const uint8_t total[8] = {5};
    struct record record = {.kind = RECORD_ADD,
                            .epoch = 3,
                            .value = 4,
                            .key = sr_span_text("key"),
                            .token = {.token = sr_span_text(token),
                                      .status = 200,
                                      .request_hash = {.data = hash, .size = sizeof(hash)},
                                      .totals = {.data = total, .size = sizeof(total)}}};

    record_encode(&record, bytes);
    return (struct sr_span){.data = bytes, .size = record_encoded_size(&record)};
}

static struct sr_span token_at(const struct request_log *log, size_t i)
{
    struct record record;
    size_t size = 0;

    assert_int_equal(record_decode(request_log_records(log, i), &record, &size), SR_OK);
    return record.token.token;
}

static void requests_come_back_once_in_the_order_of_their_tokens(void **state)
{
    static const char *const tokens[] = {"b", "aa", "c", "a", "b"};
    static const char *const sorted[] = {"a", "aa", "b", "c"};
    struct request_log log;
    uint8_t bytes[200];

    (void)state;
    assert_int_equal(request_log_init(&log, 4096), SR_OK);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(request_log_add(&log, encode(tokens[i], bytes)), SR_OK);
    }
    request_log_sort(&log);
    assert_int_equal(log.count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_true(sr_span_equal(token_at(&log, i), sr_span_text(sorted[i])));
    }
    request_log_clear(&log);
    assert_int_equal(log.count, 0);
    assert_int_equal(request_log_add(&log, encode("z", bytes)), SR_OK);
    assert_true(sr_span_equal(token_at(&log, 0), sr_span_text("z")));
    request_log_done(&log);
}

static void reserved_room_is_kept_for_who_reserved_it(void **state)
{
    struct request_log log;
    uint8_t bytes[200];
    struct sr_span request = encode("a", bytes);

    (void)state;
    assert_int_equal(request_log_init(&log, 2 * request.size), SR_OK);
    assert_true(request_log_reserve(&log, 2 * request.size));
    assert_false(request_log_reserve(&log, 1));
    assert_int_equal(request_log_add(&log, request), SR_FULL);
    request_log_append(&log, request, 2 * request.size);
    assert_int_equal(request_log_add(&log, encode("b", bytes)), SR_OK);
    assert_false(request_log_reserve(&log, 1));
    request_log_clear(&log);
    assert_true(request_log_reserve(&log, 2 * request.size));
    request_log_unreserve(&log, 2 * request.size);
    request_log_done(&log);
}

static void records_without_a_token_are_no_request(void **state)
{
    struct record record = {.kind = RECORD_ADD, .epoch = 3, .key = sr_span_text("key")};
    struct request_log log;
    uint8_t bytes[64];

    (void)state;
    assert_int_equal(request_log_init(&log, 4096), SR_OK);
    record_encode(&record, bytes);
    assert_int_equal(request_log_add(&log,
                                     (struct sr_span){.data = bytes, .size = record_size(3)}),
                     SR_DAMAGED);
    assert_int_equal(request_log_add(&log, (struct sr_span){.data = bytes, .size = 5}),
                     SR_DAMAGED);
    assert_int_equal(log.count, 0);
    request_log_done(&log);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_come_back_once_in_the_order_of_their_tokens),
        cmocka_unit_test(reserved_room_is_kept_for_who_reserved_it),
        cmocka_unit_test(records_without_a_token_are_no_request),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
