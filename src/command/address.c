/*
 * Addresses of --listen.
 */
#include "command/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#define ADDRESS_TEXT_SIZE 128 /* more than a socket's path */

/* The next address of the list without spaces around it (what is too long for one is cut, and
 * is none); moves *list behind it. False at the end. */
static bool next_address(const char **list, char ret_text[ADDRESS_TEXT_SIZE])
{
    const char *from = *list;
    size_t size;

    if (from == NULL) {
        return false;
    }
    size = strcspn(from, ",");
    *list = from[size] == ',' ? from + size + 1 : NULL;
    while (size > 0 && from[0] == ' ') {
        from++;
        size--;
    }
    while (size > 0 && from[size - 1] == ' ') {
        size--;
    }
    (void)snprintf(ret_text, ADDRESS_TEXT_SIZE, "%.*s", (int)size, from);
    return true;
}

static bool parse_unix(const char *text, struct address *ret_address)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    size_t size = strlen(text);

    if (strncmp(text, "unix:", 5) != 0 || size == 5 || size - 5 >= sizeof(name.sun_path)) {
        return false;
    }
    memcpy(name.sun_path, text + 5, size - 5);
    memcpy(&ret_address->storage, &name, sizeof(name));
    ret_address->size = sizeof(name);
    return true;
}

static bool parse_v4(const char *text, uint16_t port, struct address *ret_address)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};

    if (inet_pton(AF_INET, text, &v4.sin_addr) != 1) {
        return false;
    }
    if (v4.sin_addr.s_addr == htonl(INADDR_ANY)) {
        v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    }
    memcpy(&ret_address->storage, &v4, sizeof(v4));
    ret_address->size = sizeof(v4);
    return true;
}

static bool parse_v6(const char *text, uint16_t port, struct address *ret_address)
{
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    char bare[ADDRESS_TEXT_SIZE];
    size_t size = strlen(text);
    bool brackets = size >= 2 && text[0] == '[' && text[size - 1] == ']';

    (void)snprintf(bare, sizeof(bare), "%.*s", (int)(brackets ? size - 2 : size),
                   brackets ? text + 1 : text);
    if (inet_pton(AF_INET6, bare, &v6.sin6_addr) != 1) {
        return false;
    }
    if (IN6_IS_ADDR_UNSPECIFIED(&v6.sin6_addr)) {
        v6.sin6_addr = in6addr_loopback;
    }
    memcpy(&ret_address->storage, &v6, sizeof(v6));
    ret_address->size = sizeof(v6);
    return true;
}

static enum sr_result parse(const char *text, uint16_t port, struct address *ret_address,
                            struct sr_err *err)
{
    if (parse_unix(text, ret_address) || parse_v4(text, port, ret_address) ||
        parse_v6(text, port, ret_address)) {
        return SR_OK;
    }
    return sr_fail(err, SR_INVALID,
                   "--listen: \"%s\" is no address; a comma list of IPv4 addresses, IPv6 "
                   "addresses and unix:PATH would be right, such as 127.0.0.1,[::1]",
                   text);
}

enum sr_result address_list_check(const char *list, struct sr_err *err)
{
    char text[ADDRESS_TEXT_SIZE];
    struct address address;

    while (next_address(&list, text)) {
        if (parse(text, 0, &address, err) != SR_OK) {
            return SR_INVALID;
        }
    }
    return SR_OK;
}

enum sr_result address_to_connect(const char *list, uint16_t port, struct address *ret_address,
                                  struct sr_err *err)
{
    char text[ADDRESS_TEXT_SIZE] = "";

    (void)next_address(&list, text); /* a list has one at least, an empty one is none */
    return parse(text, port, ret_address, err);
}

static void write_url(const struct address *address, uint16_t port, const char *scheme,
                      char ret_url[ADDRESS_URL_SIZE])
{
    const void *storage = &address->storage;
    char host[INET6_ADDRSTRLEN] = "";

    if (address->storage.ss_family == AF_UNIX) {
        (void)snprintf(ret_url, ADDRESS_URL_SIZE, "unix:%s",
                       ((const struct sockaddr_un *)storage)->sun_path);
    } else if (address->storage.ss_family == AF_INET6) {
        (void)inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)storage)->sin6_addr, host,
                        sizeof(host));
        (void)snprintf(ret_url, ADDRESS_URL_SIZE, "%s://[%s]:%u", scheme, host, port);
    } else {
        (void)inet_ntop(AF_INET, &((const struct sockaddr_in *)storage)->sin_addr, host,
                        sizeof(host));
        (void)snprintf(ret_url, ADDRESS_URL_SIZE, "%s://%s:%u", scheme, host, port);
    }
}

enum sr_result address_url(const char *list, uint16_t port, bool tls,
                           char ret_url[ADDRESS_URL_SIZE], struct sr_err *err)
{
    struct address address = {.size = 0};
    enum sr_result result = address_to_connect(list, port, &address, err);

    if (result == SR_OK) {
        write_url(&address, port, tls ? "https" : "http", ret_url);
    }
    return result;
}
