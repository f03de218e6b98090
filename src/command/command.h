/*
 * The subcommands: words, help and what runs. Above everything: command/ may include any
 * module, none includes it.
 */
#ifndef SR_COMMAND_COMMAND_H
#define SR_COMMAND_COMMAND_H

#include "command/config.h"

#define COMMAND_OK 0
#define COMMAND_FAILED 1
#define COMMAND_USAGE 2 /* a mistake on the command line or in the environment */

/* One subcommand; the options follow its words. */
struct command {
    const char *words;     /* "journal dump" */
    const char *arguments; /* "KEY [N]"; NULL: none but options */
    const char *help;
    /* Returns the exit code; what is wrong was told on standard error. */
    int (*run)(const struct config *config);
    /* Where not NULL, runs instead, with the arguments behind the command's own words (NULL at
     * the end): the command has no options of the service. Otherwise a command with arguments
     * finds its words in the config. */
    int (*run_words)(const char *const *words);
};

/* Runs what the arguments (without the program's name, NULL at the end) ask for; returns the
 * exit code. */
int command_main(const char *const *arguments);

/* All subcommands; the first runs where none is named. Ends with words NULL. */
extern const struct command commands[];

int command_serve(const struct config *config);
int command_verify(const struct config *config);
int command_journal_dump(const struct config *config);
int command_journal_salvage(const struct config *config);
int command_refused_list(const struct config *config);
int command_refused_replay(const struct config *config);
int command_refused_drop(const struct config *config);
int command_retire(const struct config *config);
int command_healthcheck(const struct config *config);
/* Commands that ask a running service: client_*.c. */
int command_increment(const char *const *arguments);
int command_get(const char *const *arguments);
int command_list(const char *const *arguments);
int command_top(const char *const *arguments);
int command_flush(const char *const *arguments);
int command_export(const char *const *arguments);
int command_set(const char *const *arguments);
int command_delete(const char *const *arguments);
int command_import(const char *const *arguments);

int command_token(const char *const *words);
int command_version(const struct config *config);
int command_help(const struct config *config);

/* A line of help: the command's words and arguments, and what it does. */
void command_print_help(const struct command *command, FILE *out);

/* "simple-request: text" on standard error. */
void command_complain(const char *text);

#endif
