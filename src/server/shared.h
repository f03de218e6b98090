/*
 * What all workers share: options, counts and flags. For server/ only.
 */
#ifndef SR_SERVER_SHARED_H
#define SR_SERVER_SHARED_H

#include "server/address_table.h"
#include "server/buffer_pool.h"
#include "server/server.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct shared {
    struct buffer_budget input_budget;
    struct address_table *addresses; /* NULL: no cap per address */
    _Atomic uint32_t connections;    /* open, all workers */
    _Atomic bool draining;           /* set once by server_drain, workers are woken */
    _Atomic bool stopping;           /* the same at its deadline: cut what is left */

    /* Not changed once workers run; its strings are not used. On cache lines of its own. */
    _Alignas(64) struct server_options options;
};

#endif
