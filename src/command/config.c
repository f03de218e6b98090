/*
 * Reading the options, with the defaults that this machine and the environment decide.
 */
#include "command/config.h"

#include "base/log.h"
#include "command/address.h"
#include "command/cgroup.h"
#include "command/lifecycle.h"
#include "command/protection.h"
#include "command/text_file.h"
#include "store/store.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define DESCRIPTORS_RESERVED 128U /* for files, databases and the workers themselves */

static void set_number(struct config *config, enum config_option option, uint64_t number)
{
    const struct sr_option *o = &config_table[option];

    number = number < o->min ? o->min : number > o->max ? o->max : number;
    config->values[option] = (struct sr_option_value){.number = number};
}

/* Cores that this process may run on: less than the machine's in a container or under taskset.
 */
static uint64_t cores_allowed(void)
{
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof(set), &set) == 0) {
        return (uint64_t)CPU_COUNT(&set);
    }
    /* More cores than the set can hold. */
    return (uint64_t)sysconf(_SC_NPROCESSORS_ONLN);
}

static uint64_t usual_memory_limit(void)
{
    uint64_t usual = (uint64_t)1 << 30;
    uint64_t share = cgroup_table_share(cgroup_memory_limit(""));

    return share < usual ? share & ~(((uint64_t)1 << 20) - 1) : usual;
}

/* From the hard limit: the service raises the soft one to it. */
static uint64_t usual_connections_max(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return 1024 - DESCRIPTORS_RESERVED;
    }
    return limit.rlim_max > 2 * DESCRIPTORS_RESERVED ? limit.rlim_max - DESCRIPTORS_RESERVED
                                                     : limit.rlim_max / 2;
}

static bool is_given(const struct config *config, enum config_option option)
{
    return config->values[option].source != SR_OPTION_DEFAULT;
}

static void find_numbers(struct config *config)
{
    uint64_t format = isatty(STDERR_FILENO) == 1 ? SR_LOG_TEXT : SR_LOG_JSON;

    if (!is_given(config, CONFIG_WORKERS)) {
        set_number(config, CONFIG_WORKERS, cores_allowed());
    }
    if (!is_given(config, CONFIG_MEMORY_LIMIT)) {
        set_number(config, CONFIG_MEMORY_LIMIT, usual_memory_limit());
    }
    if (!is_given(config, CONFIG_CONNECTIONS_MAX)) {
        set_number(config, CONFIG_CONNECTIONS_MAX, usual_connections_max());
    }
    if (!is_given(config, CONFIG_LOG_FORMAT)) {
        config->values[CONFIG_LOG_FORMAT] =
            (struct sr_option_value){.number = format,
                                     .text = config_table[CONFIG_LOG_FORMAT].choices[format]};
    }
}

/* Writes the path the data directory has by default; "" where the environment does not tell. */
static int usual_data_dir(sr_option_environment_fn *environment, char *ret_path, size_t size)
{
    const char *state = environment("STATE_DIRECTORY");
    const char *xdg = environment("XDG_STATE_HOME");
    const char *home = environment("HOME");

    if (state != NULL && state[0] == '/') {
        /* systemd gives a list where a unit has several. */
        return snprintf(ret_path, size, "%.*s", (int)strcspn(state, ":"), state);
    }
    /* The XDG specification has relative paths ignored. */
    if (xdg != NULL && xdg[0] == '/') {
        return snprintf(ret_path, size, "%s/simple-request", xdg);
    }
    if (home != NULL && home[0] == '/') {
        return snprintf(ret_path, size, "%s/.local/state/simple-request", home);
    }
    ret_path[0] = '\0';
    return 0;
}

static int given_data_dir(const char *given, char *ret_path, size_t size)
{
    char here[PATH_MAX];

    if (given[0] == '/' || getcwd(here, sizeof(here)) == NULL) {
        return snprintf(ret_path, size, "%s", given);
    }
    return snprintf(ret_path, size, "%s/%s", strcmp(here, "/") == 0 ? "" : here, given);
}

static enum sr_result find_data_dir(struct config *config,
                                    sr_option_environment_fn *environment, struct sr_err *err)
{
    struct sr_option_value *value = &config->values[CONFIG_DATA_DIR];
    int size = value->text == NULL
                   ? usual_data_dir(environment, config->data_dir, sizeof(config->data_dir))
                   : given_data_dir(value->text, config->data_dir, sizeof(config->data_dir));

    if (size < 0 || (size_t)size >= sizeof(config->data_dir)) {
        return sr_fail(err, SR_INVALID, "--data-dir: the path has more than %d bytes",
                       PATH_MAX - 1);
    }
    while (size > 1 && config->data_dir[size - 1] == '/') {
        config->data_dir[--size] = '\0';
    }
    value->text = size == 0 ? NULL : config->data_dir;
    return SR_OK;
}

