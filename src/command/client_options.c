/*
 * Options and words of the commands that ask a running service.
 */
#include "command/client_options.h"

#include <string.h>

#define ARGUMENTS_MAX 64

const struct sr_option client_table[CLIENT_OPTION_COUNT] = {
    [CLIENT_URL] = {.name = "url",
                    .variable = "SIMPLE_REQUEST_URL",
                    .type = SR_OPTION_TEXT,
                    .value_name = "URL",
                    .fallback = "http://127.0.0.1:3333",
                    .help = "the service: http://HOST:PORT, https://HOST:PORT or unix:PATH"},
    [CLIENT_TOKEN_FILE] = {.name = "token-file",
                           .variable = "SIMPLE_REQUEST_TOKEN_FILE",
                           .type = SR_OPTION_TEXT,
                           .value_name = "PATH",
                           .fallback_help = "none",
                           .help = "file with the bearer token, as `simple-request token` "
                                   "tells it"},
    [CLIENT_CA_FILE] = {.name = "ca-file",
                        .variable = "SIMPLE_REQUEST_CA_FILE",
                        .type = SR_OPTION_TEXT,
                        .value_name = "PATH",
                        .fallback_help = "the system's",
                        .help = "PEM file of the certificates to trust, for https"},
    [CLIENT_TIMEOUT] = {.name = "timeout",
                        .variable = "SIMPLE_REQUEST_TIMEOUT",
                        .type = SR_OPTION_DURATION,
                        .value_name = "DURATION",
                        .fallback = "10s",
                        .min = 10,
                        .max = 3600000,
                        .help = "longest time for one attempt"},
    [CLIENT_RETRY] = {.name = "retry",
                      .variable = "SIMPLE_REQUEST_RETRY",
                      .type = SR_OPTION_DURATION,
                      .value_name = "DURATION",
                      .fallback = "10s",
                      .min = 1,
                      .max = 24 * (uint64_t)3600000,
                      .zero_allowed = true,
                      .help = "how long to try again after a lost connection or a 503; counts "
                              "once whatever happens"},
    [CLIENT_JSON] = {.name = "json",
                     .type = SR_OPTION_FLAG,
                     .help = "print JSON, one object a line, for scripts"},
    [CLIENT_LIMIT] = {.name = "limit",
                      .variable = "SIMPLE_REQUEST_LIMIT",
                      .type = SR_OPTION_NUMBER,
                      .value_name = "NUMBER",
                      .fallback_help = "list: all; top: 20",
                      .min = 1,
                      .max = UINT64_MAX,
                      .help = "of list and top: so many counters at most"},
};

/* Whether the argument is an option whose value is the next argument. */
static bool takes_next(const char *argument)
{
    for (size_t i = 0; i < CLIENT_OPTION_COUNT; i++) {
        if (strcmp(argument + 2, client_table[i].name) == 0) {
            return client_table[i].type != SR_OPTION_FLAG;
        }
    }
    return false;
}

/* Parts the arguments into options with their values, and words. */
struct parted {
    const char *options[ARGUMENTS_MAX + 1];
    size_t option_count, word_count;
};

static enum sr_result fail_usage(const struct client_usage *usage, const char *what,
                                 struct sr_err *err)
{
    return sr_fail(err, SR_INVALID, "%s\nusage: simple-request %s%s%s [OPTION...]", what,
                   usage->command, usage->words[0] == '\0' ? "" : " ", usage->words);
}

static enum sr_result part(const char *const *arguments, const struct client_usage *usage,
                           struct client_settings *s, struct parted *p, struct sr_err *err)
{
    bool words_only = false;

    for (; *arguments != NULL; arguments++) {
        bool is_option = !words_only && strncmp(*arguments, "--", 2) == 0;

        if (is_option && (*arguments)[2] == '\0') {
            words_only = true;
        } else if (!is_option && p->word_count == usage->words_max) {
            return fail_usage(usage, "too many words", err);
        } else if (!is_option) {
            s->words[p->word_count++] = *arguments;
        } else if (p->option_count + 2 > ARGUMENTS_MAX) {
            return fail_usage(usage, "too many options", err);
        } else {
            p->options[p->option_count++] = *arguments;
            if (takes_next(*arguments) && arguments[1] != NULL) {
                p->options[p->option_count++] = *++arguments;
            }
        }
    }
    return p->word_count >= usage->words_min ? SR_OK
                                             : fail_usage(usage, "a word is missing", err);
}

static enum sr_result check_taken(const struct client_settings *s,
                                  const struct client_usage *usage, struct sr_err *err)
{
    char what[128];

    for (size_t i = CLIENT_COMMON_COUNT; i < CLIENT_OPTION_COUNT; i++) {
        if (s->values[i].source == SR_OPTION_COMMAND_LINE &&
            (usage->takes & CLIENT_TAKES(i)) == 0) {
            (void)snprintf(what, sizeof(what), "--%s: is no option of %s", client_table[i].name,
                           usage->command);
            return fail_usage(usage, what, err);
        }
    }
    return SR_OK;
}

enum sr_result client_settings_read(struct client_settings *s, const struct client_usage *usage,
                                    const char *const *arguments,
                                    sr_option_environment_fn *environment, struct sr_err *err)
{
    struct parted p = {.option_count = 0};
    enum sr_result result;

    *s = (struct client_settings){0};
    result = part(arguments, usage, s, &p, err);
    if (result == SR_OK) {
        result = sr_options_read(client_table, CLIENT_OPTION_COUNT, p.options, environment,
                                 s->values, err);
    }
    return result == SR_OK ? check_taken(s, usage, err) : result;
}

void client_options_help(FILE *out)
{
    sr_options_help(client_table, CLIENT_OPTION_COUNT, out);
}
