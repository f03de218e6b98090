/*
 * Raw files: lists, making a zero-filled spare, turning it into the file that is written, and
 * back into a spare.
 */
#include "journal/journal_internal.h"

#include "base/check.h"
#include "base/memory.h"
#include "journal/discard.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ZERO_STEP (1024U * 1024U)
#define TEMPORARY_NAME_SIZE (RAW_NAME_SIZE + 8)

void raw_list_push(struct raw_list *list, struct raw_file *raw)
{
    raw->next = NULL;
    if (list->last == NULL) {
        list->first = raw;
    } else {
        list->last->next = raw;
    }
    list->last = raw;
    list->count++;
}

struct raw_file *raw_list_pop(struct raw_list *list)
{
    struct raw_file *raw = list->first;

    if (raw == NULL) {
        return NULL;
    }
    list->first = raw->next;
    if (list->first == NULL) {
        list->last = NULL;
    }
    list->count--;
    raw->next = NULL;
    return raw;
}

void raw_file_free(struct journal *j, struct raw_file **raw)
{
    if (*raw == NULL) {
        return;
    }
    j->disk->close(j->disk, &(*raw)->file);
    free(*raw);
    *raw = NULL;
}

/* Writes the header of the next revision into the block that does not hold the current one. */
static enum sr_result write_header(struct journal *j, struct raw_file *raw,
                                   struct disk_file *file, struct journal_header *header,
                                   struct sr_err *err)
{
    uint8_t *block = sr_pages_alloc(JOURNAL_BLOCK); /* aligned for direct writes */
    enum sr_result result;

    if (block == NULL) {
        return sr_fail(err, SR_NO_MEMORY, "out of memory writing a journal header");
    }
    header->revision = raw->revision + 1;
    header->file_bytes = raw->bytes;
    header->instance = j->options.instance;
    journal_header_encode(header, block);
    result = j->disk->write(j->disk, file, (header->revision & 1) * JOURNAL_BLOCK, block,
                            JOURNAL_BLOCK, err);
    sr_pages_free(block, JOURNAL_BLOCK);
    if (result == SR_OK) {
        result = j->disk->sync(j->disk, file, err);
    }
    if (result == SR_OK) {
        raw->revision = header->revision;
    }
    return result;
}

static enum sr_result fill_with_zeros(struct journal *j, struct disk_file *file, uint64_t bytes,
                                      struct sr_err *err)
{
    uint8_t *zeros = sr_pages_alloc(ZERO_STEP);
    enum sr_result result = SR_OK;

    if (zeros == NULL) {
        return sr_fail(err, SR_NO_MEMORY, "out of memory making a journal file");
    }
    for (uint64_t at = 0; at < bytes && result == SR_OK; at += ZERO_STEP) {
        size_t step = bytes - at < ZERO_STEP ? (size_t)(bytes - at) : ZERO_STEP;

        result = j->disk->write(j->disk, file, at, zeros, step, err);
    }
    sr_pages_free(zeros, ZERO_STEP);
    return result;
}

/* The name of a file that is not filled yet: a start removes it. */
static void temporary_name(const struct raw_file *raw, char name[TEMPORARY_NAME_SIZE])
{
    (void)snprintf(name, TEMPORARY_NAME_SIZE, "%s.tmp", raw->name);
}

/* An empty file that has its room on the disk. */
static enum sr_result allocate_file(struct journal *j, const struct raw_file *raw,
                                    struct sr_err *err)
{
    char temporary[TEMPORARY_NAME_SIZE];
    struct disk_file *file = NULL;
    enum sr_result result;

    temporary_name(raw, temporary);
    result = j->disk->open(j->disk, temporary, true, false, &file, err);
    if (result != SR_OK) {
        return result;
    }
    result = j->disk->allocate(j->disk, file, raw->bytes, err);
    j->disk->close(j->disk, &file);
    if (result != SR_OK) {
        (void)j->disk->unlink(j->disk, temporary, NULL);
    }
    return result;
}

static enum sr_result fill_file(struct journal *j, struct raw_file *raw, struct sr_err *err)
{
    struct journal_header header = {.kind = JOURNAL_FILE_SPARE, .file_id = raw->file_id};
    char temporary[TEMPORARY_NAME_SIZE];
    struct disk_file *file = NULL;
    enum sr_result result;

    temporary_name(raw, temporary);
    result = j->disk->open(j->disk, temporary, false, false, &file, err);
    if (result == SR_OK) {
        result = fill_with_zeros(j, file, raw->bytes, err);
    }
    if (result == SR_OK) {
        result = write_header(j, raw, file, &header, err);
    }
    j->disk->close(j->disk, &file);
    if (result == SR_OK) {
        result = j->disk->rename(j->disk, temporary, raw->name, err);
    }
    if (result == SR_OK) {
        result = j->disk->sync_directory(j->disk, err);
    }
    if (result != SR_OK) {
        /* Whichever name it has now; the error that matters is the first one. */
        (void)j->disk->unlink(j->disk, temporary, NULL);
        discard_file(j->disk, raw->name);
    }
    return result;
}

static enum sr_result begin_file(struct journal *j, struct raw_file **ret_raw,
                                 struct sr_err *err)
{
    struct raw_file *raw = calloc(1, sizeof(*raw));
    enum sr_result result;

