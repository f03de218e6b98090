/*
 * Tables for people: columns as wide as their widest cell.
 */
#ifndef SR_COMMAND_COLUMNS_H
#define SR_COMMAND_COLUMNS_H

#include "base/buffer.h"

#include <stdbool.h>
#include <stdio.h>

#define COLUMNS_MAX 8

struct columns {
    size_t count;
    size_t next;                /* the column that the next cell belongs to */
    size_t widths[COLUMNS_MAX]; /* in characters; grow and stay */
    bool numeric[COLUMNS_MAX];  /* to the right */
    struct sr_buffer cells;     /* texts ended by NUL, row by row */
};

/* heads: names of the columns, NULL at the end; those of numbers begin with '>', which is left
 * out. They are the first row, which may fail as columns_add does. */
enum sr_result columns_init(struct columns *columns, const char *const *heads) SR_MUST_USE;
void columns_done(struct columns *columns);

/* Adds a cell behind the last one. Control characters, which a terminal might obey, are shown
 * as \xNN. Errors as of sr_buffer_reserve. */
enum sr_result columns_add(struct columns *columns, const char *text) SR_MUST_USE;

/* Prints the whole rows and forgets them; the widths stay for those that follow. */
void columns_print(struct columns *columns, FILE *out);

#endif
