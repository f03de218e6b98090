/*
 * Hops from the right. Lists are cut at their commas without regard to quotes: the right part
 * is our proxies', and a stranger's open quote on the left must not swallow it.
 */
#include "server/forwarded.h"

#include "http/field.h"

#include <string.h>

static struct sr_span part(struct sr_span text, size_t from, size_t size)
{
    return (struct sr_span){.data = text.data + from, .size = size};
}

/* Cuts the last element off *list. */
static struct sr_span take_last(struct sr_span *list)
{
    const uint8_t *comma = memrchr(list->data, ',', list->size);
    size_t from = comma == NULL ? 0 : (size_t)(comma - list->data) + 1;
    struct sr_span last = part(*list, from, list->size - from);

    list->size = comma == NULL ? 0 : from - 1;
    return http_trimmed(last);
}

/* The value of the pair "for", its quotes taken off; empty where there is none. */
static struct sr_span for_value(struct sr_span element)
{
    while (element.size > 0) {
        const uint8_t *end = memchr(element.data, ';', element.size);
        size_t size = end == NULL ? element.size : (size_t)(end - element.data);
        struct sr_span pair = http_trimmed(part(element, 0, size));

        if (pair.size > 4 && http_same_text(part(pair, 0, 4), "for=")) {
            struct sr_span value = part(pair, 4, pair.size - 4);

            if (value.size >= 2 && value.data[0] == '"' && value.data[value.size - 1] == '"') {
                return part(value, 1, value.size - 2);
            }
            return value;
        }
        element = end == NULL ? part(element, 0, 0)
                              : part(element, size + 1, element.size - size - 1);
    }
    return element;
}

/* An address that may be in brackets and may have a port: 192.0.2.1:80, [2001:db8::1]:80,
 * 2001:db8::1. */
static bool parse_node(struct sr_span node, struct ip_address *ret_address)
{
    const uint8_t *colon = memchr(node.data, ':', node.size);
    const uint8_t *bracket;

    if (node.size > 0 && node.data[0] == '[') {
        bracket = memchr(node.data, ']', node.size);
        return bracket != NULL &&
               ip_address_parse(part(node, 1, (size_t)(bracket - node.data) - 1), ret_address);
    }
    if (colon != NULL && memrchr(node.data, ':', node.size) == colon) {
        node.size = (size_t)(colon - node.data);
    }
    return ip_address_parse(node, ret_address);
}

bool forwarded_client(enum forwarded_field field, struct sr_span value,
                      const struct networks *trusted, struct ip_address *address)
{
    struct ip_address hop;
    bool found = false;

    while (value.size > 0) {
        struct sr_span element = take_last(&value);

        if (field == FORWARDED_FORWARDED) {
            element = for_value(element);
        }
        if (!parse_node(element, &hop)) {
            return found;
        }
        *address = hop;
        found = true;
        if (!networks_hold(trusted, &hop)) {
            return true;
        }
    }
    return found;
}