    if (raw == NULL) {
        return sr_fail(err, SR_NO_MEMORY, "out of memory making a journal file");
    }
    raw->bytes = j->options.file_bytes;
    /* The header carries the id that made the name, so that no later start draws it again. */
    raw->file_id = journal_draw_id(j);
    (void)snprintf(raw->name, sizeof(raw->name), "raw-%016" PRIx64, raw->file_id);
    result = allocate_file(j, raw, err);
    if (result != SR_OK) {
        raw_file_free(j, &raw);
        return result;
    }
    *ret_raw = raw;
    return SR_OK;
}

static struct raw_file *take_reserved(struct journal *j)
{
    struct raw_file *raw;

    (void)pthread_mutex_lock(&j->files_lock);
    raw = j->reserved;
    j->reserved = NULL;
    (void)pthread_mutex_unlock(&j->files_lock);
    return raw;
}

void raw_file_reserve(struct journal *j)
{
    SR_CHECK(j->reserved == NULL);
    (void)begin_file(j, &j->reserved, NULL);
}

void raw_file_unreserve(struct journal *j)
{
    struct raw_file *raw = take_reserved(j);
    char temporary[TEMPORARY_NAME_SIZE];

    if (raw != NULL) {
        temporary_name(raw, temporary);
        (void)j->disk->unlink(j->disk, temporary, NULL);
        raw_file_free(j, &raw);
    }
}

enum sr_result raw_file_create(struct journal *j, struct raw_file **ret_raw, struct sr_err *err)
{
    struct raw_file *raw = take_reserved(j);
    enum sr_result result = raw != NULL ? SR_OK : begin_file(j, &raw, err);

    if (raw == NULL) {
        return result;
    }
    result = fill_file(j, raw, err);
    if (result != SR_OK) {
        raw_file_free(j, &raw);
        return result;
    }
    *ret_raw = raw;
    return SR_OK;
}

/* JOURNAL_WRITE: what was acknowledged and not synced goes into the file that replaces the
 * failed one before its header says so: until then the process may die and the failed one
 * counts. The spare's header gets the id of these frames first: beside a torn header, frames of
 * a newer id would look like damage. It takes the place of one that may have told which files
 * are retired and which epochs covered, and tells it as of now. */
static enum sr_result write_unsynced(struct journal *j, struct raw_file *raw, uint64_t id,
                                     struct sr_err *err)
{
    struct journal_header spare = {.kind = JOURNAL_FILE_SPARE, .file_id = id};
    enum sr_result result;

    (void)pthread_mutex_lock(&j->files_lock);
    spare.needed_file_id = j->closed.first != NULL ? j->closed.first->file_id : j->current_id;
    spare.covered_epoch = j->covered_epoch;
    (void)pthread_mutex_unlock(&j->files_lock);
    result = write_header(j, raw, raw->file, &spare, err);
    if (result != SR_OK) {
        return result;
    }
    journal_frames_readdress(j->unsynced.data, j->unsynced.size, id, j->durable_sequence);
    result = j->disk->write(j->disk, raw->file, JOURNAL_FRAMES_AT, j->unsynced.data,
                            j->unsynced.size, err);
    return result == SR_OK ? j->disk->sync(j->disk, raw->file, err) : result;
}

enum sr_result raw_file_activate(struct journal *j, struct raw_file *raw, uint64_t id,
                                 uint64_t first_sequence, struct sr_err *err)
{
    struct journal_header header = {.kind = JOURNAL_FILE_RAW,
                                    .file_id = id,
                                    .first_sequence = first_sequence};
    bool direct = j->options.durability != JOURNAL_WRITE;
    enum sr_result result;

    SR_CHECK(!raw->failed && raw->file == NULL);
    (void)pthread_mutex_lock(&j->files_lock);
    header.newest_epoch = j->newest_epoch;
    header.covered_epoch = j->covered_epoch;
    /* The file that was current lies in `closed` by now. */
    header.needed_file_id = j->closed.first != NULL ? j->closed.first->file_id : id;
    /* Whatever is retired from here on the header still counts. */
    j->unneeded = j->doomed.count;
    (void)pthread_mutex_unlock(&j->files_lock);
    result = j->disk->open(j->disk, raw->name, false, direct, &raw->file, err);
    if (result == SR_OK && j->unsynced.size > 0) {
        result = write_unsynced(j, raw, id, err);
    }
    if (result == SR_OK) {
        result = write_header(j, raw, raw->file, &header, err);
    }
    if (result != SR_OK) {
        j->disk->close(j->disk, &raw->file);
        return result;
    }
    raw->file_id = id;
    raw->first_sequence = first_sequence;
    raw->last_sequence = j->unsynced.size > 0 ? j->sequence : 0;
    raw->newest_epoch = j->unsynced.size > 0 ? header.newest_epoch : 0;
    return SR_OK;
}

/* The header says in the same write why the file may go: without it the epoch that was covered
 * last, where no state file says so, would come back from later files in part. */
enum sr_result raw_file_mark_spare(struct journal *j, struct raw_file *raw, struct sr_err *err)
{
    struct journal_header header = {.kind = JOURNAL_FILE_SPARE,
                                    .file_id = raw->file_id,
                                    .first_sequence = raw->first_sequence};
    struct disk_file *file = NULL;
    enum sr_result result = j->disk->open(j->disk, raw->name, false, false, &file, err);

    header.covered_epoch = journal_covered(j);
    if (result == SR_OK) {
        result = write_header(j, raw, file, &header, err);
    }
    j->disk->close(j->disk, &file);
    return result;
}
