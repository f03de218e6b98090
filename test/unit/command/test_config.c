/*
 * The service's options: a table without holes, and the defaults that machine and environment
 * decide.
 */
#include "command/config.h"

#include "base/log.h"
#include "journal/journal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* The environment of a test: NAME, value, ... NULL. */
static const char *const *variables;

static const char *environment(const char *variable)
{
    for (size_t i = 0; variables != NULL && variables[i] != NULL; i += 2) {
        if (strcmp(variables[i], variable) == 0) {
            return variables[i + 1];
        }
    }
    return NULL;
}

static int forget_environment(void **state)
{
    (void)state;
    variables = NULL;
    return 0;
}

#define LIST(...) ((const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

static struct config config;

static void read_well(const char *const *arguments)
{
    struct sr_err err = {0};

    if (config_read(&config, arguments, environment, &err) != SR_OK) {
        fail_msg("%s", err.text);
    }
}

/* A file of this text, which lives until the next one is written. */
static const char *file_with(const char *text)
{
    static char path[64];
    FILE *file;

    (void)snprintf(path, sizeof(path), "/tmp/test_config.%ld", (long)getpid());
    file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    return path;
}

static int remove_file(void **state)
{
    (void)unlink(file_with(""));
    return forget_environment(state);
}

static void a_file_goes_before_defaults_and_behind_everything_else(void **state)
{
    const char *path = file_with("# how it is run here\n\n sync-interval = 5s\r\n"
                                 "port=1\nworkers = 1\nlisten = 127.0.0.2,::1");

    (void)state;
    variables = LIST("PORT", "2", "WORKERS", "2", "SIMPLE_REQUEST_CONFIG", path);
    read_well(LIST("--workers", "3"));
    assert_int_equal(config_number(&config, CONFIG_SYNC_INTERVAL), 5000);
    assert_string_equal(config_text(&config, CONFIG_LISTEN), "127.0.0.2,::1");
    assert_int_equal(config_number(&config, CONFIG_PORT), 2);
    assert_int_equal(config_number(&config, CONFIG_WORKERS), 3);
    assert_int_equal(config.values[CONFIG_SYNC_INTERVAL].source, SR_OPTION_FILE);
    assert_int_equal(config_number(&config, CONFIG_DRAIN_TIMEOUT), 20000);
}

static void a_mistake_in_a_file_is_named_with_its_line(void **state)
{
    static const struct {
        const char *text, *words;
    } mistakes[] = {
        {"port = 1\nsync-intervall = 5s\n", ":2: sync-intervall: no such option; did you mean "
                                            "sync-interval?"},
        {"#\n\nport = 70000\n", ":3: port = 70000: not a whole number from 0 to 65535"},
        {"port = 1\nport = 1\n", ":2: port: given twice"},
        {"port 1\n", ":1: not of the form name = value"},
        {"version = true\n", ":1: version: is for the command line alone"},
        {"config = /etc/other\n", "a file cannot name another"},
        {"database-url =\n", ":1: database-url = ...: not a URL"},
        {"postgres://u:secret@h = 1\n", ":1: postgres: no such option"},
    };
    struct sr_err err;

    (void)state;
    for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
        const char *path = file_with(mistakes[i].text);

        assert_int_equal(config_read(&config, LIST("--config", path, "--port", "5"),
                                     environment, &err),
                         SR_INVALID);
        if (strstr(err.text, mistakes[i].words) == NULL || strstr(err.text, path) == NULL ||
            strstr(err.text, "secret") != NULL) {
            fail_msg("%s", err.text);
        }
    }
    assert_int_equal(config_read(&config, LIST("--config", "/nowhere"), environment, &err),
                     SR_INVALID);
    assert_non_null(strstr(err.text, "/nowhere: No such file"));
}

static void the_database_url_comes_from_a_file(void **state)
{
    const char *path = file_with("postgres://me:secret@db/counters\nmore\n");
    struct sr_err err;

    (void)state;
    variables = LIST("DATABASE_URL_FILE", path);
    read_well(LIST(NULL));
    assert_string_equal(config_text(&config, CONFIG_DATABASE_URL),
                        "postgres://me:secret@db/counters");
    read_well(LIST("--database-url", "sqlite:/x")); /* which goes before the environment */
    assert_string_equal(config_text(&config, CONFIG_DATABASE_URL), "sqlite:/x");
    variables = LIST("DATABASE_URL_FILE", path, "DATABASE_URL", "sqlite:/x");
    assert_int_equal(config_read(&config, LIST(NULL), environment, &err), SR_INVALID);
    assert_non_null(strstr(err.text, "one of them is meant"));
    read_well(LIST("--database-url-file", path));
    assert_non_null(strstr(config_text(&config, CONFIG_DATABASE_URL), "secret"));
    (void)file_with("\n");
    assert_int_equal(config_read(&config, LIST("--database-url-file", path), environment, &err),
                     SR_INVALID);
    assert_non_null(strstr(err.text, "its first line is empty"));
}

