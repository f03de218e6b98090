/*
 * simple-request journal salvage: what a journal that a start refuses as damaged still holds
 * and the database lacks, as JSON lines; what could not be read on standard error. Reads only.
 * docs/OPERATIONS.md tells what to do with it.
 */
#include "command/command.h"
#include "command/journal_print.h"
#include "journal/datadir.h"
#include "journal/salvage.h"
#include "store/store.h"

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

/* The writer's row's epoch; 0 where this instance has no row. */
static enum sr_result read_applied(const struct config *config, struct datadir *datadir,
                                   uint64_t *ret_applied, struct sr_err *err)
{
    struct store_options options = {.instance = datadir_instance(datadir),
                                    .timeout_ms = config_u32(config, CONFIG_DATABASE_TIMEOUT)};
    struct sr_uuid none = {{0}};
    struct store *store = NULL;
    bool owned = false;
    enum sr_result result =
        store_open(config_text(config, CONFIG_DATABASE_URL), &options, &store, err);

    if (result == SR_OK) {
        result = store->ops->look(store, &none, ret_applied, &owned, err);
    }
    store_close(&store);
    if (result == SR_NOT_FOUND) {
        command_complain("no writer's row of this instance in the database: nothing of this "
                         "journal is taken as applied");
        *ret_applied = 0;
        return SR_OK;
    }
    return result;
}

static enum sr_result salvage(const struct config *config, struct counts *counts,
                              struct sr_err *err)
{
    struct salvage_sink sink = {.context = counts, .take = take, .lost = lost};
    struct datadir *datadir = NULL;
    uint64_t applied = 0;
    enum sr_result result =
        datadir_open(config_text(config, CONFIG_DATA_DIR), true, &datadir, err);

    if (result == SR_OK) {
        result = read_applied(config, datadir, &applied, err);
    }
    if (result == SR_OK) {
        (void)fprintf(stderr, "simple-request: the database has epoch %" PRIu64 "\n", applied);
        result = journal_salvage(datadir_disk(datadir), applied, &sink, err);
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
                  "simple-request: %" PRIu64 " changes that the database lacks, %" PRIu64
                  " places that cannot be read\n",
                  counts.changes, counts.lost);
    return counts.lost == 0 ? COMMAND_OK : COMMAND_FAILED;
}
