/*
 * The bytes of the journal's files: headers and frames, little-endian, CRC32C over everything
 * behind the checksum.
 */
#include "journal/frame.h"

#include "base/arith.h"
#include "base/bytes.h"
#include "base/check.h"
#include "base/crc32c.h"

#include <assert.h>

#define HEADER_MAGIC 0x314a5253U /* "SRJ1" */
#define FRAME_MAGIC 0x31465253U  /* "SRF1" */
#define HEADER_BYTES 120U
#define HEADER_SEALED 0x01U
#define HEADER_HOLLOW 0x02U
#define FRAME_CLOSE 0x01U

static_assert(HEADER_BYTES <= 512, "a header fits one sector");
static_assert(JOURNAL_FRAME_HEADER % 8 == 0, "payload is aligned");

void journal_header_encode(const struct journal_header *header, uint8_t block[JOURNAL_BLOCK])
{
    SR_CHECK(header->kind >= JOURNAL_FILE_SPARE && header->kind <= JOURNAL_FILE_STATE);
    memset(block, 0, JOURNAL_BLOCK);
    sr_put_u32(block, HEADER_MAGIC);
    sr_put_u32(block + 8, JOURNAL_VERSION);
    sr_put_u16(block + 12, (uint16_t)header->kind);
    sr_put_u16(block + 14, (uint16_t)((header->sealed ? HEADER_SEALED : 0) |
                                      (header->hollow ? HEADER_HOLLOW : 0)));
    sr_put_u64(block + 16, header->revision);
    sr_put_u64(block + 24, header->file_id);
    sr_put_u64(block + 32, header->file_bytes);
    memcpy(block + 40, header->instance.bytes, 16);
    sr_put_u64(block + 56, header->first_sequence);
    sr_put_u64(block + 64, header->newest_epoch);
    sr_put_u64(block + 72, header->covered_epoch);
    sr_put_u64(block + 80, header->needed_file_id);
    sr_put_u64(block + 88, header->epoch);
    sr_put_u64(block + 96, header->predecessor);
    sr_put_u64(block + 104, header->through_sequence);
    sr_put_u64(block + 112, header->change_count);
    sr_put_u32(block + 4, sr_crc32c(0, block + 8, JOURNAL_BLOCK - 8));
}

static bool block_is_zero(const uint8_t *block)
{
    return block[0] == 0 && memcmp(block, block + 1, JOURNAL_BLOCK - 1) == 0;
}

enum journal_block_state journal_header_decode(const uint8_t block[JOURNAL_BLOCK],
                                               struct journal_header *ret_header)
{
    unsigned kind = sr_get_u16(block + 12);

    if (sr_get_u32(block) != HEADER_MAGIC) {
        return block_is_zero(block) ? JOURNAL_BLOCK_ZERO : JOURNAL_BLOCK_BAD;
    }
    if (sr_get_u32(block + 4) != sr_crc32c(0, block + 8, JOURNAL_BLOCK - 8) ||
        sr_get_u32(block + 8) != JOURNAL_VERSION || kind < JOURNAL_FILE_SPARE ||
        kind > JOURNAL_FILE_STATE) {
        return JOURNAL_BLOCK_BAD;
    }
    *ret_header = (struct journal_header){
        .kind = (enum journal_file_kind)kind,
        .sealed = (sr_get_u16(block + 14) & HEADER_SEALED) != 0,
        .hollow = (sr_get_u16(block + 14) & HEADER_HOLLOW) != 0,
        .revision = sr_get_u64(block + 16),
        .file_id = sr_get_u64(block + 24),
        .file_bytes = sr_get_u64(block + 32),
        .first_sequence = sr_get_u64(block + 56),
        .newest_epoch = sr_get_u64(block + 64),
        .covered_epoch = sr_get_u64(block + 72),
        .needed_file_id = sr_get_u64(block + 80),
        .epoch = sr_get_u64(block + 88),
        .predecessor = sr_get_u64(block + 96),
        .through_sequence = sr_get_u64(block + 104),
        .change_count = sr_get_u64(block + 112),
    };
    memcpy(ret_header->instance.bytes, block + 40, 16);
    return JOURNAL_BLOCK_VALID;
}

uint64_t journal_frame_bytes(size_t payload_size)
{
    return sr_round_up(JOURNAL_FRAME_HEADER + payload_size, JOURNAL_BLOCK);
}

void journal_frame_finish(const struct journal_frame *frame, uint8_t *base)
{
    journal_frame_finish_over(frame, base, SIZE_MAX);
}

void journal_frame_finish_over(const struct journal_frame *frame, uint8_t *base, size_t dirty)
{
    size_t used = JOURNAL_FRAME_HEADER + frame->payload.size;
    uint64_t bytes = journal_frame_bytes(frame->payload.size);

    SR_CHECK(frame->payload.size <= JOURNAL_FRAME_PAYLOAD_MAX);
    memset(base, 0, JOURNAL_FRAME_HEADER);
    sr_put_u32(base, FRAME_MAGIC);
    sr_put_u64(base + 8, frame->file_id);
    sr_put_u64(base + 16, frame->sequence);
    sr_put_u64(base + 24, frame->durable_sequence);
    sr_put_u32(base + 32, (uint32_t)frame->payload.size);
    sr_put_u32(base + 36, frame->record_count);
    sr_put_u16(base + 40, frame->close ? FRAME_CLOSE : 0);
    sr_put_u32(base + 4, sr_crc32c(0, base + 8, used - 8));
    if (dirty > used) {
        memset(base + used, 0, (dirty < bytes ? dirty : bytes) - used);
    }
}

enum sr_result journal_frame_decode(struct sr_span bytes, struct journal_frame *ret_frame,
                                    uint64_t *ret_bytes)
{
    const uint8_t *base = bytes.data;
    uint32_t payload;

    if (bytes.size < JOURNAL_FRAME_HEADER || sr_get_u32(base) != FRAME_MAGIC) {
        return SR_DAMAGED;
    }
    payload = sr_get_u32(base + 32);
    if (payload > JOURNAL_FRAME_PAYLOAD_MAX) {
        return SR_DAMAGED;
    }
    *ret_bytes = journal_frame_bytes(payload);
    if (bytes.size < JOURNAL_FRAME_HEADER + (size_t)payload) {
        return SR_AGAIN;
    }
    if (sr_get_u32(base + 4) != sr_crc32c(0, base + 8, JOURNAL_FRAME_HEADER + payload - 8)) {
        return SR_DAMAGED;
    }
    *ret_frame = (struct journal_frame){
        .file_id = sr_get_u64(base + 8),
        .sequence = sr_get_u64(base + 16),
        .durable_sequence = sr_get_u64(base + 24),
        .record_count = sr_get_u32(base + 36),
        .close = (sr_get_u16(base + 40) & FRAME_CLOSE) != 0,
        .payload = {.data = base + JOURNAL_FRAME_HEADER, .size = payload},
    };
    return SR_OK;
}

void journal_frames_readdress(uint8_t *frames, size_t size, uint64_t file_id,
                              uint64_t durable_sequence)
{
    struct sr_span rest = {.data = frames, .size = size};

    while (rest.size > 0) {
        struct journal_frame frame;
        uint64_t bytes = 0;

        SR_CHECK(journal_frame_decode(rest, &frame, &bytes) == SR_OK && bytes <= rest.size);
        frame.file_id = file_id;
        frame.durable_sequence = durable_sequence;
        journal_frame_finish(&frame, frames + (size - rest.size));
        rest.data += bytes;
        rest.size -= bytes;
    }
}
