/*
 * What an import tells: bad lines, a line of progress on a terminal, the summary.
 */
#ifndef SR_COMMAND_IMPORT_SHOW_H
#define SR_COMMAND_IMPORT_SHOW_H

#include "command/client_command.h"

#include <stdint.h>

#define IMPORT_BAD_LINES_TOLD 20

struct import_show {
    const char *name; /* of the source */
    bool terminal;    /* standard error is one */
    bool drawn;       /* a line of progress stands there */
    uint64_t shown_ms, begun_ms;
    uint64_t begun_at; /* where the phase began: of its total that much was done before */
    uint64_t bad;      /* lines told of, and those that were not */
};

/* How it went. */
struct import_summary {
    bool sets;
    uint64_t counters; /* of the whole source */
    uint64_t now;      /* counted by this run for the first time */
    uint64_t replayed; /* the service had counted them already */
    uint64_t resumed;  /* the resume file told that they were counted */
    uint64_t skipped;  /* in doubt, and left out */
    uint64_t elapsed_ms;
    const char *identity;
};

void import_show_init(struct import_show *show, const char *name);

/* A bad line, on standard error: the first ones in words, the others are counted. */
void import_show_bad(struct import_show *show, uint64_t line, const char *message);

/* Something begins whose progress is shown from `at` on. */
void import_show_begin(struct import_show *show, uint64_t at);

/* A line of progress: `done` of `all`, in `unit`s; drawn now and then, on a terminal alone. */
void import_show_progress(struct import_show *show, const char *what, const char *unit,
                          uint64_t done, uint64_t all);

/* Takes the line of progress away, so that something else may be said. */
void import_show_clear(struct import_show *show);

/* On standard output: a sentence, or an object with --json. */
void import_show_summary(const struct import_show *show, const struct import_summary *summary,
                         bool json);

#endif
