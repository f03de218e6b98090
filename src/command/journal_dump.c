/*
 * simple-request journal dump: every readable record as one JSON line, raw files first, then
 * state files with their requests first. Reads only and takes no lock; beside a running service
 * the end may be cut. Damage ends the dump with its place on standard error.
 */
#include "command/command.h"
#include "command/journal_print.h"
#include "journal/datadir.h"
#include "journal/requests.h"
#include "journal/scan.h"
#include "journal/state.h"

#include <inttypes.h>
#include <stdio.h>

static enum sr_result print_record(void *context, const struct scan_record *in,
                                   struct sr_err *err)
{
    const struct record *record = in->record;
    enum sr_result result = SR_OK;

    (void)context;
    (void)printf("{\"file\":\"%s\",\"offset\":%" PRIu64 ",\"sequence\":%" PRIu64
                 ",\"epoch\":%" PRIu64 ",\"kind\":\"%s\"",
                 in->file->name, in->offset, in->frame->sequence, record->epoch,
                 journal_print_kind(record->kind));
    if (record->kind != RECORD_SEAL) {
        result = journal_print_key(record->key, err);
        (void)printf(",\"value\":%" PRId64 ",\"generation\":%" PRIu32, record->value,
                     record->generation);
    }
    if (result == SR_OK) {
        result = journal_print_token(&record->token, err);
    }
    (void)puts("}");
    return result;
}

/* The requests with a token that a state file holds; their values lie in its changes. */
static enum sr_result print_requests(struct state_reader *reader, const struct scan_file *file,
                                     struct sr_err *err)
{
    struct sr_buffer records;
    enum sr_result result;

    sr_buffer_init(&records, REQUESTS_BYTES_MAX);
    while ((result = state_reader_request(reader, &records, err)) == SR_OK) {
        struct record first;
        size_t size;

        result = record_decode(sr_buffer_span(&records), &first, &size);
        if (result == SR_OK) {
            (void)printf("{\"file\":\"%s\",\"epoch\":%" PRIu64 ",\"kind\":\"request\"",
                         file->name, file->header.epoch);
            result = journal_print_token(&first.token, err);
            (void)puts("}");
        }
        if (result != SR_OK) {
            break;
        }
    }
    sr_buffer_done(&records);
    return result == SR_NOT_FOUND ? SR_OK : result;
}

static enum sr_result print_state(struct disk *disk, const struct scan_file *file,
                                  struct sr_err *err)
{
    struct state_reader *reader = NULL;
    enum sr_result result = state_reader_open(disk, file->name, &reader, err);
    struct sr_change change;

    if (result == SR_OK) {
        result = print_requests(reader, file, err);
    }
    while (result == SR_OK && (result = state_reader_next(reader, &change, err)) == SR_OK) {
        result = journal_print_change(file->name, file->header.epoch, &change, err);
    }
    state_reader_close(&reader);
    return result == SR_NOT_FOUND ? SR_OK : result;
}

static enum sr_result dump(struct datadir *datadir, struct scan *scan, struct sr_err *err)
{
    struct disk *disk = datadir_disk(datadir);
    enum sr_result result = scan_open(disk, scan, err);

    if (result == SR_OK) {
        result = scan_raw(disk, scan, print_record, NULL, err);
    }
    for (size_t i = 0; result == SR_OK && i < scan->state_count; i++) {
        result = print_state(disk, &scan->files[scan->raw_count + i], err);
    }
    return result;
}

int command_journal_dump(const struct config *config)
{
    const char *path = config_text(config, CONFIG_DATA_DIR);
    struct datadir *datadir = NULL;
    struct scan scan = {0};
    struct sr_err err;
    enum sr_result result;

    if (path == NULL) {
        command_complain("journal dump: which directory? give --data-dir");
        return COMMAND_USAGE;
    }
    result = datadir_open(path, true, &datadir, &err);
    if (result == SR_OK) {
        result = dump(datadir, &scan, &err);
    }
    scan_done(&scan);
    datadir_close(&datadir);
    if (result != SR_OK) {
        command_complain(err.text);
        return COMMAND_FAILED;
    }
    return COMMAND_OK;
}
