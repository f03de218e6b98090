/*
 * A proxy on loopback that cuts a connection after so many bytes of one direction: for tests of
 * what a driver makes of a connection that ends anywhere. One thread; one connection at a time.
 */
#ifndef SR_TEST_STORE_CUTTING_PROXY_H
#define SR_TEST_STORE_CUTTING_PROXY_H

#include <stdbool.h>
#include <stddef.h>

enum cutting_direction { CUTTING_TO_SERVER, CUTTING_TO_CLIENT };

struct cutting_proxy;

/* Listens on a free port and forwards to 127.0.0.1:server_port. Aborts where that fails. */
struct cutting_proxy *cutting_proxy_open(unsigned server_port);
void cutting_proxy_close(struct cutting_proxy **proxy);

unsigned cutting_proxy_port(const struct cutting_proxy *proxy);

/* The next `size` bytes of the direction still pass, then both ends are closed. */
void cutting_proxy_arm(struct cutting_proxy *proxy, enum cutting_direction direction,
                       size_t size);

/* Disarms; tells whether a connection was cut since it was armed. */
bool cutting_proxy_disarm(struct cutting_proxy *proxy);

#endif
