/*
 * Listing the directory: headers, which files count, what replaces what.
 */
#include "journal/scan.h"

#include "base/check.h"
#include "base/memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define FILES_MAX 65536U

struct listing {
    char (*names)[SCAN_NAME_SIZE];
    size_t count, capacity;
    bool failed;
};

/* What happens at damage: `lost` NULL refuses it, else it is told and passed over. */
struct tolerance {
    scan_lost_fn *lost;
    void *context;
};

static enum sr_result tolerate(const struct tolerance *tolerance, enum sr_result result,
                               const struct sr_err *err)
{
    if (result != SR_DAMAGED || tolerance->lost == NULL) {
        return result;
    }
    tolerance->lost(tolerance->context, err->text);
    return SR_OK;
}

static bool starts_with(const char *name, const char *prefix)
{
    return strncmp(name, prefix, strlen(prefix)) == 0;
}

static bool ends_with(const char *name, const char *suffix)
{
    size_t size = strlen(name);

    return size >= strlen(suffix) && strcmp(name + size - strlen(suffix), suffix) == 0;
}

static void take_name(void *context, const char *name)
{
    struct listing *listing = context;

    if ((!starts_with(name, "raw-") && !starts_with(name, "state-") &&
         !starts_with(name, "run-")) ||
        strlen(name) >= SCAN_NAME_SIZE) {
        return;
    }
    if (listing->count == listing->capacity) {
        size_t capacity = listing->capacity == 0 ? 64 : listing->capacity * 2;
        char(*names)[SCAN_NAME_SIZE] =
            capacity > FILES_MAX ? NULL : realloc(listing->names, capacity * sizeof(*names));

        if (names == NULL) {
            listing->failed = true;
            return;
        }
        listing->names = names;
        listing->capacity = capacity;
    }
    (void)snprintf(listing->names[listing->count++], SCAN_NAME_SIZE, "%s", name);
}

static enum sr_result fail_header(const char *name, struct sr_err *err)
{
    return sr_fail(
        err, SR_DAMAGED,
        "journal file %s is damaged at offset 0: its header is not valid; restore it "
        "from a backup, or see docs/DISK-FORMAT.md before moving it away",
        name);
}

/* Whether any block of the file starts a valid frame of a file id above `id`. */
static enum sr_result holds_newer_frames(struct disk *disk, struct disk_file *file,
                                         uint64_t size, uint64_t id, bool *ret_newer,
                                         struct sr_err *err)
{
    uint8_t *bytes = sr_pages_alloc(size);
    enum sr_result result;
    size_t got = 0;

    if (bytes == NULL) {
        return sr_fail(err, SR_NO_MEMORY, "out of memory reading a journal file");
    }
    *ret_newer = false;
    result = disk->read(disk, file, 0, bytes, size, &got, err);
    for (size_t at = JOURNAL_FRAMES_AT; result == SR_OK && at + JOURNAL_BLOCK <= got;
         at += JOURNAL_BLOCK) {
        struct journal_frame frame;
        uint64_t taken;

        if (journal_frame_decode((struct sr_span){.data = bytes + at, .size = got - at}, &frame,
                                 &taken) == SR_OK &&
            frame.file_id > id) {
            *ret_newer = true;
        }
    }
    sr_pages_free(bytes, size);
    return result;
}

/* Chooses between the two headers: the higher valid revision. A header that is neither valid
 * nor zero was torn while it was written, or it is damage: then frames of a newer id than the
 * other header's tell. */
static enum sr_result choose_header(struct disk *disk, struct disk_file *file,
                                    const uint8_t *blocks, struct scan_file *scan_file,
                                    struct sr_err *err)
{
    struct journal_header headers[2];
    enum journal_block_state states[2];
    bool newer = false;
    enum sr_result result;
    uint64_t size = 0;
    int chosen;

