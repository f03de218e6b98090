/*
 * simple-request journal salvage: what a journal that a start refuses as damaged still holds
 * and the database lacks, as JSON lines; what could not be read on standard error. Reads only.
 * docs/OPERATIONS.md tells what to do with it.
 */
#include "command/command.h"
#include "command/journal_print.h"
#include "command/writer_row.h"
#include "journal/datadir.h"
#include "journal/salvage.h"

#include <inttypes.h>
#include <stdio.h>

struct counts {
    uint64_t changes, lost;
};

static enum sr_result take(void *context, uint64_t epoch, const struct sr_change *change,
                           struct sr_err *err)
{
    ((struct counts *)context)->changes++;
    return journal_print_change(NULL, epoch, change, err);
}

static void lost(void *context, const char *what)
{
    ((struct counts *)context)->lost++;
    command_complain(what);
}

/* What the database has, as far as that can be told from the writer's row. */
static enum sr_result read_row(const struct config *config, struct datadir *datadir,
                               struct writer_row *ret_row, struct sr_err *err)
{
    struct sr_uuid instance = datadir_instance(datadir);
    struct store *store = NULL;
    enum sr_result result = config_open_store(config, &instance, &store, err);

    if (result == SR_OK) {
        result = writer_row_read(store, datadir, ret_row, err);
    }
    store_close(&store);
    return result;
}

/* The epoch up to which nothing is printed. */
static uint64_t applied_epoch(const struct writer_row *row)
{
    if (!row->found) {
        command_complain("no writer's row of this instance in the database: all epochs that "
                         "are kept here are printed");
        return 0;
    }
    if (!row->ours) {
        command_complain("the writer's row belongs to another copy of this directory, whose "
                         "epochs have the same numbers: all epochs that are kept here are "
                         "printed. Only those from the one that this copy's log names at "
                         "\"sync.stopped\" on are not the other's as well");
        return 0;
    }
    (void)fprintf(stderr, "simple-request: the database has epoch %" PRIu64 "\n", row->epoch);
    return row->epoch;
}

static enum sr_result salvage(const struct config *config, struct counts *counts,
                              struct sr_err *err)
{
    struct salvage_sink sink = {.context = counts, .take = take, .lost = lost};
    struct datadir *datadir = NULL;
    struct writer_row row = {.found = false};
    enum sr_result result =
        datadir_open(config_text(config, CONFIG_DATA_DIR), true, &datadir, err);

    if (result == SR_OK) {
        result = read_row(config, datadir, &row, err);
    }
    if (result == SR_OK) {
        result = journal_salvage(datadir_disk(datadir), applied_epoch(&row), &sink, err);
    }
    datadir_close(&datadir);
    return result;
}

int command_journal_salvage(const struct config *config)
{
    struct counts counts = {0};
    struct sr_err err;

    if (config_check_store(config, &err) != SR_OK) {
        command_complain(err.text);
        return COMMAND_USAGE;
    }
    if (salvage(config, &counts, &err) != SR_OK) {
        command_complain(err.text);
        return COMMAND_FAILED;
    }
    (void)fprintf(stderr,
                  "simple-request: %" PRIu64 " changes printed, %" PRIu64
                  " places cannot be read\n",
                  counts.changes, counts.lost);
    return counts.lost == 0 ? COMMAND_OK : COMMAND_FAILED;
}
