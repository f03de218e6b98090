/*
 * The identity file: two slots in place (docs/DISK-FORMAT.md). One thread at a time.
 */
#ifndef SR_JOURNAL_IDENTITY_FILE_H
#define SR_JOURNAL_IDENTITY_FILE_H

#include "journal/disk.h"
#include "journal/identity.h"

/* Reads the newer valid slot. SR_NOT_FOUND: no file; SR_DAMAGED: neither slot is valid. */
enum sr_result identity_file_load(struct disk *disk, struct identity *ret_identity,
                                  struct sr_err *err) SR_MUST_USE;

/* Makes the file with the identity in it, durable with its name. */
enum sr_result identity_file_create(struct disk *disk, struct identity *identity,
                                    struct sr_err *err) SR_MUST_USE;

/* Makes the identity durable and raises its revision; on failure the file still holds the one
 * before. Needs no space on the disk. */
enum sr_result identity_file_save(struct disk *disk, struct identity *identity,
                                  struct sr_err *err) SR_MUST_USE;

#endif
