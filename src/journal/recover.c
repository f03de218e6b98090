/*
 * Start: every journaled epoch that is not covered becomes a synced state file of its own, then
 * a fresh raw file is opened whose header says that nothing older counts (DESIGN section 5,
 * Start). Memory stays bounded: merging spills to run files.
 */
#include "journal/journal_internal.h"

#include "base/check.h"
#include "journal/discard.h"
#include "journal/scan.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EPOCHS_MAX 8U /* uncovered epochs with raw records: two are alive at most */

struct epoch_merge {
    uint64_t epoch;
    struct merger *merger;
    struct requests requests;  /* with a token */
    uint64_t through_sequence; /* raw records up to it lie in an open state that was merged
                                  already */
    bool hollow;               /* nothing of it was found but its seal */
};

struct recovery {
    struct journal *j;
    struct scan scan;
    struct epoch_merge epochs[EPOCHS_MAX];
    size_t epoch_count;
};

static enum sr_result seed_from_state(struct recovery *r, struct epoch_merge *merge,
                                      const struct scan_file *file, struct sr_err *err)
{
    struct state_reader *reader = NULL;
    enum sr_result result = state_reader_open(r->j->disk, file->name, &reader, err);
    struct sr_change change;

    if (result == SR_OK) {
        result = requests_take_state(&merge->requests, reader, err);
    }
    while (result == SR_OK) {
        result = state_reader_next(reader, &change, err);
        if (result == SR_OK) {
            result = merger_add(merge->merger, &change, err);
        }
    }
    state_reader_close(&reader);
    merge->through_sequence = file->header.through_sequence;
    merge->hollow = false;
    return result == SR_NOT_FOUND ? SR_OK : result;
}

/* The open state of an epoch that reaches furthest, or NULL. */
static const struct scan_file *open_state(const struct scan *scan, uint64_t epoch)
{
    const struct scan_file *best = NULL;

    for (size_t i = 0; i < scan->state_count; i++) {
        const struct scan_file *file = &scan->files[scan->raw_count + i];

        if (!file->header.sealed && file->header.epoch == epoch &&
            (best == NULL || file->header.through_sequence > best->header.through_sequence)) {
            best = file;
        }
    }
    return best;
}

static enum sr_result merge_of(struct recovery *r, uint64_t epoch,
                               struct epoch_merge **ret_merge, struct sr_err *err)
{
    const struct scan_file *state;
    struct epoch_merge *merge;
    enum sr_result result;

    for (size_t i = 0; i < r->epoch_count; i++) {
        if (r->epochs[i].epoch == epoch) {
            *ret_merge = &r->epochs[i];
            return SR_OK;
        }
    }
    if (r->epoch_count == EPOCHS_MAX) {
        return sr_fail(
            err, SR_DAMAGED,
            "the journal holds records of more than %u epochs that no state file covers "
            "(offset unknown): state files are missing; restore them from a backup",
            EPOCHS_MAX);
    }
    merge = &r->epochs[r->epoch_count];
    *merge = (struct epoch_merge){.epoch = epoch, .hollow = true};
    requests_init(&merge->requests);
    result = merger_open(r->j->disk, MERGE_MEMORY, epoch, &merge->merger, err);
    if (result != SR_OK) {
        return result;
    }
    r->epoch_count++;
    *ret_merge = merge;
    state = open_state(&r->scan, epoch);
    return state == NULL ? SR_OK : seed_from_state(r, merge, state, err);
}

static enum sr_result take_record(void *context, const struct scan_record *in,
                                  struct sr_err *err)
{
    struct recovery *r = context;
    const struct record *record = in->record;
    struct epoch_merge *merge;
    struct sr_change change;
    enum sr_result result;