static void every_option_stands_in_the_table_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < CONFIG_OPTION_COUNT; i++) {
        const struct sr_option *o = &config_table[i];

        assert_non_null(o->name);
        assert_non_null(o->help);
        assert_null(strchr(o->help, '\n'));
        assert_true(o->type == SR_OPTION_FLAG || o->value_name != NULL);
        assert_true(o->type == SR_OPTION_FLAG ||
                    (o->fallback != NULL) != (o->fallback_help != NULL));
        assert_true(o->type != SR_OPTION_CHOICE || o->choices != NULL);
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(o->name, config_table[j].name);
        }
    }
}

static void durations_fit_32_bits_of_milliseconds_where_they_are_read_so(void **state)
{
    const enum config_option narrow[] = {
        CONFIG_SYNC_INTERVAL,          CONFIG_DATABASE_TIMEOUT, CONFIG_HEADER_TIMEOUT,
        CONFIG_BODY_TIMEOUT,           CONFIG_IDLE_TIMEOUT,     CONFIG_WRITE_TIMEOUT,
        CONFIG_HOLD_TIMEOUT,           CONFIG_WORKERS,          CONFIG_CONNECTIONS_MAX,
        CONFIG_CONNECTIONS_PER_ADDRESS};

    (void)state;
    for (size_t i = 0; i < sizeof(narrow) / sizeof(narrow[0]); i++) {
        assert_true(config_table[narrow[i]].max <= UINT32_MAX);
    }
}

static void choices_are_in_the_order_of_their_enums(void **state)
{
    (void)state;
    variables = LIST("HOME", "/h/me");
    read_well(LIST("--durability", "write", "--log-level", "error", "--log-format", "json"));
    assert_int_equal(config_number(&config, CONFIG_DURABILITY), JOURNAL_WRITE);
    assert_int_equal(config_number(&config, CONFIG_LOG_LEVEL), SR_LOG_ERROR);
    assert_int_equal(config_number(&config, CONFIG_LOG_FORMAT), SR_LOG_JSON);
    read_well(LIST("--durability", "none", "--log-level", "debug", "--log-format", "text"));
    assert_int_equal(config_number(&config, CONFIG_DURABILITY), JOURNAL_NONE);
    assert_int_equal(config_number(&config, CONFIG_LOG_LEVEL), SR_LOG_DEBUG);
    assert_int_equal(config_number(&config, CONFIG_LOG_FORMAT), SR_LOG_TEXT);
    read_well(LIST());
    assert_int_equal(config_number(&config, CONFIG_DURABILITY), JOURNAL_FSYNC);
    assert_int_equal(config_number(&config, CONFIG_LOG_LEVEL), SR_LOG_INFO);
}

static void the_defaults_are_within_the_bounds(void **state)
{
    (void)state;
    variables = LIST("HOME", "/h/me");
    read_well(LIST());
    for (size_t i = 0; i < CONFIG_OPTION_COUNT; i++) {
        const struct sr_option *o = &config_table[i];
        uint64_t number = config.values[i].number;

        if (o->type == SR_OPTION_NUMBER || o->type == SR_OPTION_SIZE ||
            o->type == SR_OPTION_DURATION) {
            assert_true((number >= o->min && number <= o->max) ||
                        (number == 0 && o->zero_allowed));
        }
    }
    assert_true(config_number(&config, CONFIG_MEMORY_LIMIT) <= (uint64_t)1 << 30);
}

