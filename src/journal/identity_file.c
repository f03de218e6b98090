/*
 * The identity file: two slots, written in turn and synced before what they say is used.
 */
#include "journal/identity_file.h"

#include <stdlib.h>

#define IDENTITY_NAME "identity"
#define IDENTITY_TEMPORARY "identity.tmp"

/* Writes the slot that does not hold the newest identity, in place: no space has to be found
 * for it, so that a full disk cannot keep the claim from being made. A torn write leaves the
 * other. */
static enum sr_result write_slot(struct disk *disk, struct disk_file *file,
                                 struct identity *identity, struct sr_err *err)
{
    uint8_t *bytes = calloc(1, IDENTITY_SLOT_SIZE);
    struct identity *next = malloc(sizeof(*next));
    enum sr_result result = SR_NO_MEMORY;

    if (bytes != NULL && next != NULL) {
        *next = *identity;
        next->revision++;
        (void)identity_encode(next, bytes);
        result = disk->write(disk, file, (next->revision & 1) * IDENTITY_SLOT_SIZE, bytes,
                             IDENTITY_SLOT_SIZE, err);
    } else {
        (void)sr_fail(err, result, "out of memory writing the identity file");
    }
    if (result == SR_OK) {
        result = disk->sync(disk, file, err);
    }
    if (result == SR_OK) {
        /* Only now: after a failure the same slot is written again, never the good one. */
        identity->revision = next->revision;
    }
    free(bytes);
    free(next);
    return result;
}

enum sr_result identity_file_save(struct disk *disk, struct identity *identity,
                                  struct sr_err *err)
{
    struct disk_file *file = NULL;
    enum sr_result result = disk->open(disk, IDENTITY_NAME, false, false, &file, err);

    if (result == SR_OK) {
        result = write_slot(disk, file, identity, err);
    }
    disk->close(disk, &file);
    return result;
}

static enum sr_result fill_new_file(struct disk *disk, struct disk_file *file,
                                    struct identity *identity, struct sr_err *err)
{
    static const uint8_t zeros[IDENTITY_SLOT_SIZE];
    enum sr_result result = disk->write(disk, file, 0, zeros, sizeof(zeros), err);

    if (result == SR_OK) {
        result = disk->write(disk, file, IDENTITY_SLOT_SIZE, zeros, sizeof(zeros), err);
    }
    return result == SR_OK ? write_slot(disk, file, identity, err) : result;
}

enum sr_result identity_file_create(struct disk *disk, struct identity *identity,
                                    struct sr_err *err)
{
    struct disk_file *file = NULL;
    enum sr_result result = disk->unlink(disk, IDENTITY_TEMPORARY, err);

    if (result == SR_OK || result == SR_NOT_FOUND) {
        result = disk->open(disk, IDENTITY_TEMPORARY, true, false, &file, err);
    }
    if (result == SR_OK) {
        result = fill_new_file(disk, file, identity, err);
    }
    disk->close(disk, &file);
    if (result == SR_OK) {
        result = disk->rename(disk, IDENTITY_TEMPORARY, IDENTITY_NAME, err);
    }
    return result == SR_OK ? disk->sync_directory(disk, err) : result;
}

/* The newer of the two slots that can be read. */
static enum sr_result choose_slot(struct identity *identity, const uint8_t *bytes, size_t size)
{
    struct identity *other = malloc(sizeof(*other));
    enum sr_result result = SR_DAMAGED;

    for (size_t at = 0; other != NULL && at < size; at += IDENTITY_SLOT_SIZE) {
        struct sr_span slot = {.data = bytes + at,
                               .size = size - at < IDENTITY_SLOT_SIZE ? size - at
                                                                      : IDENTITY_SLOT_SIZE};

        if (identity_decode(slot, other) == SR_OK &&
            (result != SR_OK || other->revision > identity->revision)) {
            *identity = *other;
            result = SR_OK;
        }
    }
    free(other);
    return result;
}

enum sr_result identity_file_load(struct disk *disk, struct identity *ret_identity,
                                  struct sr_err *err)
{
    uint8_t *bytes = malloc((size_t)2 * IDENTITY_SLOT_SIZE);
    struct disk_file *file = NULL;
    enum sr_result result;
    size_t size = 0;

    if (bytes == NULL) {
        return sr_fail(err, SR_NO_MEMORY, "out of memory reading the identity file");
    }
    result = disk->open(disk, IDENTITY_NAME, false, false, &file, err);
    if (result == SR_OK) {
        result = disk->read(disk, file, 0, bytes, (size_t)2 * IDENTITY_SLOT_SIZE, &size, err);
    }
    disk->close(disk, &file);
    if (result == SR_OK && choose_slot(ret_identity, bytes, size) != SR_OK) {
        result =
            sr_fail(err, SR_DAMAGED,
                    "the file " IDENTITY_NAME " in the data directory is damaged (offset 0): "
                    "restore it from a backup; without it the database's writer row cannot "
                    "be claimed");
    }
    free(bytes);
    return result;
}
