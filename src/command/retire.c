/*
 * simple-request retire: everything into the database, the data directory marked so that
 * nothing counts in it any more, the writer's row removed; in this order, so that a retirement
 * that ends in the middle is finished by the next one, and nothing is lost.
 */
#include "base/clock.h"
#include "base/log.h"
#include "command/command.h"
#include "command/service.h"

#include <inttypes.h>
#include <stdio.h>

/* The token that the row carries, and its epoch. SR_NOT_FOUND: there is no row; SR_FENCED: it
 * belongs to another copy. */
static enum sr_result find_owner(struct store *store, struct datadir *datadir,
                                 struct sr_uuid *ret_owner, uint64_t *ret_epoch,
                                 struct sr_err *err)
{
    size_t count = 0;
    const struct sr_uuid *tokens = datadir_tokens(datadir, &count);
    struct sr_uuid none = {{0}};
    bool owned = false;
    enum sr_result result = store->ops->look(store, &none, ret_epoch, &owned, err);

    for (size_t i = count; result == SR_OK && !owned && i-- > 0;) {
        *ret_owner = tokens[i];
        result = store->ops->look(store, ret_owner, ret_epoch, &owned, err);
    }
    if (result == SR_OK && !owned) {
        return sr_fail(err, SR_FENCED,
                       "the writer's row belongs to another copy of this data directory: "
                       "retire that one");
    }
    return result;
}

/* A row that is gone already is none to remove. */
static enum sr_result remove_row(struct store *store, struct datadir *datadir,
                                 struct sr_err *err)
{
    struct sr_uuid owner = {{0}};
    uint64_t epoch = 0;
    enum sr_result result = find_owner(store, datadir, &owner, &epoch, err);

    if (result == SR_OK) {
        result = store->ops->retire(store, &owner, epoch, err);
    }
    return result == SR_NOT_FOUND ? SR_OK : result;
}

/* The row must be at the epoch that the flush ended with: what the database says itself. */
static enum sr_result verify(struct service *s, struct sr_err *err)
{
    struct flusher_stats stats;
    struct sr_uuid owner;
    uint64_t epoch = 0;
    enum sr_result result = find_owner(s->flusher_store, s->datadir, &owner, &epoch, err);

    flusher_stats(s->flusher, &stats);
    if (result == SR_NOT_FOUND && stats.applied_epoch == 0) {
        return SR_OK; /* nothing was ever flushed, and nothing waits */
    }
    if (result == SR_OK && epoch != stats.applied_epoch) {
        return sr_fail(err, SR_FENCED,
                       "the database is at epoch %" PRIu64 " and not at %" PRIu64
                       ", which was flushed: run `simple-request verify`",
                       epoch, stats.applied_epoch);
    }
    return result;
}

static enum sr_result flush_and_retire(struct service *s, const struct config *config,
                                       struct sr_err *err)
{
    enum sr_result result = service_open_to_flush(s, config, err);

    if (result == SR_OK) {
        result =
            service_flush(s,
                          sr_clock_monotonic_ms() + config_number(config, CONFIG_DRAIN_TIMEOUT),
                          err);
    }
    if (result == SR_OK) {
        result = verify(s, err);
    }
    if (result == SR_OK) {
        result = datadir_retire(s->datadir, err);
    }
    return result == SR_OK ? remove_row(s->flusher_store, s->datadir, err) : result;
}

/* Of a directory that is marked already. */
static enum sr_result finish(const struct config *config, struct datadir *datadir,
                             struct sr_err *err)
{
    struct sr_uuid instance = datadir_instance(datadir);
    struct store *store = NULL;
    enum sr_result result = config_open_store(config, &instance, &store, err);

    if (result == SR_OK) {
        result = remove_row(store, datadir, err);
    }
    store_close(&store);
    return result;
}

static enum sr_result retire(const struct config *config, struct sr_err *err)
{
    static struct service service;
    struct datadir *datadir = NULL;
    enum sr_result result =
        datadir_open(config_text(config, CONFIG_DATA_DIR), true, &datadir, err);

    if (result == SR_OK && datadir_retired(datadir)) {
        result = finish(config, datadir, err);
    } else if (result == SR_OK) {
        result = flush_and_retire(&service, config, err);
        service_close(&service);
    }
    datadir_close(&datadir);
    return result;
}

int command_retire(const struct config *config)
{
    char text[sizeof(((struct sr_err *)0)->text) + 80];
    struct sr_err err;

    if (config_check_store(config, &err) != SR_OK) {
        command_complain(err.text);
        return COMMAND_USAGE;
    }
    sr_log_setup(SR_LOG_ERROR, (enum sr_log_format)config_number(config, CONFIG_LOG_FORMAT));
    if (retire(config, &err) != SR_OK) {
        (void)snprintf(text, sizeof(text), "not retired, nothing is lost: %s", err.text);
        sr_log_flush();
        command_complain(text);
        return COMMAND_FAILED;
    }
    (void)printf("retired: everything that %s counted is in the database, its writer's row is "
                 "gone, and it is never used again\n",
                 config_text(config, CONFIG_DATA_DIR));
    return fflush(stdout) == 0 ? COMMAND_OK : COMMAND_FAILED;
}
