/*
 * UTF-8 as RFC 3629 has it: no surrogates, no overlong forms, nothing over U+10FFFF. Pure.
 */
#ifndef SR_HTTP_UTF8_H
#define SR_HTTP_UTF8_H

#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

/* Where a text stands between its bytes; zero at its start and after each whole character. */
struct http_utf8 {
    uint8_t outstanding; /* bytes that the character under way lacks */
    uint8_t low, high;   /* bounds of the next one of these */
};

/* Takes one byte more. False where no well-formed text goes on so. */
bool http_utf8_step(struct http_utf8 *utf8, uint8_t byte);

/* True for well-formed text. Fast on ASCII. */
bool http_utf8_valid(struct sr_span text);

#endif
