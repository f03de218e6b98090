/*
 * simple-request help.
 */
#include "command/command.h"

#include <stdio.h>

int command_help(const struct config *config)
{
    (void)config;
    (void)fputs("simple-request: a counter service for anything that is counted over HTTP\n\n"
                "Usage: simple-request [COMMAND] [OPTION...]\n\n"
                "Commands:\n",
                stdout);
    for (const struct command *command = commands; command->words != NULL; command++) {
        (void)printf("  %-14s %s\n", command->words, command->help);
    }
    (void)
        fputs("\nOptions, their environment variables and defaults; an option goes before its "
              "variable before its\ndefault. Durations: 500ms, 10s, 5m, 24h. Sizes: 512KiB, "
              "128MiB, 1GiB.\n\n",
              stdout);
    config_print_help(stdout);
    return fflush(stdout) == 0 ? COMMAND_OK : COMMAND_FAILED;
}
