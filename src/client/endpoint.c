/*
 * URLs of services. Pure.
 */
#include "client/endpoint.h"

#include "base/units.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#define DEFAULT_PORT "3333" /* of http; https has its own */
#define DEFAULT_TLS_PORT "443"

static enum sr_result refuse(const char *why, struct sr_err *err)
{
    return sr_fail(err, SR_INVALID, "--url: %s; " ENDPOINT_URL_EXAMPLES, why);
}

static enum sr_result parse_unix(const char *path, struct endpoint *ret_endpoint,
                                 struct sr_err *err)
{
    size_t size = strlen(path);

    if (size == 0 || size >= sizeof(((struct sockaddr_un *)0)->sun_path)) {
        return refuse("unix: takes the path of a socket, of 107 bytes at most", err);
    }
    ret_endpoint->is_unix = true;
    memcpy(ret_endpoint->host, path, size + 1);
    (void)snprintf(ret_endpoint->authority, sizeof(ret_endpoint->authority), "localhost");
    return SR_OK;
}

static bool copy(const char *from, size_t size, char *ret_text, size_t room)
{
    if (size == 0 || size >= room) {
        return false;
    }
    memcpy(ret_text, from, size);
    ret_text[size] = '\0';
    return true;
}

/* Host and port out of `size` bytes; an IPv6 address stands in brackets. */
static bool split_authority(const char *text, size_t size, struct endpoint *e)
{
    const char *end = text + size;
    const char *host = *text == '[' ? text + 1 : text;
    const char *host_end = host + strcspn(host, *text == '[' ? "]" : ":");
    const char *rest;
    uint64_t port;

    if (host_end > end || (*text == '[' && host_end == end)) {
        host_end = end;
    }
    rest = *text == '[' && host_end < end ? host_end + 1 : host_end;
    if ((*text == '[' && rest == host_end) ||
        !copy(host, (size_t)(host_end - host), e->host, sizeof(e->host))) {
        return false;
    }
    if (rest == end) {
        (void)snprintf(e->port, sizeof(e->port), "%s",
                       e->tls ? DEFAULT_TLS_PORT : DEFAULT_PORT);
        return true;
    }
    return *rest == ':' && copy(rest + 1, (size_t)(end - rest - 1), e->port, sizeof(e->port)) &&
           sr_parse_u64(e->port, &port) && port > 0 && port <= 65535;
}

static enum sr_result parse_network(const char *text, struct endpoint *e, struct sr_err *err)
{
    size_t size = strcspn(text, "/?#");

    if (memchr(text, '@', size) != NULL) {
        return refuse("a user in it would not be sent: tokens come from --token-file", err);
    }
    if (text[size] != '\0' && strcmp(text + size, "/") != 0) {
        return refuse("a path would not be asked for: host and port are all it takes", err);
    }
    for (size_t i = 0; i < size; i++) {
        if (text[i] <= ' ' || text[i] > '~') {
            return refuse("a host has neither spaces nor characters beyond ASCII", err);
        }
    }
    if (!split_authority(text, size, e)) {
        return refuse("it needs a host, and a port from 1 to 65535 behind a colon if any", err);
    }
    (void)snprintf(e->authority, sizeof(e->authority),
                   strchr(e->host, ':') != NULL ? "[%s]:%s" : "%s:%s", e->host, e->port);
    return SR_OK;
}

enum sr_result endpoint_parse(const char *url, struct endpoint *ret_endpoint,
                              struct sr_err *err)
{
    struct endpoint e = {.tls = strncmp(url, "https://", 8) == 0};
    enum sr_result result;

    if (strncmp(url, "unix:", 5) == 0) {
        result = parse_unix(url + 5, &e, err);
    } else if (e.tls) {
        result = parse_network(url + 8, &e, err);
    } else if (strncmp(url, "http://", 7) == 0) {
        result = parse_network(url + 7, &e, err);
    } else {
        result = refuse("it begins with none of http://, https:// and unix:", err);
    }
    if (result == SR_OK) {
        *ret_endpoint = e;
    }
    return result;
}
