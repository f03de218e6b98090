/*
 * The log: one line an event on standard error, text on a terminal and JSON elsewhere. Only
 * server/ and main call it. Thread-safe; a line is written by one write(2). Nothing in a value
 * can forge a line: control bytes are escaped.
 */
#ifndef SR_BASE_LOG_H
#define SR_BASE_LOG_H

#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

enum sr_log_level { SR_LOG_DEBUG, SR_LOG_INFO, SR_LOG_WARN, SR_LOG_ERROR };

enum sr_log_format { SR_LOG_TEXT, SR_LOG_JSON };

/* Set once at start, before threads run. */
void sr_log_setup(enum sr_log_level level, enum sr_log_format format);

/* One named value of an event; made by the three helpers below. The bytes are borrowed. */
struct sr_log_field {
    const char *name;    /* NULL ends the list */
    struct sr_span text; /* used where is_number is false */
    int64_t number;
    bool is_number;
};

static inline struct sr_log_field sr_log_text(const char *name, const char *text)
{
    return (struct sr_log_field){.name = name, .text = sr_span_text(text)};
}

static inline struct sr_log_field sr_log_span(const char *name, struct sr_span span)
{
    return (struct sr_log_field){.name = name, .text = span};
}

static inline struct sr_log_field sr_log_number(const char *name, int64_t number)
{
    return (struct sr_log_field){.name = name, .number = number, .is_number = true};
}

/*
 * Writes one line: time, level, event (a fixed dotted name such as "server.listening"), message
 * for people, and the fields up to the one whose name is NULL. A line is cut at 2 KiB.
 * Repeats of one event beyond 20 a second are counted and told in one line. event is static
 * text.
 */
void sr_log_event(enum sr_log_level level, const char *event, const char *message,
                  const struct sr_log_field *fields);

/* The same without the limit on repeats, for a log that is wanted line by line. False, and the
 * line lost, where standard error is a pipe that would not take it now: the caller must not
 * wait for who reads the log. */
bool sr_log_offer(enum sr_log_level level, const char *event, const char *message,
                  const struct sr_log_field *fields);

/* Tells now what the limit on repeated events has left out so far (else with a later event):
 * before the process ends. */
void sr_log_flush(void);

#ifdef __clang__
/* An event without fields leaves the macro's last argument away, which C11 has no word for. */
#pragma clang diagnostic ignored "-Wgnu-zero-variadic-macro-arguments"
#endif

/* sr_log(SR_LOG_INFO, "sync.flushed", "flushed", sr_log_number("rows", n), ...); */
#define sr_log(level, event, message, ...)                                                     \
    sr_log_event(level, event, message,                                                        \
                 (const struct sr_log_field[]){__VA_ARGS__ __VA_OPT__(, ){.name = NULL}})

#endif
