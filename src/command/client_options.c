/*
 * Options and words of the commands that ask a running service.
 */
#include "command/client_options.h"

#include "base/limits.h"
#include "transfer/sender.h"

/* As the service has it; config.c reads it. */
#define SERVICE_OPTION(name_, variable_, value_)                                               \
    .name = (name_), .variable = (variable_), .type = SR_OPTION_TEXT, .value_name = (value_),  \
    .fallback_help = "the service's"

static const char *const in_doubt[] = {"stop", "send", "skip", NULL};

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
                      .fallback_help = "10s; import: 5m",
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
    [CLIENT_OUTPUT] = {.name = "output",
                       .variable = "SIMPLE_REQUEST_OUTPUT",
                       .type = SR_OPTION_TEXT,
                       .value_name = "FILE",
                       .fallback_help = "standard output",
                       .help = "of export: a file, which has its name only once it is whole"},
    [CLIENT_NO_FLUSH] = {.name = "no-flush",
                         .type = SR_OPTION_FLAG,
                         .help = "of export: ask no service to bring its counts into the "
                                 "database first"},
    [CLIENT_DATABASE_URL] = {SERVICE_OPTION("database-url", "DATABASE_URL", "URL"),
                             .help = "of export: the service's database, where it cannot tell "
                                     "itself since a password belongs to it"},
    [CLIENT_DATABASE_URL_FILE] = {SERVICE_OPTION("database-url-file", "DATABASE_URL_FILE",
                                                 "PATH"),
                                  .help = "of export: file whose first line is that URL"},
    [CLIENT_DATA_DIR] = {SERVICE_OPTION("data-dir", "DATA_DIR", "PATH"),
                         .help = "of export: the service's data directory, with counters.db"},
    [CLIENT_CONFIG] = {SERVICE_OPTION("config", "SIMPLE_REQUEST_CONFIG", "FILE"),
                       .help = "of export: the service's configuration file"},
    [CLIENT_SET] = {.name = "set",
                    .type = SR_OPTION_FLAG,
                    .help = "of import: set the totals instead of adding to them"},
    [CLIENT_ID] = {.name = "id",
                   .variable = "SIMPLE_REQUEST_ID",
                   .type = SR_OPTION_TEXT,
                   .value_name = "NAME",
                   .fallback_help = "the content's digest",
                   .help = "of import: its name; the same content under another name is "
                           "counted once more"},
    [CLIENT_RESUME_FILE] = {.name = "resume-file",
                            .variable = "SIMPLE_REQUEST_RESUME_FILE",
                            .type = SR_OPTION_TEXT,
                            .value_name = "PATH",
                            .fallback_help = "FILE.import; none for - and --query",
                            .help = "of import: where it is written down how far it is; "
                                    "none: nowhere"},
    [CLIENT_BATCH] = {.name = "batch",
                      .variable = "SIMPLE_REQUEST_BATCH",
                      .type = SR_OPTION_NUMBER,
                      .value_name = "NUMBER",
                      .fallback = "10000",
                      .min = 1,
                      .max = SR_BATCH_ITEMS_MAX,
                      .help = "of import: lines in one request"},
    [CLIENT_CONNECTIONS] = {.name = "connections",
                            .variable = "SIMPLE_REQUEST_CONNECTIONS",
                            .type = SR_OPTION_NUMBER,
                            .value_name = "NUMBER",
                            .fallback = "4",
                            .min = 1,
                            .max = SENDER_CONNECTIONS_MAX,
                            .help = "of import: requests under way at once"},
    [CLIENT_IN_DOUBT] = {.name = "in-doubt",
                         .variable = "SIMPLE_REQUEST_IN_DOUBT",
                         .type = SR_OPTION_CHOICE,
                         .value_name = "WHAT",
                         .fallback = "stop",
                         .choices = in_doubt,
                         .help = "of import: stop, send or skip: lines that may have been "
                                 "counted so long ago that the service has forgotten it"},
    [CLIENT_FROM_POSTGRES] = {.name = "from-postgres",
                              .variable = "SIMPLE_REQUEST_FROM_POSTGRES",
                              .type = SR_OPTION_TEXT,
                              .value_name = "URL",
                              .fallback_help = "none",
                              .help = "of import: in place of FILE, the rows of --query in "
                                      "this PostgreSQL database"},
    [CLIENT_FROM_POSTGRES_FILE] = {.name = "from-postgres-file",
                                   .variable = "SIMPLE_REQUEST_FROM_POSTGRES_FILE",
                                   .type = SR_OPTION_TEXT,
                                   .value_name = "PATH",
                                   .fallback_help = "none",
                                   .help = "of import: file whose first line is that URL"},
    [CLIENT_QUERY] = {.name = "query",
                      .variable = "SIMPLE_REQUEST_QUERY",
                      .type = SR_OPTION_TEXT,
                      .value_name = "SQL",
                      .fallback_help = "none",
                      .help = "of import: a SELECT of two columns, key (text or bytea) and "
                              "value (an integer)"},
};

static enum sr_result fail_usage(const struct client_usage *usage, const char *what,
                                 struct sr_err *err)
{
    return sr_fail(err, SR_INVALID, "%s\nusage: simple-request %s%s%s [OPTION...]", what,
                   usage->command, usage->words[0] == '\0' ? "" : " ", usage->words);
}

static enum sr_result check_words(const struct sr_option_parts *parts,
                                  const struct client_usage *usage, struct sr_err *err)
{
    if (parts->word_count < usage->words_min) {
        return fail_usage(usage, "a word is missing", err);
    }
    return parts->word_count <= usage->words_max ? SR_OK
                                                 : fail_usage(usage, "too many words", err);
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
    enum sr_result result;

    *s = (struct client_settings){0};
    if (!sr_options_part(client_table, CLIENT_OPTION_COUNT, arguments, &s->parts)) {
        return fail_usage(usage, "too many words or options", err);
    }
    result = check_words(&s->parts, usage, err);
    if (result == SR_OK) {
        result = sr_options_read(client_table, CLIENT_OPTION_COUNT, s->parts.options,
                                 environment, s->values, err);
    }
    return result == SR_OK ? check_taken(s, usage, err) : result;
}

void client_options_help(FILE *out)
{
    sr_options_help(client_table, CLIENT_OPTION_COUNT, out);
}
