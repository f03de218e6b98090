/*
 * simple-request verify: do journal, state files, writer's row and table agree? Reads only;
 * takes the directory's lock, since a running service's files change while they are read. Exit
 * code 0: they agree (epochs that only wait to be applied included).
 */
#include "command/verify.h"

#include "command/command.h"
#include "command/writer_row.h"
#include "core/record.h"
#include "journal/scan.h"
#include "journal/state.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct verify {
    const struct config *config;
    struct datadir *datadir;
    struct scan scan;
    uint64_t raw_records; /* of epochs that no state file covers */
    uint64_t raw_oldest;  /* oldest such epoch, 0: none */
    uint64_t state_changes;
    struct writer_row row;
    struct verify_table table;
    char table_wrong[400];
    struct sr_err err;
};

static enum sr_result count_record(void *context, const struct scan_record *record,
                                   struct sr_err *err)
{
    struct verify *v = context;
    uint64_t epoch = record->record->epoch;

    (void)err;
    if (epoch > v->scan.covered_epoch && record->record->kind != RECORD_SEAL) {
        v->raw_records++;
        v->raw_oldest = v->raw_oldest == 0 || epoch < v->raw_oldest ? epoch : v->raw_oldest;
    }
    return SR_OK;
}

/* Read-only first: verify must not make a directory that is not there. */
static enum sr_result open_directory(struct verify *v)
{
    const char *path = config_text(v->config, CONFIG_DATA_DIR);
    enum sr_result result = datadir_open(path, true, &v->datadir, &v->err);

    if (result == SR_OK) {
        datadir_close(&v->datadir);
        result = datadir_open(path, false, &v->datadir, &v->err);
    }
    return result;
}

static enum sr_result read_journal(struct verify *v)
{
    struct disk *disk = datadir_disk(v->datadir);
    enum sr_result result = scan_open(disk, &v->scan, &v->err);

    return result == SR_OK ? scan_raw(disk, &v->scan, count_record, v, &v->err) : result;
}

static enum sr_result read_state(struct verify *v, const struct scan_file *file)
{
    struct state_reader *reader = NULL;
    enum sr_result result =
        state_reader_open(datadir_disk(v->datadir), file->name, &reader, &v->err);

    while (result == SR_OK) {
        struct sr_change change;

        result = state_reader_next(reader, &change, &v->err);
        v->state_changes += result == SR_OK;
    }
    state_reader_close(&reader);
    return result == SR_NOT_FOUND ? SR_OK : result;
}

static const struct scan_file *state_at(const struct verify *v, size_t i)
{
    return &v->scan.files[v->scan.raw_count + i];
}

static enum sr_result read_states(struct verify *v)
{
    enum sr_result result = SR_OK;

    for (size_t i = 0; i < v->scan.state_count && result == SR_OK; i++) {
        result = read_state(v, state_at(v, i));
    }
    return result;
}

/* The newest applied epoch's keys, where its state file is kept. */
static enum sr_result look_at_table(struct verify *v, struct store *store)
{
    for (size_t i = 0; i < v->scan.state_count; i++) {
        const struct scan_file *file = state_at(v, i);

        if (file->header.sealed && file->header.epoch == v->row.epoch) {
            return verify_table_check(datadir_disk(v->datadir), file->name, store, &v->table,
                                      &v->err);
        }
    }
    return SR_OK;
}

static enum sr_result read_database(struct verify *v)
{
    struct sr_uuid instance = datadir_instance(v->datadir);
    struct store *store = NULL;
    enum sr_result result = config_open_store(v->config, &instance, &store, &v->err);

    if (result == SR_OK) {
        result = writer_row_read(store, v->datadir, &v->row, &v->err);
    }
    if (result == SR_OK && v->row.found && v->row.ours) {
        result = look_at_table(v, store);
    }
    store_close(&store);
    return result;
}

/* Counts the epochs that wait to be applied, from the row's epoch on; false where the chain has
 * a gap. */
static bool follow_chain(const struct verify *v, uint64_t *ret_epochs, uint64_t *ret_changes)
{
    uint64_t epoch = v->row.epoch;

    *ret_epochs = 0;
    *ret_changes = 0;
    for (size_t i = 0; i < v->scan.state_count; i++) {
        const struct journal_header *header = &state_at(v, i)->header;

        if (!header->sealed || header->epoch <= epoch) {
            continue;
        }
        if (header->predecessor != epoch) {
            return false;
        }
        epoch = header->epoch;
        *ret_epochs += 1;
        *ret_changes += header->change_count;
    }
    return epoch >= v->scan.covered_epoch;
}

