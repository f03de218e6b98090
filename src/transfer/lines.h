/*
 * The lines of a file, numbered from 1, from any offset on. Blank ones are passed over; they
 * have numbers all the same.
 */
#ifndef SR_TRANSFER_LINES_H
#define SR_TRANSFER_LINES_H

#include "base/result.h"
#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

/* A line that holds a key of the longest kind, each byte escaped, has 3,100 bytes. */
#define LINE_SIZE_MAX 16384

struct line {
    struct sr_span text; /* without its line break; in the reader until the next call */
    uint64_t number;
    bool too_long; /* text is its front then */
};

/*
 *   bytes            at                  size
 *    |--- given -----|---- to give ------|
 */
struct lines {
    int fd;          /* borrowed */
    uint64_t offset; /* in the file, of bytes[at] */
    uint64_t number; /* of the line before bytes[at] */
    uint8_t *bytes;  /* owned */
    size_t at, size;
    bool ended; /* the file holds nothing behind */
};

/* Reads from `offset` on, which begins the line behind number `before`. SR_NO_MEMORY. */
enum sr_result lines_init(struct lines *lines, int fd, uint64_t offset,
                          uint64_t before) SR_MUST_USE;
void lines_done(struct lines *lines);

/* The next line that is not blank. SR_CLOSED: there is none. SR_IO. */
enum sr_result lines_next(struct lines *lines, struct line *ret_line,
                          struct sr_err *err) SR_MUST_USE;

#endif
