/*
 * The options of the commands that ask a running service (increment, get, list, ...): their
 * table, and the words that stand between them.
 */
#ifndef SR_COMMAND_CLIENT_OPTIONS_H
#define SR_COMMAND_CLIENT_OPTIONS_H

#include "base/options.h"

enum client_option {
    CLIENT_URL,
    CLIENT_TOKEN_FILE,
    CLIENT_CA_FILE,
    CLIENT_TIMEOUT,
    CLIENT_RETRY,
    CLIENT_JSON,
    CLIENT_COMMON_COUNT, /* those before are taken by every command */
    CLIENT_LIMIT = CLIENT_COMMON_COUNT,
    CLIENT_OUTPUT,
    CLIENT_NO_FLUSH,
    CLIENT_DATABASE_URL, /* this one and those behind it are the service's own: CONFIG_* */
    CLIENT_DATABASE_URL_FILE,
    CLIENT_DATA_DIR,
    CLIENT_CONFIG,
    CLIENT_SET,
    CLIENT_ID,
    CLIENT_RESUME_FILE,
    CLIENT_BATCH,
    CLIENT_CONNECTIONS,
    CLIENT_IN_DOUBT,
    CLIENT_FROM_POSTGRES,
    CLIENT_FROM_POSTGRES_FILE,
    CLIENT_QUERY,
    CLIENT_OPTION_COUNT
};

/* The choices of CLIENT_IN_DOUBT. */
enum client_in_doubt { CLIENT_IN_DOUBT_STOP, CLIENT_IN_DOUBT_SEND, CLIENT_IN_DOUBT_SKIP };

#define CLIENT_TAKES(option) (1U << (option))

extern const struct sr_option client_table[CLIENT_OPTION_COUNT];

/* What one command takes. */
struct client_usage {
    const char *command; /* "increment" */
    const char *words;   /* "KEY [N]" */
    size_t words_min, words_max;
    unsigned takes; /* CLIENT_TAKES of options beside the common ones */
};

struct client_settings {
    struct sr_option_value values[CLIENT_OPTION_COUNT];
    struct sr_option_parts parts; /* with the words */
};

/*
 * Reads arguments (NULL at the end) and environment. SR_INVALID says what would be right.
 */
enum sr_result client_settings_read(struct client_settings *settings,
                                    const struct client_usage *usage,
                                    const char *const *arguments,
                                    sr_option_environment_fn *environment,
                                    struct sr_err *err) SR_MUST_USE;

/* What --help and the manual say of the options. */
void client_options_help(FILE *out);

#endif
