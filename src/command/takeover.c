/*
 * Waiting for the predecessor: the lock is asked for again and again, since a file lock comes
 * without an event that could be awaited together with signals and a deadline.
 */
#include "command/takeover.h"

#include "base/clock.h"
#include "base/log.h"
#include "command/signals.h"
#include "server/server.h"

#define LOOK_MS 10        /* clients in the backlog wait that much longer at most */
#define PATIENCE_MS 10000 /* beyond --drain-timeout: until the predecessor is told to end */

/* Waits for the process that err names. SR_OK: it may have ended; look again. */
static enum sr_result wait_for_predecessor(uint64_t deadline_ms, struct sr_err *err)
{
    if (sr_clock_monotonic_ms() >= deadline_ms) {
        return SR_EXISTS;
    }
    if (signals_come_within(LOOK_MS)) {
        return sr_fail(err, SR_CLOSED, "ended by a signal before the data directory was free");
    }
    return SR_OK;
}

enum sr_result takeover_datadir(const struct config *config, struct datadir **ret_datadir,
                                struct sr_err *err)
{
    const char *path = config_text(config, CONFIG_DATA_DIR);
    uint64_t deadline_ms =
        sr_clock_monotonic_ms() + config_number(config, CONFIG_DRAIN_TIMEOUT) + PATIENCE_MS;
    bool waits = server_sockets_inherited();
    enum sr_result result = datadir_open(path, false, ret_datadir, err);

    if (result == SR_EXISTS && waits) {
        sr_log(SR_LOG_INFO, "datadir.waiting",
               "connections wait until the process before us has drained",
               sr_log_text("reason", err->text));
    }
    while (result == SR_EXISTS && waits) {
        result = wait_for_predecessor(deadline_ms, err);
        if (result != SR_OK) {
            return result;
        }
        result = datadir_open(path, false, ret_datadir, err);
    }
    return result;
}
