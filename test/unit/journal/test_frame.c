/*
 * Headers and frames: what was encoded is decoded, every flipped bit of what is covered is
 * seen.
 */
#include "journal/frame.h"
#include "support/unit.h"

#include <stdlib.h>

static const struct journal_header sample = {.kind = JOURNAL_FILE_STATE,
                                             .revision = 3,
                                             .file_id = 4,
                                             .file_bytes = 65536,
                                             .instance = {{1, 2, 3}},
                                             .first_sequence = 5,
                                             .newest_epoch = 6,
                                             .covered_epoch = 7,
                                             .needed_file_id = 8,
                                             .epoch = 9,
                                             .predecessor = 10,
                                             .through_sequence = 11,
                                             .change_count = 12,
                                             .sealed = true};

static void a_header_comes_back_as_it_was(void **state)
{
    uint8_t block[JOURNAL_BLOCK];
    struct journal_header back;

    (void)state;
    journal_header_encode(&sample, block);
    assert_int_equal(journal_header_decode(block, &back), JOURNAL_BLOCK_VALID);
    assert_int_equal(back.kind, sample.kind);
    assert_int_equal(back.revision, 3);
    assert_int_equal(back.file_id, 4);
    assert_int_equal(back.file_bytes, 65536);
    assert_memory_equal(back.instance.bytes, sample.instance.bytes, 16);
    assert_int_equal(back.first_sequence, 5);
    assert_int_equal(back.newest_epoch, 6);
    assert_int_equal(back.covered_epoch, 7);
    assert_int_equal(back.needed_file_id, 8);
    assert_int_equal(back.epoch, 9);
    assert_int_equal(back.predecessor, 10);
    assert_int_equal(back.through_sequence, 11);
    assert_int_equal(back.change_count, 12);
    assert_true(back.sealed);
}

static void every_flipped_bit_of_a_header_block_is_seen(void **state)
{
    uint8_t block[JOURNAL_BLOCK];
    struct journal_header back;

    (void)state;
    journal_header_encode(&sample, block);
    for (size_t bit = 0; bit < (size_t)JOURNAL_BLOCK * 8; bit++) {
        block[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        assert_int_equal(journal_header_decode(block, &back), JOURNAL_BLOCK_BAD);
        block[bit / 8] ^= (uint8_t)(1U << (bit % 8));
    }
}

static void a_block_of_zeros_is_told_from_a_bad_one(void **state)
{
    uint8_t block[JOURNAL_BLOCK] = {0};
    struct journal_header back;

    (void)state;
    assert_int_equal(journal_header_decode(block, &back), JOURNAL_BLOCK_ZERO);
    block[JOURNAL_BLOCK - 1] = 1;
    assert_int_equal(journal_header_decode(block, &back), JOURNAL_BLOCK_BAD);
}

static struct journal_frame make_frame(uint8_t *base, size_t payload_size)
{
    struct journal_frame frame = {.file_id = 7,
                                  .sequence = 8,
                                  .durable_sequence = 6,
                                  .record_count = 9,
                                  .payload = {base + JOURNAL_FRAME_HEADER, payload_size}};

    for (size_t i = 0; i < payload_size; i++) {
        base[JOURNAL_FRAME_HEADER + i] = (uint8_t)(i * 7 + 1);
    }
    journal_frame_finish(&frame, base);
    return frame;
}

static void a_frame_takes_whole_blocks_and_pads_with_zeros(void **state)
{
    uint8_t base[2 * JOURNAL_BLOCK];
    struct journal_frame back;
    uint64_t bytes = 0;

    (void)state;
    memset(base, 0xff, sizeof(base));
    (void)make_frame(base, JOURNAL_BLOCK);
    assert_int_equal(base[sizeof(base) - 1], 0);
    assert_int_equal(journal_frame_decode((struct sr_span){base, sizeof(base)}, &back, &bytes),
                     SR_OK);
    assert_int_equal(bytes, sizeof(base));
    assert_int_equal(back.file_id, 7);
    assert_int_equal(back.sequence, 8);
    assert_int_equal(back.durable_sequence, 6);
    assert_int_equal(back.record_count, 9);
    assert_int_equal(back.payload.size, JOURNAL_BLOCK);
    assert_false(back.close);
}

static void every_flipped_bit_of_header_and_payload_is_seen(void **state)
{
    uint8_t base[JOURNAL_BLOCK];
    const size_t payload = 300;
    struct journal_frame back;
    uint64_t bytes;

    (void)state;
    (void)make_frame(base, payload);
    for (size_t bit = 0; bit < (JOURNAL_FRAME_HEADER + payload) * 8; bit++) {
        base[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        assert_int_not_equal(journal_frame_decode((struct sr_span){base, sizeof(base)}, &back,
                                                  &bytes),
                             SR_OK);
        base[bit / 8] ^= (uint8_t)(1U << (bit % 8));
    }
}

static void a_frame_cut_short_asks_for_the_rest(void **state)
{
    uint8_t base[2 * JOURNAL_BLOCK];
    struct journal_frame back;
    uint64_t bytes = 0;

    (void)state;
    (void)make_frame(base, JOURNAL_BLOCK);
    assert_int_equal(journal_frame_decode((struct sr_span){base, JOURNAL_BLOCK}, &back, &bytes),
                     SR_AGAIN);
    assert_int_equal(bytes, sizeof(base));
    assert_int_equal(journal_frame_decode((struct sr_span){base, 63}, &back, &bytes),
                     SR_DAMAGED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_header_comes_back_as_it_was),
        cmocka_unit_test(every_flipped_bit_of_a_header_block_is_seen),
        cmocka_unit_test(a_block_of_zeros_is_told_from_a_bad_one),
        cmocka_unit_test(a_frame_takes_whole_blocks_and_pads_with_zeros),
        cmocka_unit_test(every_flipped_bit_of_header_and_payload_is_seen),
        cmocka_unit_test(a_frame_cut_short_asks_for_the_rest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
