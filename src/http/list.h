/*
 * Replies with many counters: {"data":[{"key":K,"value":N},...]}, a page of them with
 * "next":K or null behind the array. Pure.
 */
#ifndef SR_HTTP_LIST_H
#define SR_HTTP_LIST_H

#include "http/reply.h"

struct http_list_item {
    struct sr_span key; /* well-formed UTF-8 */
    int64_t value;
    bool known; /* false: the value is null */
};

struct http_list {
    uint32_t count;
    /* Tells item i; asked twice for each, it must say the same. */
    void (*item)(const void *context, uint32_t i, struct http_list_item *ret_item);
    const void *context;
    bool is_page;        /* has the member next */
    struct sr_span next; /* size 0: null */
};

/* The most bytes that the reply takes whatever its status and the values are: to be reserved
 * before they are known. */
size_t http_list_size_max(const struct http_reply *reply, const struct http_list *list);

/* Appends the whole reply; errors of sr_buffer_reserve, then nothing was appended. */
enum sr_result http_reply_list(struct sr_buffer *out, const struct http_reply *reply,
                               const struct http_list *list) SR_MUST_USE;

#endif
