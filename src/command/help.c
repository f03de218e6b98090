/*
 * simple-request help.
 */
#include "command/client_options.h"
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
        command_print_help(command, stdout);
    }
    (void)
        fputs("\nOptions, their environment variables and defaults; an option goes before its "
              "variable before its\ndefault. Durations: 500ms, 10s, 5m, 24h. Sizes: 512KiB, "
              "128MiB, 1GiB.\n\n",
              stdout);
    config_print_help(stdout);
    (void)
        fputs("\nOptions of the commands that ask a running service (increment to export):\n\n",
              stdout);
    client_options_help(stdout);
    (void)fputs("\nExit codes: 0 done; 1 failed, or refused by the service; 2 a mistake on the "
                "command line;\n3 no such counter; 4 the service is unreachable, or whether it "
                "was done is unknown.\n",
                stdout);
    return fflush(stdout) == 0 ? COMMAND_OK : COMMAND_FAILED;
}
