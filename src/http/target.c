/*
 * Splits request targets. Depends on http/field for what a host is.
 */
#include "http/target.h"

#include "http/field.h"

/* Visible ASCII; '#' starts a fragment, which no request has (RFC 9112 section 3.2). */
static bool is_target_byte(uint8_t byte)
{
    return byte > 0x20 && byte < 0x7f && byte != '#';
}

static bool is_all_target_bytes(struct sr_span text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (!is_target_byte(text.data[i])) {
            return false;
        }
    }
    return true;
}

static void split_query(struct sr_span text, struct http_target *ret_parts)
{
    const uint8_t *mark = memchr(text.data, '?', text.size);
    struct http_target parts = {.path = text, .query = {.data = text.data + text.size}};

    if (mark != NULL) {
        parts.path.size = (size_t)(mark - text.data);
        parts.query.data = mark + 1;
        parts.query.size = text.size - parts.path.size - 1;
    }
    *ret_parts = parts;
}

static struct sr_span without_front(struct sr_span text, size_t size)
{
    return (struct sr_span){.data = text.data + size, .size = text.size - size};
}

/* The size of "http://" or "https://" at the start of target; 0 where there is none. */
static size_t scheme_size(struct sr_span target)
{
    static const char *const schemes[] = {"http://", "https://"};

    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        size_t size = strlen(schemes[i]);
        struct sr_span front = {.data = target.data, .size = size};

        if (target.size > size && http_same_text(front, schemes[i])) {
            return size;
        }
    }
    return 0;
}

static bool split_absolute(struct sr_span target, struct http_target *ret_parts)
{
    size_t scheme = scheme_size(target);
    struct sr_span authority = without_front(target, scheme);
    struct sr_span rest;
    size_t end = 0;

    if (scheme == 0) {
        return false;
    }
    while (end < authority.size && authority.data[end] != '/' && authority.data[end] != '?') {
        end++;
    }
    rest = without_front(authority, end);
    authority.size = end;
    if (!http_host_valid(authority)) {
        return false;
    }
    split_query(rest, ret_parts);
    if (ret_parts->path.size == 0) {
        ret_parts->path = sr_span_text("/");
    }
    return true;
}

bool http_target_split(struct sr_span target, struct http_target *ret_parts)
{
    if (target.size == 0 || !is_all_target_bytes(target)) {
        return false;
    }
    if (target.data[0] == '/' || (target.data[0] == '*' && target.size == 1)) {
        split_query(target, ret_parts);
        return true;
    }
    return split_absolute(target, ret_parts);
}
