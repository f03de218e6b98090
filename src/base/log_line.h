/*
 * A log line from an event: text for people or one JSON object with OpenTelemetry's log fields.
 * Pure; part of base/log.
 */
#ifndef SR_BASE_LOG_LINE_H
#define SR_BASE_LOG_LINE_H

#include "base/log.h"

#include <stddef.h>
#include <stdint.h>

#define SR_LOG_LINE_MAX 2048 /* bytes with the line's end */

/* One event as sr_log_event was given it, and when. */
struct sr_log_record {
    uint64_t wall_ms; /* since 1970-01-01 UTC */
    enum sr_log_level level;
    const char *event, *message;
    const struct sr_log_field *fields; /* up to the one whose name is NULL */
};

/*
 * Writes the line with its '\n' (no NUL) and returns its size. What does not fit is left out at
 * a character's end and told by `truncated`; a JSON line stays one whole object. Whatever the
 * bytes of event, message and fields are, the line is valid UTF-8 and holds no control
 * character and no line end but the last: they are written as \uXXXX, bytes that are no UTF-8
 * as U+FFFD.
 */
size_t sr_log_line(enum sr_log_format format, const struct sr_log_record *record,
                   char ret_line[SR_LOG_LINE_MAX]);

#endif
