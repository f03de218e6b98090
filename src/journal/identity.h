/*
 * The identity file's bytes: instance UUID, owner tokens, marks. Pure codec.
 * docs/DISK-FORMAT.md draws it.
 */
#ifndef SR_JOURNAL_IDENTITY_H
#define SR_JOURNAL_IDENTITY_H

#include "base/random.h"
#include "base/result.h"
#include "base/span.h"
#include "journal/datadir.h"

#include <stdbool.h>
#include <stdint.h>

#define IDENTITY_HEADER_SIZE 40U
#define IDENTITY_SIZE_MAX (IDENTITY_HEADER_SIZE + DATADIR_TOKENS_MAX * sizeof(struct sr_uuid))
#define IDENTITY_SLOT_SIZE 20480U /* two of them make the file, written in turn */

struct identity {
    uint32_t revision; /* the higher valid slot counts */
    struct sr_uuid instance;
    bool fenced;           /* a first fence may have been sent */
    bool newest_confirmed; /* the newest token was confirmed: a fence may have carried it */
    uint32_t token_count;
    struct sr_uuid tokens[DATADIR_TOKENS_MAX]; /* oldest first */
};

/* Writes at most IDENTITY_SIZE_MAX bytes; returns how many. */
size_t identity_encode(const struct identity *identity, uint8_t *ret_bytes);

/* Decodes what is at the start of bytes. SR_DAMAGED where that is not what identity_encode
 * wrote. */
enum sr_result identity_decode(struct sr_span bytes, struct identity *ret_identity) SR_MUST_USE;

#endif