    if (record->epoch <= r->scan.covered_epoch) {
        return SR_OK;
    }
    if (record->kind == RECORD_SEAL && record->epoch > r->j->recovery.sealed_epoch) {
        r->j->recovery.sealed_epoch = record->epoch;
    }
    result = merge_of(r, record->epoch, &merge, err);
    if (result != SR_OK || record->kind == RECORD_SEAL ||
        in->frame->sequence <= merge->through_sequence) {
        return result;
    }
    merge->hollow = false;
    r->j->recovery.replayed_records++;
    result = requests_take(&merge->requests, record, in->frame->sequence, err);
    if (result != SR_OK) {
        return result;
    }
    change = (struct sr_change){.key = record->key,
                                .value = record->value,
                                .generation = record->generation,
                                .kind = (enum sr_change_kind)record->kind};
    return merger_add(merge->merger, &change, err);
}

/* Only now, when all raw records were read, is it known that every open state's epoch was
 * looked at. */
static enum sr_result add_open_states(struct recovery *r, struct sr_err *err)
{
    for (size_t i = 0; i < r->scan.state_count; i++) {
        const struct journal_header *header = &r->scan.files[r->scan.raw_count + i].header;
        struct epoch_merge *merge;

        if (!header->sealed && header->epoch > r->scan.covered_epoch) {
            enum sr_result result = merge_of(r, header->epoch, &merge, err);

            if (result != SR_OK) {
                return result;
            }
        }
    }
    return SR_OK;
}

static enum sr_result write_epoch(struct recovery *r, struct epoch_merge *merge,
                                  uint64_t predecessor, struct sr_err *err)
{
    struct journal_header header = {.instance = r->j->options.instance,
                                    .newest_epoch = merge->epoch,
                                    .epoch = merge->epoch,
                                    .predecessor = predecessor,
                                    .through_sequence = UINT64_MAX,
                                    .sealed = true,
                                    .hollow = merge->hollow};

    return journal_write_merged(r->j, &header, &merge->requests, merge->merger, err);
}

static int compare_epochs(const void *a, const void *b)
{
    const struct epoch_merge *x = a;
    const struct epoch_merge *y = b;

    return (x->epoch > y->epoch) - (x->epoch < y->epoch);
}

/* A seal and nothing else makes a state file too: under JOURNAL_NONE the epoch may be in the
 * database, and without its state file the chain would end below it. The claim tells what it
 * stands for (journal_judge_hollow). */
static enum sr_result write_epochs(struct recovery *r, struct sr_err *err)
{
    uint64_t predecessor = r->scan.covered_epoch;

    qsort(r->epochs, r->epoch_count, sizeof(r->epochs[0]), compare_epochs);
    for (size_t i = 0; i < r->epoch_count; i++) {
        enum sr_result result;

        result = write_epoch(r, &r->epochs[i], predecessor, err);
        if (result != SR_OK) {
            return result;
        }
        predecessor = r->epochs[i].epoch;
        r->j->recovery.newest_epoch = predecessor;
    }
    return SR_OK;
}

static enum sr_result check_instance(const struct recovery *r, struct sr_err *err)
{
    for (size_t i = 0; i < r->scan.raw_count + r->scan.state_count; i++) {
        const struct scan_file *file = &r->scan.files[i];

        if (memcmp(&file->header.instance, &r->j->options.instance, sizeof(struct sr_uuid)) !=
            0) {
            return sr_fail(
                err, SR_DAMAGED,
                "journal file %s (offset 0) was written by another instance: its data "
                "directory and this one were mixed",
                file->name);
        }
    }
    return SR_OK;
}

static enum sr_result add_sealed_states(struct recovery *r, struct sr_err *err)
{
    for (size_t i = 0; i < r->scan.state_count; i++) {
        const struct scan_file *file = &r->scan.files[r->scan.raw_count + i];
        enum sr_result result = file->header.sealed
                                    ? journal_add_state(r->j, &file->header, file->name, err)
                                    : SR_OK;

        if (result != SR_OK) {
            return result;
        }
    }
    return SR_OK;
}

static struct raw_file *raw_of(const struct scan_file *file)
{
    struct raw_file *raw = calloc(1, sizeof(*raw));