    for (int i = 0; i < 2; i++) {
        states[i] = journal_header_decode(blocks + i * (int)JOURNAL_BLOCK, &headers[i]);
    }
    if (states[0] != JOURNAL_BLOCK_VALID && states[1] != JOURNAL_BLOCK_VALID) {
        return fail_header(scan_file->name, err);
    }
    chosen = states[1] != JOURNAL_BLOCK_VALID   ? 0
             : states[0] != JOURNAL_BLOCK_VALID ? 1
                                                : headers[1].revision > headers[0].revision;
    scan_file->header = headers[chosen];
    result = disk->size(disk, file, &size, err);
    if (result != SR_OK) {
        return result;
    }
    if (size < headers[chosen].file_bytes) {
        return sr_fail(err, SR_DAMAGED,
                       "journal file %s is damaged at offset %" PRIu64
                       ": it is shorter than its header says",
                       scan_file->name, size);
    }
    if (states[1 - chosen] != JOURNAL_BLOCK_BAD) {
        return SR_OK;
    }
    result = holds_newer_frames(disk, file, size, headers[chosen].file_id, &newer, err);
    return result == SR_OK && newer ? fail_header(scan_file->name, err) : result;
}

static enum sr_result read_headers(struct disk *disk, struct scan_file *scan_file,
                                   struct sr_err *err)
{
    uint8_t blocks[2 * JOURNAL_BLOCK] = {0};
    struct disk_file *file = NULL;
    size_t size = 0;
    enum sr_result result = disk->open(disk, scan_file->name, false, false, &file, err);

    if (result == SR_OK) {
        result = disk->read(disk, file, 0, blocks, sizeof(blocks), &size, err);
    }
    if (result == SR_OK) {
        result = choose_header(disk, file, blocks, scan_file, err);
    }
    disk->close(disk, &file);
    if (result == SR_OK && starts_with(scan_file->name, "state-") !=
                               (scan_file->header.kind == JOURNAL_FILE_STATE)) {
        result = fail_header(scan_file->name, err);
    }
    return result;
}

static int compare_files(const void *a, const void *b)
{
    const struct scan_file *x = a;
    const struct scan_file *y = b;
    bool x_state = x->header.kind == JOURNAL_FILE_STATE;
    bool y_state = y->header.kind == JOURNAL_FILE_STATE;

    if (x_state != y_state) {
        return x_state ? 1 : -1;
    }
    if (x_state && x->header.epoch != y->header.epoch) {
        return x->header.epoch < y->header.epoch ? -1 : 1;
    }
    return (x->header.file_id > y->header.file_id) - (x->header.file_id < y->header.file_id);
}

/* Names of unfinished files and runs are kept apart; the others' headers are read. */
static enum sr_result sort_out(struct disk *disk, const struct listing *listing,
                               const struct tolerance *tolerance, struct scan *scan,
                               struct sr_err *err)
{
    size_t count = 0;

    scan->files = calloc(listing->count + 1, sizeof(*scan->files));
    scan->leftovers = calloc(listing->count + 1, sizeof(*scan->leftovers));
    if (scan->files == NULL || scan->leftovers == NULL) {
        return sr_fail(err, SR_NO_MEMORY, "out of memory listing the journal");
    }
    for (size_t i = 0; i < listing->count; i++) {
        const char *name = listing->names[i];
        enum sr_result result;

        if (ends_with(name, ".tmp") || starts_with(name, "run-")) {
            memcpy(scan->leftovers[scan->leftover_count++], name, SCAN_NAME_SIZE);
            continue;
        }
        scan->files[count] = (struct scan_file){.counts = false};
        memcpy(scan->files[count].name, name, SCAN_NAME_SIZE);
        result = read_headers(disk, &scan->files[count], err);
        if (result != SR_OK) {
            result = tolerate(tolerance, result, err);
            if (result != SR_OK) {
                return result;
            }
            continue;
        }
        if (scan->files[count].header.kind == JOURNAL_FILE_STATE) {
            scan->state_count++;
        }
        count++;
    }
    scan->raw_count = count - scan->state_count;
    qsort(scan->files, count, sizeof(*scan->files), compare_files);
    return SR_OK;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* The oldest raw file that counts, as the newest raw header says, or a later spare's that was
 * being filled to be the next one. */
static uint64_t oldest_needed(const struct scan *scan, const struct scan_file *newest)
{
    uint64_t needed = newest->header.needed_file_id;

    for (size_t i = 0; i < scan->raw_count; i++) {
        const struct journal_header *header = &scan->files[i].header;

        if (header->kind == JOURNAL_FILE_SPARE && header->file_id > newest->header.file_id) {
            needed = larger(needed, header->needed_file_id);
        }
    }
    return needed;
}

/* The newest file that became a spare since the newest header was written, 0: none. Files are
 * retired from the oldest on, so that none up to it counts, also those that only wait for their
 * removal. */
static uint64_t newest_retired(const struct scan *scan, uint64_t needed)
{
    uint64_t newest = 0;

    for (size_t i = 0; i < scan->raw_count; i++) {
        const struct journal_header *header = &scan->files[i].header;

        if (header->kind == JOURNAL_FILE_SPARE && header->first_sequence > 0 &&
            header->file_id >= needed) {
            newest = larger(newest, header->file_id);
        }
    }
    return newest;
}

/* The oldest raw file that the newest header still needed must be there, or be retired. */
static enum sr_result check_oldest(const struct scan_file *oldest, uint64_t needed,
                                   uint64_t retired, struct sr_err *err)
{
    if (oldest->header.file_id == needed || retired >= needed) {
        return SR_OK;
    }
    return sr_fail(err, SR_DAMAGED,
                   "the journal lacks a file: id %" PRIu64
                   " is needed and the oldest one here is %s (offset 0), id %" PRIu64
                   "; restore the missing file from a backup",
                   needed, oldest->name, oldest->header.file_id);
}

/* Decides which raw files count and from where on a higher one replaces them. */
static enum sr_result order_raw(struct scan *scan, struct sr_err *err)
{
    const struct scan_file *newest = NULL;
    const struct scan_file *oldest;
    uint64_t limit = UINT64_MAX;
    uint64_t needed, retired;

