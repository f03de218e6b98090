/*
 * Options from one table: each has a flag (--sync-interval), an environment variable
 * (SYNC_INTERVAL), a name in configuration files (sync-interval), a default, a type with its
 * bounds and a line of help. The flag goes before the environment, the environment before the
 * file, the file before the default. Knows nothing of any particular option;
 * the service's table is in command/config.c.
 */
#ifndef SR_BASE_OPTIONS_H
#define SR_BASE_OPTIONS_H

#include "base/result.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum sr_option_type {
    SR_OPTION_TEXT,
    SR_OPTION_NUMBER,
    SR_OPTION_DURATION, /* 500ms, 10s, 5m, 24h: milliseconds */
    SR_OPTION_SIZE,     /* 128MiB, 1GiB: bytes */
    SR_OPTION_CHOICE,   /* one of a few words: its index */
    SR_OPTION_FLAG /* present or not, --x or --x=false: 1 or 0; on the command line alone */
};

#define SR_OPTION_SHOWN_SIZE 512

struct sr_option {
    const char
        *name; /* without "--"; in capitals and with '_' it is the environment variable */
    enum sr_option_type type;
    const char *value_name;     /* in --help, "ADDRESSES"; NULL for a flag */
    const char *fallback;       /* default as one would write it; NULL: found at run time */
    const char *fallback_help;  /* in --help instead of the default, where not NULL */
    uint64_t min, max;          /* of NUMBER, DURATION and SIZE, both allowed */
    bool zero_allowed;          /* 0 is allowed below min: "off" */
    const char *const *choices; /* of CHOICE, ends with NULL */
    const char *help;
    const char *variable; /* the environment variable, where it is not the name in capitals */
    /* Copies value to ret_text without what nobody should see; NULL: shown as it is. */
    void (*redact)(const char *value, char *ret_text, size_t size);
};

/* Each goes before those that stand before it. */
enum sr_option_source {
    SR_OPTION_DEFAULT,
    SR_OPTION_FILE,
    SR_OPTION_ENVIRONMENT,
    SR_OPTION_COMMAND_LINE
};

/* What is in force. text is NULL and number 0 where nothing was given and the table has no
 * default. */
struct sr_option_value {
    const char *text; /* as written: borrowed from argv, the environment, a file or the table */
    uint64_t number;  /* in the type's unit; a choice's index */
    enum sr_option_source source;
};

/* Value of an environment variable or NULL: getenv, or a test's own. */
typedef const char *sr_option_environment_fn(const char *variable);

/*
 * Fills values[0..count) from arguments (argv without the program's name), environment and
 * table. An empty environment variable counts as not set. SR_INVALID, with what is wrong and
 * what would be right, for an unknown option, one given twice, a missing, malformed or
 * out-of-range value, and words that belong to no option.
 */
enum sr_result sr_options_read(const struct sr_option *table, size_t count,
                               const char *const *arguments,
                               sr_option_environment_fn *environment,
                               struct sr_option_value *ret_values,
                               struct sr_err *err) SR_MUST_USE;

#define SR_OPTION_ARGUMENTS_MAX 64
#define SR_OPTION_WORDS_MAX 4

/* Arguments parted into options with their values, and words; both end with NULL. */
struct sr_option_parts {
    const char *options[SR_OPTION_ARGUMENTS_MAX + 1];
    const char *words[SR_OPTION_WORDS_MAX + 1];
    size_t option_count, word_count;
};

/* Parts arguments: what begins with "--" is an option, all else and whatever follows a bare
 * "--" is a word, so that keys and numbers may begin with '-'. False: more than there is room
 * for. */
bool sr_options_part(const struct sr_option *table, size_t count, const char *const *arguments,
                     struct sr_option_parts *ret_parts);

/*
 * Fills values that are still the table's defaults from the text of a configuration file, whose
 * lines are cut and stay borrowed: "name = value", the names of the table without "--"; empty
 * lines and those that begin with '#' are passed over, spaces around name and value too. `path`
 * is for the errors, which name file and line: SR_INVALID for a line of another form, an
 * unknown name, one given twice, a flag, and a value as of sr_options_read, even where it is
 * overridden.
 */
enum sr_result sr_options_read_file(const struct sr_option *table, size_t count, char *text,
                                    const char *path, struct sr_option_value *values,
                                    struct sr_err *err) SR_MUST_USE;

/* The option's environment variable: "SYNC_INTERVAL". */
void sr_option_variable(const struct sr_option *option, char *ret_text, size_t size);

/* The value as a person would write it, passwords left out. */
void sr_option_shown(const struct sr_option *option, const struct sr_option_value *value,
                     char ret_text[SR_OPTION_SHOWN_SIZE]);

/* For --help: a line of flag, variable and default in columns for each option, and its help
 * below. */
void sr_options_help(const struct sr_option *table, size_t count, FILE *out);

/* For --print-config: a line of option, value and where it is from. Flags are left out. */
void sr_options_print(const struct sr_option *table, size_t count,
                      const struct sr_option_value *values, FILE *out);

#endif
