/*
 * An import on its way: what client_import.c does it with, and import_place.c looks up.
 */
#ifndef SR_COMMAND_IMPORT_H
#define SR_COMMAND_IMPORT_H

#include "command/import_send.h"
#include "command/import_show.h"
#include "transfer/check.h"
#include "transfer/resume.h"

#include <limits.h>

struct import {
    struct client_command *command;
    struct source *source;
    struct import_show show;
    struct import_send send;
    struct import_summary summary;
    struct check_result checked;
    struct resume resume; /* as it is written down */
    char path[PATH_MAX];  /* of the resume file; "": there is none */
    uint32_t ahead;       /* batches that this run sends at most beyond what is settled */
    uint64_t first_item;  /* pairs before it are not sent by this run */
    uint64_t begun_ms;
    bool is_finished; /* by a former run */
    bool window_unknown;
    struct resume old; /* as a former run left it, where this one goes on */
};

static inline uint64_t import_number(const struct import *m, enum client_option option)
{
    return m->command->settings.values[option].number;
}

static inline const char *import_text(const struct import *m, enum client_option option)
{
    return m->command->settings.values[option].text;
}

/* Which resume file: m->path. SR_INVALID: too long. */
enum sr_result import_find_path(struct import *m, struct sr_err *err) SR_MUST_USE;

/* What the import is, for its resume file and its batches' keys: m->resume. SR_INVALID. */
enum sr_result import_describe(struct import *m, struct sr_err *err) SR_MUST_USE;

/* Reads the resume file, and decides where to begin: m->resume, m->first_item, m->is_finished.
 * SR_REFUSED where a person has to decide. */
enum sr_result import_find_place(struct import *m, struct sr_err *err) SR_MUST_USE;

#endif