static const char *judge_table(struct verify *v)
{
    if (v->table.missing + v->table.left == 0) {
        return NULL;
    }
    (void)snprintf(v->table_wrong, sizeof(v->table_wrong),
                   "of %" PRIu64 " keys that epoch %" PRIu64 " changed, %" PRIu64
                   " have no row in counters and %" PRIu64
                   " have one although they were deleted: somebody else changed them, or "
                   "they are in counter_refused, or counters was restored from another "
                   "moment than counter_writers; then restore both from one backup",
                   v->table.checked, v->row.epoch, v->table.missing, v->table.left);
    return v->table_wrong;
}

static const char *judge(struct verify *v, uint64_t *ret_epochs, uint64_t *ret_changes)
{
    *ret_epochs = 0;
    *ret_changes = 0;
    if (!v->row.found) {
        return datadir_fenced(v->datadir)
                   ? "the writer's row of this instance is not in the database although it "
                     "was: "
                     "this is another database, or it was restored from before; use the former "
                     "one, restore the row, or start with an empty data directory (a new "
                     "instance)"
                   : NULL;
    }
    if (!v->row.ours) {
        return "the writer's row belongs to another copy of this data directory: use that one, "
               "or "
               "start with an empty directory (a new instance)";
    }
    if (v->row.epoch > v->scan.newest_epoch) {
        return "the database is ahead of this data directory: an older copy of it was "
               "restored; use "
               "the newest copy";
    }
    if (!follow_chain(v, ret_epochs, ret_changes)) {
        return "the database is behind the oldest state file: it fell back further than "
               "--journal-retention; restore a newer database";
    }
    return judge_table(v);
}

/* The earliest epoch from which the chain of state files leads to the newest one. */
static uint64_t chain_begin(const struct verify *v)
{
    uint64_t epoch = v->scan.covered_epoch;

    for (size_t i = v->scan.state_count; i-- > 0;) {
        const struct journal_header *header = &state_at(v, i)->header;

        if (header->sealed && header->epoch == epoch) {
            epoch = header->predecessor;
        }
    }
    return epoch;
}

static void print_identity(const struct verify *v)
{
    struct sr_uuid instance = datadir_instance(v->datadir);
    char text[SR_UUID_TEXT_SIZE];
    size_t count = 0;
    const struct sr_uuid *tokens = datadir_tokens(v->datadir, &count);

    sr_uuid_text(&instance, text);
    (void)printf("directory  %s\ninstance   %s\n", datadir_path(v->datadir), text);
    if (count > 0) {
        sr_uuid_text(&tokens[count - 1], text);
        (void)printf("owner      %s, its newest token\n", text);
    }
}

static void print_findings(const struct verify *v, uint64_t epochs, uint64_t changes)
{
    print_identity(v);
    (void)printf("journal    readable: %zu raw files, %zu state files with %" PRIu64
                 " changes, torn tail of %" PRIu64 " bytes\n",
                 v->scan.raw_count, v->scan.state_count, v->state_changes, v->scan.torn_bytes);
    (void)printf("chain      a database at epoch %" PRIu64 " or later can be caught up\n",
                 chain_begin(v));
    if (v->row.found) {
        (void)printf("database   epoch %" PRIu64 ", newest epoch here %" PRIu64 "\n",
                     v->row.epoch, v->scan.newest_epoch);
        (void)printf("table      rows of %" PRIu64 " keys that epoch %" PRIu64
                     " changed looked up\n",
                     v->table.checked, v->row.epoch);
    } else {
        (void)printf("database   no writer's row of this instance\n");
    }
    (void)printf("to apply   %" PRIu64 " epochs with %" PRIu64 " changes, %" PRIu64
                 " journal records\n",
                 epochs, changes, v->raw_records);
}

static int verify(struct verify *v)
{
    enum sr_result result = open_directory(v);
    const char *wrong;
    uint64_t epochs;
    uint64_t changes;

    if (result == SR_OK) {
        result = read_journal(v);
    }
    if (result == SR_OK) {
        result = read_states(v);
    }
    if (result == SR_OK) {
        result = read_database(v);
    }
    if (result != SR_OK) {
        command_complain(v->err.text);
        return COMMAND_FAILED;
    }
    wrong = judge(v, &epochs, &changes);
    print_findings(v, epochs, changes);
    (void)printf("verdict    %s%s\n",
                 wrong == NULL ? "they agree" : "DISAGREE: ", wrong == NULL ? "" : wrong);
    return wrong == NULL ? COMMAND_OK : COMMAND_FAILED;
}

int command_verify(const struct config *config)
{
    struct verify v = {.config = config};
    int code;

    if (config_check_store(config, &v.err) != SR_OK) {
        command_complain(v.err.text);
        return COMMAND_USAGE;
    }
    code = verify(&v);
    scan_done(&v.scan);
    datadir_close(&v.datadir);
    return code;
}
