/*
 * Test inputs as literals that may hold NUL, and spans compared with a readable failure.
 */
#ifndef SR_TEST_HTTP_BYTES_H
#define SR_TEST_HTTP_BYTES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/span.h"

/* An initialiser of a struct sr_span over a string literal. */
#define BYTES(literal)                                                                         \
    {                                                                                          \
        .data = (const uint8_t *)(literal), .size = sizeof(literal) - 1                        \
    }

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static inline void assert_span(const char *what, struct sr_span span, const char *expected)
{
    if (span.size != strlen(expected) || memcmp(span.data, expected, span.size) != 0) {
        fail_msg("%s: expected '%s', got '%.*s'", what, expected, (int)span.size,
                 (const char *)span.data);
    }
}

#endif
