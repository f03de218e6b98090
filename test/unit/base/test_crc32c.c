/*
 * CRC32C against RFC 3720 appendix B.4, and the processor's form against the portable one.
 */
#include "base/crc32c.h"

#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void assert_crc(const uint8_t *data, size_t size, uint32_t crc)
{
    assert_int_equal(sr_crc32c(0, data, size), crc);
    assert_int_equal(sr_crc32c_portable(0, data, size), crc);
}

static void checksums_equal_the_vectors_of_rfc_3720(void **state)
{
    /* An iSCSI SCSI Read (10) command PDU. */
    static const uint8_t pdu[48] = {
        0x01, 0xc0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x14, 0x00, 0x00, 0x00, 0x00, 0x00, 0x04, 0x00,
        0x00, 0x00, 0x00, 0x14, 0x00, 0x00, 0x00, 0x18, 0x28, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    };
    uint8_t bytes[32];

    (void)state;
    memset(bytes, 0, sizeof(bytes));
    assert_crc(bytes, sizeof(bytes), 0x8a9136aaU);
    memset(bytes, 0xff, sizeof(bytes));
    assert_crc(bytes, sizeof(bytes), 0x62a8ab43U);
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)i;
    }
    assert_crc(bytes, sizeof(bytes), 0x46dd794eU);
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)(sizeof(bytes) - 1 - i);
    }
    assert_crc(bytes, sizeof(bytes), 0x113fdb5cU);
    assert_crc(pdu, sizeof(pdu), 0xd9963a56U);
}

static void the_check_value_of_the_polynomial_holds(void **state)
{
    (void)state;
    assert_crc((const uint8_t *)"123456789", 9, 0xe3069283U);
    assert_crc(NULL, 0, 0);
}

/* Bytes without a pattern, the same at every run. */
static void fill(uint8_t *data, size_t size)
{
    uint64_t x = 0x9e3779b97f4a7c15U;

    for (size_t i = 0; i < size; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        data[i] = (uint8_t)(x >> 32);
    }
}

static void both_forms_agree_at_every_size_and_alignment(void **state)
{
    uint8_t data[300];

    (void)state;
    fill(data, sizeof(data));
    for (size_t begin = 0; begin < 16; begin++) {
        for (size_t size = 0; size <= 256; size++) {
            assert_int_equal(sr_crc32c(7, data + begin, size),
                             sr_crc32c_portable(7, data + begin, size));
        }
    }
}

static void a_checksum_goes_on_where_it_stopped(void **state)
{
    uint8_t data[97];
    uint32_t whole;

    (void)state;
    fill(data, sizeof(data));
    whole = sr_crc32c(0, data, sizeof(data));
    for (size_t cut = 0; cut <= sizeof(data); cut++) {
        uint32_t crc = sr_crc32c(0, data, cut);

        assert_int_equal(sr_crc32c(crc, data + cut, sizeof(data) - cut), whole);
        crc = sr_crc32c_portable(0, data, cut);
        assert_int_equal(sr_crc32c_portable(crc, data + cut, sizeof(data) - cut), whole);
    }
}

static void every_single_bit_error_is_seen(void **state)
{
    uint8_t data[64];
    uint32_t crc;

    (void)state;
    fill(data, sizeof(data));
    crc = sr_crc32c(0, data, sizeof(data));
    for (size_t bit = 0; bit < sizeof(data) * 8; bit++) {
        data[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        assert_int_not_equal(sr_crc32c(0, data, sizeof(data)), crc);
        data[bit / 8] ^= (uint8_t)(1U << (bit % 8));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checksums_equal_the_vectors_of_rfc_3720),
        cmocka_unit_test(the_check_value_of_the_polynomial_holds),
        cmocka_unit_test(both_forms_agree_at_every_size_and_alignment),
        cmocka_unit_test(a_checksum_goes_on_where_it_stopped),
        cmocka_unit_test(every_single_bit_error_is_seen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
