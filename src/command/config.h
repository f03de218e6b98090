/*
 * The service's options: the table, and what is in force.
 */
#ifndef SR_COMMAND_CONFIG_H
#define SR_COMMAND_CONFIG_H

#include "base/options.h"

#include <limits.h>
#include <stdint.h>
#include <stdio.h>

struct sr_uuid;
struct store;

enum config_option {
    CONFIG_LISTEN,
    CONFIG_PORT,
    CONFIG_DATABASE_URL,
    CONFIG_DATABASE_URL_FILE,
    CONFIG_DATA_DIR,
    CONFIG_SYNC_INTERVAL,
    CONFIG_DURABILITY, /* number: enum journal_durability */
    CONFIG_WORKERS,
    CONFIG_MEMORY_LIMIT,
    CONFIG_JOURNAL_LIMIT,
    CONFIG_JOURNAL_RETENTION,
    CONFIG_JOURNAL_RETENTION_BYTES,
    CONFIG_IDEMPOTENCY_WINDOW,
    CONFIG_IDEMPOTENCY_MAX,
    CONFIG_READY_MAX_LAG,
    CONFIG_DATABASE_TIMEOUT,
    CONFIG_DRAIN_TIMEOUT,
    CONFIG_CONNECTIONS_MAX,
    CONFIG_CONNECTIONS_PER_ADDRESS,
    CONFIG_BODY_LIMIT,
    CONFIG_HEADER_TIMEOUT,
    CONFIG_BODY_TIMEOUT,
    CONFIG_IDLE_TIMEOUT,
    CONFIG_WRITE_TIMEOUT,
    CONFIG_HOLD_TIMEOUT,
    CONFIG_TLS_CERTIFICATE,
    CONFIG_TLS_KEY,
    CONFIG_TOKENS_FILE,
    CONFIG_RATE_LIMIT,
    CONFIG_RATE_LIMIT_BURST,
    CONFIG_TRUSTED_PROXIES,
    CONFIG_PROXY_HEADER, /* number: enum forwarded_field */
    CONFIG_CORS_ORIGINS,
    CONFIG_REQUEST_IDS, /* number: 1 where they are drawn too */
    CONFIG_ACCESS_LOG,  /* number: 1 for on */
    CONFIG_ACCESS_LOG_SAMPLE,
    CONFIG_GRAFANA_URL,
    CONFIG_GRAFANA_TOKEN_FILE,
    CONFIG_GRAFANA_DASHBOARD_UID,
    CONFIG_GRAFANA_FOLDER_UID,
    CONFIG_LOG_LEVEL,  /* number: enum sr_log_level */
    CONFIG_LOG_FORMAT, /* number: enum sr_log_format */
    CONFIG_FILE,
    CONFIG_PRINT_CONFIG,
    CONFIG_HELP,
    CONFIG_VERSION,
    CONFIG_OPTION_COUNT
};

extern const struct sr_option config_table[CONFIG_OPTION_COUNT];

#define CONFIG_FILE_SIZE 65536

struct config {
    struct sr_option_value values[CONFIG_OPTION_COUNT];
    struct sr_option_parts parts;     /* with the words, of a command that takes some */
    char data_dir[PATH_MAX];          /* what the value's text points to */
    char database_url[PATH_MAX + 32]; /* where it is the default, or from a file */
    char file[CONFIG_FILE_SIZE];      /* the configuration file's text */
};

/*
 * Reads arguments (without the program's name and the command), environment, configuration file
 * and defaults, those included that this machine decides. The data directory is absolute, or
 * its text is NULL where the environment does not tell where one belongs; then so is the
 * default database URL's. Borrows the arguments' and the environment's texts; *config must not
 * move after. SR_INVALID with what is wrong and what would be right.
 */
enum sr_result config_read(struct config *config, const char *const *arguments,
                           sr_option_environment_fn *environment,
                           struct sr_err *err) SR_MUST_USE;

/* Checks what only the parts can judge: that there is a data directory and that a driver takes
 * the database URL. For commands that need both. */
enum sr_result config_check_store(const struct config *config, struct sr_err *err) SR_MUST_USE;

/* Opens the store of --database-url for a command that looks or acts itself; NULL: in no
 * instance's name. The service opens its own, with a meter each. Results as of store_open. */
enum sr_result config_open_store(const struct config *config, const struct sr_uuid *instance,
                                 struct store **ret_store, struct sr_err *err) SR_MUST_USE;

/* The value in its unit: milliseconds, bytes, a choice's index. Fits 32 bits where the table's
 * bound does. */
static inline uint64_t config_number(const struct config *config, enum config_option option)
{
    return config->values[option].number;
}

static inline uint32_t config_u32(const struct config *config, enum config_option option)
{
    return (uint32_t)config->values[option].number;
}

static inline const char *config_text(const struct config *config, enum config_option option)
{
    return config->values[option].text;
}

/* For --help and --print-config. */
void config_print_help(FILE *out);
void config_print(const struct config *config, FILE *out);

#endif