    if (raw == NULL) {
        return NULL;
    }
    (void)snprintf(raw->name, sizeof(raw->name), "%s", file->name);
    raw->bytes = file->header.file_bytes;
    raw->file_id = file->header.file_id;
    raw->revision = file->header.revision;
    raw->first_sequence = file->header.first_sequence;
    return raw;
}

/* All raw files are covered by now. The header of the fresh file says so; before it is durable
 * only a file that did not count may be overwritten, or, where there is none and no space for
 * one, the oldest: its frames stay in place until that header is durable. */
static enum sr_result list_raw_files(struct recovery *r, bool counting, struct sr_err *err)
{
    for (size_t i = 0; i < r->scan.raw_count; i++) {
        const struct scan_file *file = &r->scan.files[i];
        struct raw_file *raw;

        if (file->counts != counting) {
            continue;
        }
        raw = raw_of(file);
        if (raw == NULL) {
            return sr_fail(err, SR_NO_MEMORY, "out of memory listing journal files");
        }
        raw_list_push(raw->bytes == r->j->options.file_bytes && r->j->spares.count < SPARES_MAX
                          ? &r->j->spares
                          : &r->j->doomed,
                      raw);
    }
    return SR_OK;
}

static enum sr_result open_fresh_file(struct recovery *r, struct sr_err *err)
{
    struct journal *j = r->j;
    enum sr_result result = list_raw_files(r, false, err);
    struct raw_file *spare = NULL;

    if (result == SR_OK && j->spares.count == 0 && raw_file_create(j, &spare, err) == SR_OK) {
        raw_list_push(&j->spares, spare);
    }
    /* Doomed files may go only behind the fresh header: journal_start_file trims after it. */
    if (result == SR_OK) {
        result = list_raw_files(r, true, err);
    }
    if (result != SR_OK) {
        return result;
    }
    j->sequence = r->scan.next_sequence - 1;
    j->durable_sequence = j->sequence;
    return journal_start_file(j, r->scan.next_sequence, err);
}

/* What they held lies in sealed state files by now. */
static void drop_open_states(struct recovery *r)
{
    for (size_t i = 0; i < r->scan.state_count; i++) {
        const struct scan_file *file = &r->scan.files[r->scan.raw_count + i];

        if (!file->header.sealed) {
            discard_file(r->j->disk, file->name);
        }
    }
}

static enum sr_result recover_in(struct recovery *r, struct sr_err *err)
{
    struct journal *j = r->j;
    enum sr_result result = check_instance(r, err);

    j->next_file_id = r->scan.last_file_id;
    j->covered_epoch = r->scan.covered_epoch;
    j->recovery.newest_epoch = r->scan.covered_epoch;
    j->recovery.sealed_epoch = r->scan.covered_epoch;
    for (size_t i = 0; i < r->scan.leftover_count; i++) {
        (void)j->disk->unlink(j->disk, r->scan.leftovers[i], NULL);
    }
    if (result == SR_OK) {
        result = scan_raw(j->disk, &r->scan, take_record, r, err);
    }
    if (result == SR_OK) {
        result = add_open_states(r, err);
    }
    if (result == SR_OK) {
        result = add_sealed_states(r, err);
    }
    if (result == SR_OK) {
        result = write_epochs(r, err);
    }
    if (result != SR_OK) {
        return result;
    }
    drop_open_states(r);
    j->newest_epoch = r->scan.newest_epoch + 1;
    j->recovery.open_epoch = r->scan.newest_epoch + 1;
    j->recovery.torn_bytes = r->scan.torn_bytes;
    j->recovery.files = r->scan.raw_count;
    return open_fresh_file(r, err);
}

enum sr_result journal_recover(struct journal *j, struct sr_err *err)
{
    struct recovery r = {.j = j};
    enum sr_result result = scan_open(j->disk, &r.scan, err);

    if (result == SR_OK) {
        result = recover_in(&r, err);
    }
    for (size_t i = 0; i < r.epoch_count; i++) {
        merger_close(&r.epochs[i].merger);
        requests_done(&r.epochs[i].requests);
    }
    scan_done(&r.scan);
    return result;
}
