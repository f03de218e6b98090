/*
 * Compaction in a long outage: the closed raw files' records of the open epoch become one
 * change a key in a state file, so that the journal grows with the number of keys and not with
 * the number of requests. Made from files, never from a slot that changes.
 */
#include "journal/journal_internal.h"

#include "journal/scan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORTH_FILES 4U /* fewer closed files are not worth a rewrite */

struct compaction {
    struct journal *j;
    struct merger *merger;
    struct requests requests; /* with a token */
    uint64_t epoch, predecessor;
    uint64_t merged_through; /* what the open state so far reaches */
    uint64_t through;        /* last sequence of the files to compact */
};

/* A copy of the closed files' names and ranges: the list itself may grow meanwhile. */
struct closed_files {
    struct scan_file *files;
    size_t count;
    uint64_t bytes;
};

static enum sr_result copy_closed(struct journal *j, struct closed_files *ret_closed,
                                  struct sr_err *err)
{
    struct closed_files closed = {0};

    (void)pthread_mutex_lock(&j->files_lock);
    closed.files = calloc(j->closed.count + 1, sizeof(*closed.files));
    for (const struct raw_file *raw = j->closed.first; raw != NULL && closed.files != NULL;
         raw = raw->next) {
        struct scan_file *file = &closed.files[closed.count++];

        memcpy(file->name, raw->name, sizeof(raw->name));
        file->header = (struct journal_header){.kind = JOURNAL_FILE_RAW,
                                               .file_id = raw->file_id,
                                               .file_bytes = raw->bytes,
                                               .first_sequence = raw->first_sequence};
        /* A failed file may hold frames that a later one replaces. */
        file->limit = raw->next != NULL ? raw->next->first_sequence : j->current_first;
        file->last_sequence = file->limit - 1;
        closed.bytes += raw->bytes;
    }
    /* Between two current files there is no limit to go by: next time. */
    if (j->current_bytes == 0) {
        closed.count = 0;
    }
    (void)pthread_mutex_unlock(&j->files_lock);
    if (closed.files == NULL) {
        return sr_fail(err, SR_NO_MEMORY, "out of memory compacting the journal");
    }
    *ret_closed = closed;
    return SR_OK;
}

static bool find_open_state(struct journal *j, uint64_t epoch, struct journal_state *ret_state)
{
    bool found = false;

    (void)pthread_mutex_lock(&j->files_lock);
    for (size_t i = 0; i < j->state_count; i++) {
        if (!j->states[i].sealed && j->states[i].epoch == epoch) {
            *ret_state = j->states[i];
            found = true;
        }
    }
    (void)pthread_mutex_unlock(&j->files_lock);
    return found;
}

static enum sr_result seed(struct compaction *c, const char *name, struct sr_err *err)
{
    struct state_reader *reader = NULL;
    enum sr_result result = state_reader_open(c->j->disk, name, &reader, err);
    struct sr_change change;

    if (result == SR_OK) {
        result = requests_take_state(&c->requests, reader, err);
    }
    while (result == SR_OK) {
        result = state_reader_next(reader, &change, err);
        if (result == SR_OK) {
            result = merger_add(c->merger, &change, err);
        }
    }
    state_reader_close(&reader);
    return result == SR_NOT_FOUND ? SR_OK : result;
}

static enum sr_result take_record(void *context, const struct scan_record *in,
                                  struct sr_err *err)
{
    struct compaction *c = context;
    const struct record *record = in->record;
    struct sr_change change;
    enum sr_result result;

    if (record->epoch != c->epoch || record->kind == RECORD_SEAL ||
        in->frame->sequence <= c->merged_through) {
        return SR_OK;
    }
    result = requests_take(&c->requests, record, in->frame->sequence, err);
    if (result != SR_OK) {
        return result;
    }
    change = (struct sr_change){.key = record->key,
                                .value = record->value,
                                .generation = record->generation,
                                .kind = (enum sr_change_kind)record->kind};
    return merger_add(c->merger, &change, err);
}

static enum sr_result write_open_state(struct compaction *c, struct sr_err *err)
{
    struct journal_header header = {.instance = c->j->options.instance,
                                    .newest_epoch = c->epoch,
                                    .epoch = c->epoch,
                                    .predecessor = c->predecessor,
                                    .through_sequence = c->through};

    return journal_write_merged(c->j, &header, &c->requests, c->merger, err);
}

static enum sr_result compact(struct compaction *c, const struct closed_files *closed,
                              struct sr_err *err)
{
    struct journal_state before;
    enum sr_result result = merger_open(c->j->disk, MERGE_MEMORY, c->epoch, &c->merger, err);

    if (result == SR_OK && find_open_state(c->j, c->epoch, &before)) {
        c->merged_through = before.through_sequence;
        result = seed(c, before.name, err);
    }
    for (size_t i = 0; result == SR_OK && i < closed->count; i++) {
        struct scan_file file = closed->files[i];
        uint64_t torn = 0;

        c->through = file.last_sequence;
        result = scan_raw_file(c->j->disk, &file, false, take_record, c, &torn, err);
    }
    if (result == SR_OK) {
        result = write_open_state(c, err);
    }
    merger_close(&c->merger);
    return result;
}

enum sr_result journal_compact(struct journal *j, uint64_t open_epoch, uint64_t predecessor,
                               struct sr_err *err)
{
    struct compaction c = {.j = j, .epoch = open_epoch, .predecessor = predecessor};
    struct closed_files closed = {0};
    struct journal_state before = {0};
    enum sr_result result = copy_closed(j, &closed, err);

    if (result != SR_OK) {
        return result;
    }
    (void)find_open_state(j, open_epoch, &before);
    if (closed.count < WORTH_FILES || closed.bytes < 2 * before.bytes ||
        journal_covered(j) != predecessor) {
        /* Little to gain, or raw records of a sealed epoch that no state file covers. */
        free(closed.files);
        return SR_NOT_FOUND;
    }
    requests_init(&c.requests);
    result = compact(&c, &closed, err);
    requests_done(&c.requests);
    free(closed.files);
    if (result == SR_OK) {
        atomic_fetch_add(&j->compactions, 1);
        journal_retire_covered(j);
    }
    return result;
}
