/*
 * An address of --listen as a socket address: for checking the option and for whoever connects
 * to the service.
 */
#ifndef SR_COMMAND_ADDRESS_H
#define SR_COMMAND_ADDRESS_H

#include "base/result.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct address {
    struct sockaddr_storage storage;
    socklen_t size;
};

/* Checks a comma list of IPv4 addresses, IPv6 addresses with or without brackets, and
 * unix:PATH. SR_INVALID names the one that is none. */
enum sr_result address_list_check(const char *list, struct sr_err *err) SR_MUST_USE;

/* Where a client on this machine reaches the first address of a checked list: the loopback
 * address where the service listens on all. */
enum sr_result address_to_connect(const char *list, uint16_t port, struct address *ret_address,
                                  struct sr_err *err) SR_MUST_USE;

#define ADDRESS_URL_SIZE 128

/* The same as a client's URL: "http://127.0.0.1:3333", "https://[::1]:3333", "unix:/path"; tls:
 * whether all but unix sockets speak it. */
enum sr_result address_url(const char *list, uint16_t port, bool tls,
                           char ret_url[ADDRESS_URL_SIZE], struct sr_err *err) SR_MUST_USE;

#endif
