/*
 * Whose request a proxy passes on: the right-most hop of X-Forwarded-For or Forwarded (RFC
 * 7239) that is no proxy of ours. What stands further left was written by strangers and is not
 * looked at. No I/O.
 */
#ifndef SR_SERVER_FORWARDED_H
#define SR_SERVER_FORWARDED_H

#include "base/span.h"
#include "server/ip_address.h"

/* The field that the operator's proxies write. The other one is never looked at: a client could
 * send it through them. */
enum forwarded_field { FORWARDED_X_FORWARDED_FOR, FORWARDED_FORWARDED };

/*
 * Goes from the right over the hops that `value` names, as long as they are trusted; moves
 * *address, before the proxy that sent the request, to the last one reached. A hop that is no
 * address ("unknown", "_hidden", nonsense) ends the way: *address is then the proxy that wrote
 * it. False where the value names no hop at all.
 */
bool forwarded_client(enum forwarded_field field, struct sr_span value,
                      const struct networks *trusted, struct ip_address *address);

#endif
