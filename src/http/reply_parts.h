/*
 * What all replies begin with. For http/reply*.c and http/list.c only.
 */
#ifndef SR_HTTP_REPLY_PARTS_H
#define SR_HTTP_REPLY_PARTS_H

#include "http/reply.h"

/* The most bytes that the reply's head takes. */
size_t http_head_size_max(const struct http_reply *reply);

/* Writes status line, headers and the empty line; returns the address behind them. */
uint8_t *http_put_head(uint8_t *at, const struct http_reply *reply, size_t body_size);

#endif
