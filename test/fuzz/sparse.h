/*
 * Journal files from fuzz inputs. A file is mostly zeros and is guarded by checksums: neither
 * is for the fuzzer to find. Each piece of the input begins one block of the file, and where a
 * block then looks like a header or a frame, its checksum is made right.
 */
#ifndef SR_FUZZ_SPARSE_H
#define SR_FUZZ_SPARSE_H

#include "base/bytes.h"
#include "base/crc32c.h"
#include "journal/frame.h"

#include <string.h>

#define SPARSE_BLOCKS 16U
#define SPARSE_BYTES (SPARSE_BLOCKS * JOURNAL_BLOCK)
#define SPARSE_PIECE 256U /* bytes of input a block: a header, or a frame of some records */

static inline void sparse_mend_frame(uint8_t *block, size_t rest)
{
    uint32_t payload = sr_get_u32(block + 32);

    if (payload <= rest - JOURNAL_FRAME_HEADER) {
        sr_put_u32(block + 4, sr_crc32c(0, block + 8, JOURNAL_FRAME_HEADER + payload - 8));
    }
}

/* Expands an input of any size to the bytes of a file. */
static inline void sparse_expand(const uint8_t *data, size_t size, uint8_t file[SPARSE_BYTES])
{
    memset(file, 0, SPARSE_BYTES);
    for (size_t i = 0; i < SPARSE_BLOCKS && i * SPARSE_PIECE < size; i++) {
        size_t left = size - i * SPARSE_PIECE;

        memcpy(file + i * JOURNAL_BLOCK, data + i * SPARSE_PIECE,
               left < SPARSE_PIECE ? left : SPARSE_PIECE);
    }
    for (size_t i = 0; i < SPARSE_BLOCKS; i++) {
        uint8_t *block = file + i * JOURNAL_BLOCK;

        if (memcmp(block, "SRJ1", 4) == 0) {
            sr_put_u32(block + 4, sr_crc32c(0, block + 8, JOURNAL_BLOCK - 8));
        } else if (memcmp(block, "SRF1", 4) == 0) {
            sparse_mend_frame(block, SPARSE_BYTES - i * JOURNAL_BLOCK);
        }
    }
}

#endif
