/*
 * How many connections each client address has open, over all workers: for the cap per address.
 * Exists only where the cap is on. A fixed table, keyed hash (addresses are chosen by
 * strangers), one lock that is taken once per connection opened and closed.
 */
#ifndef SR_SERVER_ADDRESS_TABLE_H
#define SR_SERVER_ADDRESS_TABLE_H

#include "base/result.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* What counts as one client: an IPv4 address, or the /64 of an IPv6 address, since a client has
 * all of that. `counted` is false for others (unix sockets). */
struct address_key {
    uint64_t bits;
    bool is_v6;
    bool counted;
};

/* IPv4 addresses mapped into IPv6 are IPv4 addresses. */
struct address_key address_key_of(const struct sockaddr_storage *address);

struct address_table;

/* connections_max: connections in all, which bounds the number of addresses. */
enum sr_result address_table_open(uint32_t connections_max, uint32_t per_address_max,
                                  struct address_table **ret_table,
                                  struct sr_err *err) SR_MUST_USE;
void address_table_close(struct address_table **table);

/* Counts one more connection; false, and not counted, where the address has its maximum. */
bool address_table_enter(struct address_table *table, const struct address_key *key);

/* One connection that had entered is gone. */
void address_table_leave(struct address_table *table, const struct address_key *key);

#endif
