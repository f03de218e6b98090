/*
 * SipHash-1-3 against vectors of an independent implementation, which was itself held against
 * the published vector of SipHash-2-4 and against CPython's hash (siphash13 since 3.11).
 */
#include "base/siphash.h"

#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* The key 00 01 02 ... 0f, as in the paper. */
static const struct sr_siphash_key paper_key = {0x0706050403020100U, 0x0f0e0d0c0b0a0908U};

/* By length of the input 00 01 02 ... */
static const struct {
    size_t size;
    uint64_t hash;
} vectors[] = {
    {0, 0xabac0158050fc4dcU},  {1, 0xc9f49bf37d57ca93U},  {2, 0x82cb9b024dc7d44dU},
    {3, 0x8bf80ab8e7ddf7fbU},  {4, 0xcf75576088d38328U},  {5, 0xdef9d52f49533b67U},
    {6, 0xc50d2b50c59f22a7U},  {7, 0xd3927d989bb11140U},  {8, 0x369095118d299a8eU},
    {9, 0x25a48eb36c063de4U},  {10, 0x79de85ee92ff097fU}, {11, 0x70c118c1f94dc352U},
    {12, 0x78a384b157b4d9a2U}, {13, 0x306f760c1229ffa7U}, {14, 0x605aa111c0f95d34U},
    {15, 0xd320d86d2a519956U}, {16, 0xcc4fdd1a7d908b66U}, {31, 0x2370dd1f8c21d1bcU},
    {63, 0x9d199062b7bbb3a8U},
};

static void hashes_equal_the_vectors_at_every_length(void **state)
{
    uint8_t input[64];

    (void)state;
    for (size_t i = 0; i < sizeof(input); i++) {
        input[i] = (uint8_t)i;
    }
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        struct sr_span bytes = {.data = input, .size = vectors[i].size};

        assert_true(sr_siphash13(&paper_key, bytes) == vectors[i].hash);
    }
}

static void text_under_the_zero_key_hashes_as_in_cpython(void **state)
{
    static const struct sr_siphash_key zero = {0, 0};

    (void)state;
    assert_true(sr_siphash13(&zero, sr_span_text("a")) == 0x407448d2b89b1813U);
    assert_true(sr_siphash13(&zero, sr_span_text("abcdefghij")) == 0xf47c264806c40ff1U);
    assert_true(sr_siphash13(&zero, sr_span_text("hello world, this is")) ==
                0x06c40284f89d59c6U);
}

static void no_byte_beyond_the_end_is_read(void **state)
{
    uint8_t filler[32];

    (void)state;
    for (size_t size = 0; size <= 24; size++) {
        /* An allocation of just that size lets the sanitizers see a read behind it. */
        uint8_t *exact = malloc(size == 0 ? 1 : size);
        struct sr_span bytes = {.data = exact, .size = size};
        uint64_t hash;

        assert_non_null(exact);
        memset(exact, 0x5a, size);
        hash = sr_siphash13(&paper_key, bytes);
        memset(filler, 0xff, sizeof(filler));
        memset(filler, 0x5a, size);
        bytes.data = filler;
        assert_true(sr_siphash13(&paper_key, bytes) == hash);
        free(exact);
    }
}

static void another_key_gives_another_hash(void **state)
{
    struct sr_siphash_key other = paper_key;

    (void)state;
    other.k1 ^= 1;
    assert_true(sr_siphash13(&paper_key, sr_span_text("test1")) !=
                sr_siphash13(&other, sr_span_text("test1")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_equal_the_vectors_at_every_length),
        cmocka_unit_test(text_under_the_zero_key_hashes_as_in_cpython),
        cmocka_unit_test(no_byte_beyond_the_end_is_read),
        cmocka_unit_test(another_key_gives_another_hash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
