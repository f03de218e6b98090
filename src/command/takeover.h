/*
 * The data directory at start, taken over from the process before us in a rolling restart.
 */
#ifndef SR_COMMAND_TAKEOVER_H
#define SR_COMMAND_TAKEOVER_H

#include "command/config.h"
#include "journal/datadir.h"

/* datadir_open for the service. Where sockets are inherited, another process that holds the
 * directory's lock is taken for our predecessor: its end is waited for (a little longer than
 * --drain-timeout at most), while connections wait in the sockets' backlog. Before any thread
 * runs, after signals_prepare. SR_CLOSED: SIGTERM or SIGINT came meanwhile; else as
 * datadir_open. */
enum sr_result takeover_datadir(const struct config *config, struct datadir **ret_datadir,
                                struct sr_err *err) SR_MUST_USE;

#endif