    for (size_t i = 0; i < scan->raw_count; i++) {
        if (scan->files[i].header.kind == JOURNAL_FILE_RAW) {
            newest = &scan->files[i];
        }
    }
    if (newest == NULL) {
        return SR_OK;
    }
    oldest = newest;
    needed = oldest_needed(scan, newest);
    retired = newest_retired(scan, needed);
    scan->next_sequence = newest->header.first_sequence;
    for (size_t i = scan->raw_count; i-- > 0;) {
        struct scan_file *file = &scan->files[i];

        if (file->header.kind != JOURNAL_FILE_RAW || file->header.file_id < needed ||
            file->header.file_id <= retired) {
            continue;
        }
        file->counts = true;
        file->limit = limit;
        limit = file->header.first_sequence < limit ? file->header.first_sequence : limit;
        oldest = file;
    }
    return check_oldest(oldest, needed, retired, err);
}

static void sum_up(struct scan *scan)
{
    for (size_t i = 0; i < scan->raw_count + scan->state_count; i++) {
        const struct journal_header *header = &scan->files[i].header;

        scan->last_file_id = larger(scan->last_file_id, header->file_id);
        scan->newest_epoch = larger(scan->newest_epoch, header->newest_epoch);
        scan->newest_epoch = larger(scan->newest_epoch, header->epoch);
        scan->covered_epoch = larger(scan->covered_epoch, header->covered_epoch);
        if (header->kind == JOURNAL_FILE_STATE && header->sealed) {
            scan->covered_epoch = larger(scan->covered_epoch, header->epoch);
        }
    }
    scan->newest_epoch = larger(scan->newest_epoch, scan->covered_epoch);
}

static enum sr_result open_scan(struct disk *disk, const struct tolerance *tolerance,
                                struct scan *ret_scan, struct sr_err *err)
{
    struct listing listing = {0};
    struct scan scan = {.next_sequence = 1};
    enum sr_result result = disk->list(disk, take_name, &listing, err);

    if (result == SR_OK && listing.failed) {
        result = sr_fail(err, SR_NO_MEMORY, "too many journal files to list");
    }
    if (result == SR_OK) {
        result = sort_out(disk, &listing, tolerance, &scan, err);
    }
    free(listing.names);
    if (result == SR_OK) {
        sum_up(&scan);
        result = tolerate(tolerance, order_raw(&scan, err), err);
    }
    if (result != SR_OK) {
        scan_done(&scan);
        return result;
    }
    *ret_scan = scan;
    return SR_OK;
}

enum sr_result scan_open(struct disk *disk, struct scan *ret_scan, struct sr_err *err)
{
    const struct tolerance none = {.lost = NULL};

    return open_scan(disk, &none, ret_scan, err);
}

enum sr_result scan_open_past_damage(struct disk *disk, scan_lost_fn *lost, void *context,
                                     struct scan *ret_scan, struct sr_err *err)
{
    const struct tolerance tolerance = {.lost = lost, .context = context};

    return open_scan(disk, &tolerance, ret_scan, err);
}

void scan_done(struct scan *scan)
{
    free(scan->files);
    free(scan->leftovers);
    *scan = (struct scan){0};
}