static void the_data_directory_follows_the_environment(void **state)
{
    const struct {
        const char *const *variables;
        const char *expected;
    } cases[] = {
        {LIST("HOME", "/h/me"), "/h/me/.local/state/simple-request"},
        {LIST("HOME", "/h/me", "XDG_STATE_HOME", "/x"), "/x/simple-request"},
        {LIST("HOME", "/h/me", "XDG_STATE_HOME", "relative"),
         "/h/me/.local/state/simple-request"},
        {LIST("XDG_STATE_HOME", "/x", "STATE_DIRECTORY", "/var/lib/sr"), "/var/lib/sr"},
        {LIST("STATE_DIRECTORY", "/var/lib/a:/var/lib/b"), "/var/lib/a"},
        {LIST("DATA_DIR", "/own//", "STATE_DIRECTORY", "/no"), "/own"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char url[256];

        variables = cases[i].variables;
        read_well(LIST());
        assert_string_equal(config_text(&config, CONFIG_DATA_DIR), cases[i].expected);
        (void)snprintf(url, sizeof(url), "sqlite:%s/counters.db", cases[i].expected);
        assert_string_equal(config_text(&config, CONFIG_DATABASE_URL), url);
    }
}

static void a_relative_data_directory_is_told_absolute(void **state)
{
    char here[PATH_MAX], expected[PATH_MAX + 8];

    (void)state;
    assert_non_null(getcwd(here, sizeof(here)));
    (void)snprintf(expected, sizeof(expected), "%s/data", here);
    read_well(LIST("--data-dir", "data/"));
    assert_string_equal(config_text(&config, CONFIG_DATA_DIR), expected);
}

static void without_a_home_only_what_needs_the_data_fails(void **state)
{
    struct sr_err err = {0};

    (void)state;
    variables = NULL;
    read_well(LIST());
    assert_null(config_text(&config, CONFIG_DATA_DIR));
    assert_int_equal(config_check_store(&config, &err), SR_INVALID);
    assert_non_null(strstr(err.text, "--data-dir"));
}

static void a_path_that_is_too_long_is_refused(void **state)
{
    static char path[PATH_MAX + 2];
    struct sr_err err = {0};

    (void)state;
    memset(path, 'a', PATH_MAX);
    path[0] = '/';
    assert_int_equal(config_read(&config, LIST("--data-dir", path), environment, &err),
                     SR_INVALID);
    assert_non_null(strstr(err.text, "--data-dir"));
}

static void a_database_url_of_another_kind_is_refused(void **state)
{
    struct sr_err err = {0};

    (void)state;
    variables = LIST("HOME", "/h/me");
    read_well(LIST("--database-url", "mysql://x/y"));
    assert_int_equal(config_check_store(&config, &err), SR_INVALID);
    assert_non_null(strstr(err.text, "--database-url"));
    read_well(LIST("--database-url", "postgres://me:secret@h/db"));
    assert_int_equal(config_check_store(&config, &err), SR_OK);
    read_well(LIST());
    assert_int_equal(config_check_store(&config, &err), SR_OK);
}

static void a_password_is_not_printed(void **state)
{
    static char *text;
    static size_t size;
    FILE *out = open_memstream(&text, &size);

    (void)state;
    assert_non_null(out);
    read_well(LIST("--database-url", "postgres://me:secret@h/db"));
    config_print(&config, out);
    assert_int_equal(fclose(out), 0);
    assert_non_null(strstr(text, "postgres://me:***@h/db"));
    assert_null(strstr(text, "secret"));
    free(text);
}

static void addresses_are_checked_at_once(void **state)
{
    struct sr_err err = {0};

    (void)state;
    assert_int_equal(config_read(&config, LIST("--listen", "localhost"), environment, &err),
                     SR_INVALID);
    assert_non_null(strstr(err.text, "--listen"));
    assert_non_null(strstr(err.text, "localhost"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_file_goes_before_defaults_and_behind_everything_else,
                                  remove_file),
        cmocka_unit_test_teardown(a_mistake_in_a_file_is_named_with_its_line, remove_file),
        cmocka_unit_test_teardown(the_database_url_comes_from_a_file, remove_file),
        cmocka_unit_test_setup(every_option_stands_in_the_table_once, forget_environment),
        cmocka_unit_test_setup(durations_fit_32_bits_of_milliseconds_where_they_are_read_so,
                               forget_environment),
        cmocka_unit_test_setup(choices_are_in_the_order_of_their_enums, forget_environment),
        cmocka_unit_test_setup(the_defaults_are_within_the_bounds, forget_environment),
        cmocka_unit_test_setup(the_data_directory_follows_the_environment, forget_environment),
        cmocka_unit_test_setup(a_relative_data_directory_is_told_absolute, forget_environment),
        cmocka_unit_test_setup(without_a_home_only_what_needs_the_data_fails,
                               forget_environment),
        cmocka_unit_test_setup(a_path_that_is_too_long_is_refused, forget_environment),
        cmocka_unit_test_setup(a_database_url_of_another_kind_is_refused, forget_environment),
        cmocka_unit_test_setup(a_password_is_not_printed, forget_environment),
        cmocka_unit_test_setup(addresses_are_checked_at_once, forget_environment),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