static void find_database_url(struct config *config)
{
    if (!is_given(config, CONFIG_DATABASE_URL) &&
        config_text(config, CONFIG_DATA_DIR) != NULL) {
        (void)snprintf(config->database_url, sizeof(config->database_url),
                       "sqlite:%s/counters.db", config->data_dir);
        config->values[CONFIG_DATABASE_URL].text = config->database_url;
    }
}

static enum sr_result read_config_file(struct config *config, struct sr_err *err)
{
    const struct sr_option_value given = config->values[CONFIG_FILE];
    enum sr_result result;

    if (given.text == NULL) {
        return SR_OK;
    }
    result = text_file_read("config", given.text, config->file, sizeof(config->file), err);
    config->values[CONFIG_FILE] = (struct sr_option_value){0};
    if (result == SR_OK) {
        result = sr_options_read_file(config_table, CONFIG_OPTION_COUNT, config->file,
                                      given.text, config->values, err);
    }
    if (result == SR_OK && is_given(config, CONFIG_FILE)) {
        return sr_fail(err, SR_INVALID, "%.200s: config: a file cannot name another",
                       given.text);
    }
    config->values[CONFIG_FILE] = given;
    return result;
}

/* The first line of --database-url-file becomes the URL. */
static enum sr_result read_database_url(struct config *config, struct sr_err *err)
{
    const char *path = config_text(config, CONFIG_DATABASE_URL_FILE);
    enum sr_option_source source = config->values[CONFIG_DATABASE_URL_FILE].source;
    struct sr_option_value *url = &config->values[CONFIG_DATABASE_URL];
    enum sr_result result;

    if (path == NULL || url->source > source) {
        return SR_OK;
    }
    if (url->source == source) {
        return sr_fail(err, SR_INVALID,
                       "--database-url-file: --database-url is given as well: one of them is "
                       "meant");
    }
    result = text_file_first_line("database-url-file", path, config->database_url,
                                  sizeof(config->database_url), err);
    if (result != SR_OK) {
        return result;
    }
    *url = (struct sr_option_value){.text = config->database_url, .source = source};
    return SR_OK;
}

/* All that was given, wherever. */
static enum sr_result read_given(struct config *config, const char *const *arguments,
                                 sr_option_environment_fn *environment, struct sr_err *err)
{
    enum sr_result result = sr_options_read(config_table, CONFIG_OPTION_COUNT, arguments,
                                            environment, config->values, err);

    if (result == SR_OK) {
        result = read_config_file(config, err);
    }
    return result == SR_OK ? read_database_url(config, err) : result;
}

enum sr_result config_read(struct config *config, const char *const *arguments,
                           sr_option_environment_fn *environment, struct sr_err *err)
{
    enum sr_result result = read_given(config, arguments, environment, err);

    if (result == SR_OK) {
        result = address_list_check(config_text(config, CONFIG_LISTEN), err);
    }
    if (result == SR_OK) {
        struct guard_options ignored;

        result = protection_options(config, &ignored, err);
    }
    if (result == SR_OK) {
        result = lifecycle_check(config, err);
    }
    if (result == SR_OK) {
        result = find_data_dir(config, environment, err);
    }
    if (result == SR_OK) {
        find_numbers(config);
        find_database_url(config);
    }
    return result;
}

enum sr_result config_open_store(const struct config *config, const struct sr_uuid *instance,
                                 struct store **ret_store, struct sr_err *err)
{
    struct store_options options = {.timeout_ms = config_u32(config, CONFIG_DATABASE_TIMEOUT)};

    if (instance != NULL) {
        options.instance = *instance;
    }
    return store_open(config_text(config, CONFIG_DATABASE_URL), &options, ret_store, err);
}

enum sr_result config_check_store(const struct config *config, struct sr_err *err)
{
    struct store *store = NULL;
    struct sr_err why;

    if (config_text(config, CONFIG_DATA_DIR) == NULL) {
        return sr_fail(err, SR_INVALID,
                       "--data-dir: say where the data belongs (neither HOME, XDG_STATE_HOME "
                       "nor STATE_DIRECTORY is set)");
    }
    if (config_open_store(config, NULL, &store, &why) != SR_OK) {
        return sr_fail(err, why.code, "--database-url: %s", why.text);
    }
    store_close(&store);
    return SR_OK;
}

void config_print_help(FILE *out)
{
    sr_options_help(config_table, CONFIG_OPTION_COUNT, out);
}

void config_print(const struct config *config, FILE *out)
{
    sr_options_print(config_table, CONFIG_OPTION_COUNT, config->values, out);
}
