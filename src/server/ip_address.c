/*
 * Addresses and networks from texts and sockets.
 */
#include "server/ip_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

static const uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool is_v4(const struct ip_address *address)
{
    return memcmp(address->bytes, mapped_prefix, sizeof(mapped_prefix)) == 0;
}

static void set_v4(struct ip_address *address, const void *four_bytes)
{
    memcpy(address->bytes, mapped_prefix, sizeof(mapped_prefix));
    memcpy(address->bytes + sizeof(mapped_prefix), four_bytes, 4);
}

bool ip_address_of(const struct sockaddr_storage *storage, struct ip_address *ret_address)
{
    if (storage->ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)storage;

        set_v4(ret_address, &v4->sin_addr);
        return true;
    }
    if (storage->ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)storage;

        memcpy(ret_address->bytes, &v6->sin6_addr, sizeof(ret_address->bytes));
        return true;
    }
    return false;
}

bool ip_address_parse(struct sr_span text, struct ip_address *ret_address)
{
    char copy[IP_ADDRESS_TEXT_SIZE];
    struct in_addr v4;

    if (text.size == 0 || text.size >= sizeof(copy) ||
        memchr(text.data, '\0', text.size) != NULL) {
        return false;
    }
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    if (inet_pton(AF_INET, copy, &v4) == 1) {
        set_v4(ret_address, &v4);
        return true;
    }
    return inet_pton(AF_INET6, copy, ret_address->bytes) == 1;
}

uint64_t ip_address_client(const struct ip_address *address)
{
    /* ffff:ffff:a.b.c.d: no client's /64 starts so, it would be a multicast address. */
    uint8_t bytes[sizeof(uint64_t)] = {0xff, 0xff, 0xff, 0xff};
    uint64_t client;

    if (is_v4(address)) {
        memcpy(bytes + 4, address->bytes + sizeof(mapped_prefix), 4);
    } else {
        memcpy(bytes, address->bytes, sizeof(bytes));
    }
    memcpy(&client, bytes, sizeof(client));
    return client;
}

void ip_address_text(const struct ip_address *address, char ret_text[IP_ADDRESS_TEXT_SIZE])
{
    const char *text =
        is_v4(address) ? inet_ntop(AF_INET, address->bytes + sizeof(mapped_prefix), ret_text,
                                   IP_ADDRESS_TEXT_SIZE)
                       : inet_ntop(AF_INET6, address->bytes, ret_text, IP_ADDRESS_TEXT_SIZE);

    if (text == NULL) {
        ret_text[0] = '\0'; /* cannot be: there is room for the longest */
    }
}

/* ---- networks ---- */

static struct sr_span without_spaces(struct sr_span text)
{
    while (text.size > 0 && text.data[0] == ' ') {
        text.data++;
        text.size--;
    }
    while (text.size > 0 && text.data[text.size - 1] == ' ') {
        text.size--;
    }
    return text;
}

/* Whether the first `bits` bits are the same. */
static bool same_prefix(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    unsigned bytes = bits / 8;
    unsigned rest = bits % 8;

    return memcmp(a, b, bytes) == 0 && (rest == 0 || (a[bytes] ^ b[bytes]) >> (8 - rest) == 0);
}

static bool rest_is_zero(const struct network *network)
{
    for (unsigned bit = network->bits; bit < 128; bit++) {
        if ((network->address.bytes[bit / 8] >> (7 - bit % 8) & 1) != 0) {
            return false;
        }
    }
    return true;
}

/* The digits behind the slash: at most `max`. */
static bool parse_bits(struct sr_span digits, unsigned max, unsigned *ret_bits)
{
    unsigned bits = 0;

    if (digits.size == 0 || digits.size > 3) {
        return false;
    }
    for (size_t i = 0; i < digits.size; i++) {
        if (digits.data[i] < '0' || digits.data[i] > '9') {
            return false;
        }
        bits = bits * 10 + (digits.data[i] - '0');
    }
    *ret_bits = bits;
    return bits <= max;
}

static bool parse_network(struct sr_span text, struct network *ret_network)
{
    const uint8_t *slash = memchr(text.data, '/', text.size);
    struct sr_span address = text;
    unsigned offset, bits;

    if (slash != NULL) {
        address.size = (size_t)(slash - text.data);
    }
    if (!ip_address_parse(address, &ret_network->address)) {
        return false;
    }
    offset = is_v4(&ret_network->address) && memchr(address.data, ':', address.size) == NULL
                 ? 96
                 : 0;
    bits = 128 - offset;
    if (slash != NULL) {
        struct sr_span digits = {.data = slash + 1, .size = text.size - address.size - 1};

        if (!parse_bits(digits, 128 - offset, &bits)) {
            return false;
        }
    }
    ret_network->bits = (uint8_t)(offset + bits);
    return rest_is_zero(ret_network);
}

static enum sr_result add_network(struct networks *networks, struct sr_span text,
                                  struct sr_err *err)
{
    if (sr_span_equal(text, sr_span_text("unix"))) {
        networks->unix_sockets = true;
        return SR_OK;
    }
    if (networks->count == NETWORKS_MAX) {
        return sr_fail(err, SR_INVALID, "more than %d networks", NETWORKS_MAX);
    }
    if (text.size == 0 || !parse_network(text, &networks->items[networks->count])) {
        return sr_fail(err, SR_INVALID,
                       "'%.*s' is no network: expected an address, an address/prefix whose "
                       "other bits are 0 (10.0.0.0/8, 2001:db8::/32), or the word unix",
                       (int)(text.size < 64 ? text.size : 64), (const char *)text.data);
    }
    networks->count++;
    return SR_OK;
}

enum sr_result networks_parse(const char *text, struct networks *ret_networks,
                              struct sr_err *err)
{
    struct networks networks = {0};
    enum sr_result result = SR_OK;

    for (const char *at = text; at != NULL && result == SR_OK;) {
        size_t size = strcspn(at, ",");

        result = add_network(&networks,
                             without_spaces(
                                 (struct sr_span){.data = (const uint8_t *)at, .size = size}),
                             err);
        at = at[size] == ',' ? at + size + 1 : NULL;
    }
    if (result == SR_OK) {
        *ret_networks = networks;
    }
    return result;
}

bool networks_hold(const struct networks *networks, const struct ip_address *address)
{
    for (uint32_t i = 0; i < networks->count; i++) {
        if (same_prefix(networks->items[i].address.bytes, address->bytes,
                        networks->items[i].bits)) {
            return true;
        }
    }
    return false;
}
