/*
 * IP addresses and networks as bytes: what clients, proxies and the lists of an operator are
 * compared by. An IPv4 address is the IPv6 address that it is mapped to (RFC 4291 section
 * 2.5.5.2), so that one form serves both. No I/O.
 */
#ifndef SR_SERVER_IP_ADDRESS_H
#define SR_SERVER_IP_ADDRESS_H

#include "base/result.h"
#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct ip_address {
    uint8_t bytes[16];
};

/* False where the socket address is of neither family: a unix socket. */
bool ip_address_of(const struct sockaddr_storage *storage, struct ip_address *ret_address);

/* Reads "192.0.2.1" or "2001:db8::1", without brackets, port or zone. */
bool ip_address_parse(struct sr_span text, struct ip_address *ret_address);

/* What a client is told apart by: its IPv4 address, or the /64 of its IPv6 address, since a
 * client has all of that. No two such clients have the same number. */
uint64_t ip_address_client(const struct ip_address *address);

#define IP_ADDRESS_TEXT_SIZE 46 /* INET6_ADDRSTRLEN */

/* Writes the address as people write it. */
void ip_address_text(const struct ip_address *address, char ret_text[IP_ADDRESS_TEXT_SIZE]);

#define NETWORKS_MAX 64

/* Networks as in "10.0.0.0/8,2001:db8::/32,192.0.2.7,unix". */
struct networks {
    struct network {
        struct ip_address address;
        uint8_t bits; /* of 128 that count */
    } items[NETWORKS_MAX];
    uint32_t count;
    bool unix_sockets; /* the word "unix": peers on a unix socket */
};

/* Reads a comma list; bits beyond a network's prefix must be 0, so that a slip is seen.
 * SR_INVALID. */
enum sr_result networks_parse(const char *text, struct networks *ret_networks,
                              struct sr_err *err) SR_MUST_USE;

bool networks_hold(const struct networks *networks, const struct ip_address *address);

#endif
