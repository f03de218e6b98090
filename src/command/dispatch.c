/*
 * From the command line to the subcommand.
 */
#include "command/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct command commands[] = {
    {"serve", NULL, "run the service (the default)", command_serve, NULL},
    {"increment", "KEY [N]", "add N, 1 where it is left out, and show the total", NULL,
     command_increment},
    {"get", "KEY", "show a counter's total", NULL, command_get},
    {"list", "[PREFIX]", "show counters in the order of their keys", NULL, command_list},
    {"top", NULL, "show the keys that are counted most", NULL, command_top},
    {"set", "KEY N", "set a counter's total", NULL, command_set},
    {"delete", "KEY", "delete a counter", NULL, command_delete},
    {"import", "[FILE]", "add the counters of JSON lines or of a query, or set their totals",
     NULL, command_import},
    {"flush", NULL, "bring everything into the database now, and wait for it", NULL,
     command_flush},
    {"export", "[PREFIX]", "print all counters of one moment as JSON lines", NULL,
     command_export},
    {"verify", NULL, "check that journal, writer's row and table agree (service stopped)",
     command_verify, NULL},
    {"journal dump", NULL, "print every record of the journal as a JSON line",
     command_journal_dump, NULL},
    {"journal salvage", NULL,
     "print what a damaged journal still holds and the database lacks (service stopped)",
     command_journal_salvage, NULL},
    {"refused list", "[KEY]", "print the changes that the database refused, as JSON lines",
     command_refused_list, NULL},
    {"refused replay", "[KEY]", "count refused increments, now that their cause is mended",
     command_refused_replay, NULL},
    {"refused drop", "KEY", "give a key's refused changes up, printing them",
     command_refused_drop, NULL},
    {"retire", NULL, "give an instance up for good: flush, mark its directory, remove its row",
     command_retire, NULL},
    {"token", "NAME SCOPES", "draw a bearer token", NULL, command_token},
    {"healthcheck", NULL, "ask the service at --listen and --port whether it is ready",
     command_healthcheck, NULL},
    {"version", NULL, "show the versions of program and libraries", command_version, NULL},
    {"help", NULL, "show this", command_help, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

void command_complain(const char *text)
{
    (void)fprintf(stderr, "simple-request: %s\n", text);
}

void command_print_help(const struct command *command, FILE *out)
{
    char usage[64];

    (void)snprintf(usage, sizeof(usage), "%s%s%s", command->words,
                   command->arguments == NULL ? "" : " ",
                   command->arguments == NULL ? "" : command->arguments);
    (void)fprintf(out, "  %-20s  %s\n", usage, command->help);
}

static const char *environment(const char *variable)
{
    return getenv(variable);
}

/* How many of the arguments the command's words are; 0 where they are others. */
static size_t count_matching(const struct command *command, const char *const *arguments)
{
    const char *words = command->words;
    size_t count = 0;

    for (;; count++) {
        size_t size = strcspn(words, " ");

        if (arguments[count] == NULL || strlen(arguments[count]) != size ||
            strncmp(arguments[count], words, size) != 0) {
            return 0;
        }
        if (words[size] == '\0') {
            return count + 1;
        }
        words += size + 1;
    }
}

/* The command that the arguments begin with; moves *arguments behind its words. NULL where
 * there is no such command. */
static const struct command *find_command(const char *const **arguments)
{
    if (**arguments == NULL || (**arguments)[0] == '-') {
        return &commands[0];
    }
    for (const struct command *command = commands; command->words != NULL; command++) {
        size_t count = count_matching(command, *arguments);

        if (count > 0) {
            *arguments += count;
            return command;
        }
    }
    return NULL;
}

static int no_such_command(const char *const *arguments)
{
    bool two = arguments[1] != NULL && arguments[1][0] != '-';
    char text[256];

    /* Never all of a word: it may be a URL with a password that lost its option. */
    (void)snprintf(text, sizeof(text), "%.*s%s%.*s: no such command; there are",
                   (int)strcspn(arguments[0], ":@="), arguments[0], two ? " " : "",
                   two ? (int)strcspn(arguments[1], ":@=") : 0, two ? arguments[1] : "");
    command_complain(text);
    for (const struct command *command = commands; command->words != NULL; command++) {
        command_print_help(command, stderr);
    }
    return COMMAND_USAGE;
}

static bool names(const char *const *arguments, const char *a, const char *b)
{
    for (; *arguments != NULL; arguments++) {
        if (strcmp(*arguments, a) == 0 || strcmp(*arguments, b) == 0) {
            return true;
        }
    }
    return false;
}

static int print_config(const struct config *config)
{
    struct sr_err err;

    if (config_check_store(config, &err) != SR_OK) {
        command_complain(err.text);
        return COMMAND_USAGE;
    }
    config_print(config, stdout);
    return COMMAND_OK;
}

static int run(const struct command *command, const char *const *arguments)
{
    static struct config config; /* of PATH_MAX and more: not on the stack */
    struct sr_err err;

    if (command->arguments != NULL) {
        if (!sr_options_part(config_table, CONFIG_OPTION_COUNT, arguments, &config.parts)) {
            command_complain("too many words or options");
            return COMMAND_USAGE;
        }
        arguments = config.parts.options;
    }
    if (config_read(&config, arguments, environment, &err) != SR_OK) {
        command_complain(err.text);
        (void)fputs("--help lists the options\n", stderr);
        return COMMAND_USAGE;
    }
    if (config_number(&config, CONFIG_PRINT_CONFIG) != 0) {
        return print_config(&config);
    }
    return command->run(&config);
}

int command_main(const char *const *arguments)
{
    const struct command *command;

    /* Before anything is read: whoever asks for help may have something wrong. */
    if (names(arguments, "--help", "-h")) {
        return command_help(NULL);
    }
    if (names(arguments, "--version", "-V")) {
        return command_version(NULL);
    }
    command = find_command(&arguments);
    if (command == NULL) {
        return no_such_command(arguments);
    }
    return command->run_words != NULL ? command->run_words(arguments) : run(command, arguments);
}
