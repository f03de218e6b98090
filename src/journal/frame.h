/*
 * The bytes of the journal's files: file headers and frames. Pure: encodes into and decodes
 * from memory. docs/DISK-FORMAT.md draws them.
 *
 *   raw file    | header A | header B | frame | frame | ... | close frame | zeros |
 *   state file  | header   | header (zero) | frame | ... | close frame |
 *               0          4096       8192
 *
 * Everything is a multiple of a block of 4096 bytes; a frame is written once and no block
 * twice, but for the two headers of a raw file, which are written in turn so that a torn one
 * leaves the other.
 */
#ifndef SR_JOURNAL_FRAME_H
#define SR_JOURNAL_FRAME_H

#include "base/random.h"
#include "base/result.h"
#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

#define JOURNAL_BLOCK 4096U
#define JOURNAL_FRAMES_AT (2U * JOURNAL_BLOCK) /* offset of the first frame of a file */
#define JOURNAL_FRAME_HEADER 64U
#define JOURNAL_FRAME_PAYLOAD_MAX (8U * 1024U * 1024U)
#define JOURNAL_VERSION 1U

/* On disk: never renumber. */
enum journal_file_kind {
    JOURNAL_FILE_SPARE = 1, /* zero-filled or retired: holds nothing */
    JOURNAL_FILE_RAW = 2,   /* frames of group commits */
    JOURNAL_FILE_STATE = 3  /* one epoch as per-key state */
};

struct journal_header {
    enum journal_file_kind kind;
    uint64_t revision; /* of this file's header: the higher valid one counts */
    uint64_t file_id;  /* frames carry it; a spare keeps the id it had */
    uint64_t file_bytes;
    struct sr_uuid instance;
    /* raw: */
    uint64_t first_sequence; /* this file replaces what lower ids hold from it on; all below is
                                durable */
    uint64_t newest_epoch;   /* newest epoch that was open when the header was written */
    uint64_t covered_epoch; /* epochs up to it lie in state files or are applied: raw records of
                               them do not count */
    uint64_t needed_file_id; /* the oldest raw file that counted then; lower ids are retired */
    /* state: */
    uint64_t epoch;
    uint64_t predecessor;
    uint64_t through_sequence; /* raw records of the epoch in frames up to it are in here */
    uint64_t change_count;
    bool sealed; /* the epoch is complete */
    bool hollow; /* made of a seal alone: what the epoch held is not known */
};

/* Writes a whole block. */
void journal_header_encode(const struct journal_header *header, uint8_t block[JOURNAL_BLOCK]);

enum journal_block_state { JOURNAL_BLOCK_ZERO, JOURNAL_BLOCK_VALID, JOURNAL_BLOCK_BAD };

/* VALID with *ret_header; ZERO where all bytes are zero; else BAD. */
enum journal_block_state journal_header_decode(const uint8_t block[JOURNAL_BLOCK],
                                               struct journal_header *ret_header);

struct journal_frame {
    uint64_t file_id;
    uint64_t sequence; /* ascending by one over all raw files; from 1 within a state file */
    uint64_t durable_sequence; /* known durable when this frame was written */
    uint32_t record_count;
    bool close;             /* the file is complete and ends here */
    struct sr_span payload; /* records */
};

/* Bytes a frame of payload_size takes on disk: whole blocks. */
uint64_t journal_frame_bytes(size_t payload_size);

/* Finishes a frame whose payload lies at base + JOURNAL_FRAME_HEADER already: writes the header
 * and zeroes the padding. The buffer has journal_frame_bytes(frame->payload.size) bytes. */
void journal_frame_finish(const struct journal_frame *frame, uint8_t *base);

/* The same in a buffer that is zero from byte `dirty` on, but for the payload: only what is not
 * zero already is zeroed. */
void journal_frame_finish_over(const struct journal_frame *frame, uint8_t *base, size_t dirty);

/* Decodes the frame at the start of bytes, of any file id. SR_OK with *ret_frame and the bytes
 * it takes; SR_AGAIN where the header is plausible but bytes holds less than it needs
 * (*ret_bytes tells how much); SR_DAMAGED otherwise. */
enum sr_result journal_frame_decode(struct sr_span bytes, struct journal_frame *ret_frame,
                                    uint64_t *ret_bytes) SR_MUST_USE;

/* Makes whole frames, one behind the other, frames of another file, as they are written to it:
 * id, durable sequence and checksum are put in anew. */
void journal_frames_readdress(uint8_t *frames, size_t size, uint64_t file_id,
                              uint64_t durable_sequence);

#endif
