/*
 * At build time: prints the tables of commands and options, tab-separated, for `generate`,
 * which makes manual pages and completions of them. Not installed.
 *
 *   command  KIND  WORDS  ARGUMENTS  HELP
 *   option   KIND  NAME  VARIABLE  VALUE  DEFAULT  CHOICES  HELP
 *
 * KIND is "service" or "client": which options a command takes, whose an option is.
 */
#include "command/client_options.h"
#include "command/command.h"

static const char *or_empty(const char *text)
{
    return text == NULL ? "" : text;
}

static void print_commands(void)
{
    for (const struct command *command = commands; command->words != NULL; command++) {
        (void)printf("command\t%s\t%s\t%s\t%s\n", command->run == NULL ? "client" : "service",
                     command->words, or_empty(command->arguments), command->help);
    }
}

static void print_choices(const struct sr_option *option)
{
    for (size_t i = 0; option->choices != NULL && option->choices[i] != NULL; i++) {
        (void)printf("%s%s", i == 0 ? "" : " ", option->choices[i]);
    }
}

static void print_options(const char *kind, const struct sr_option *table, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct sr_option *option = &table[i];
        char variable[128] = "";

        if (option->type != SR_OPTION_FLAG) {
            sr_option_variable(option, variable, sizeof(variable));
        }
        (void)printf("option\t%s\t%s\t%s\t%s\t%s\t", kind, option->name, variable,
                     or_empty(option->value_name),
                     or_empty(option->fallback_help != NULL ? option->fallback_help
                                                            : option->fallback));
        print_choices(option);
        (void)printf("\t%s\n", option->help);
    }
}

int main(void)
{
    print_commands();
    print_options("service", config_table, CONFIG_OPTION_COUNT);
    print_options("client", client_table, CLIENT_OPTION_COUNT);
    return fflush(stdout) == 0 ? 0 : 1;
}
