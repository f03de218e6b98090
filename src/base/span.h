/*
 * Borrowed bytes: a pointer and a size, owned by somebody else, not terminated by NUL.
 */
#ifndef SR_BASE_SPAN_H
#define SR_BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct sr_span {
    const uint8_t *data; /* may be NULL when size is 0 */
    size_t size;         /* bytes */
};

/* The bytes of a C string without its NUL. */
static inline struct sr_span sr_span_text(const char *text)
{
    return (struct sr_span){.data = (const uint8_t *)text, .size = strlen(text)};
}

static inline bool sr_span_equal(struct sr_span a, struct sr_span b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static inline bool sr_span_begins(struct sr_span bytes, struct sr_span with)
{
    return bytes.size >= with.size &&
           (with.size == 0 || memcmp(bytes.data, with.data, with.size) == 0);
}

/* Byte order, shorter first where one is a prefix: the order of COLLATE "C". <0, 0 or >0. */
static inline int sr_span_compare(struct sr_span a, struct sr_span b)
{
    size_t common = a.size < b.size ? a.size : b.size;
    int order = common == 0 ? 0 : memcmp(a.data, b.data, common);

    if (order != 0) {
        return order;
    }
    return (a.size > b.size) - (a.size < b.size);
}

#endif
