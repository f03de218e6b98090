/*
 * Options: flag before environment before default, and words for every mistake.
 */
#include "base/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void hide(const char *value, char *ret_text, size_t size)
{
    (void)snprintf(ret_text, size, "%.3s***", value);
}

static const char *const modes[] = {"fsync", "write", "none", NULL};

enum { PORT, DIRECTORY, INTERVAL, MEMORY, MODE, LAG, URL, HELP, COUNT };

static const struct sr_option table[COUNT] = {
    [PORT] = {.name = "port",
              .type = SR_OPTION_NUMBER,
              .value_name = "NUMBER",
              .fallback = "3333",
              .max = 65535,
              .help = "port to listen on"},
    [DIRECTORY] = {.name = "data-dir",
                   .type = SR_OPTION_TEXT,
                   .value_name = "PATH",
                   .fallback_help = "found out",
                   .help = "where"},
    [INTERVAL] = {.name = "sync-interval",
                  .type = SR_OPTION_DURATION,
                  .value_name = "DURATION",
                  .fallback = "10s",
                  .min = 10,
                  .max = 86400000,
                  .help = "how often"},
    [MEMORY] = {.name = "memory-limit",
                .type = SR_OPTION_SIZE,
                .value_name = "SIZE",
                .min = 1 << 20,
                .max = (uint64_t)1 << 34,
                .help = "how much"},
    [MODE] = {.name = "durability",
              .type = SR_OPTION_CHOICE,
              .value_name = "MODE",
              .fallback = "fsync",
              .choices = modes,
              .help = "when acknowledged"},
    [LAG] = {.name = "max-lag",
             .type = SR_OPTION_DURATION,
             .value_name = "DURATION",
             .fallback = "0",
             .min = 1000,
             .max = 60000,
             .zero_allowed = true,
             .help = "readiness"},
    [URL] = {.name = "url",
             .type = SR_OPTION_TEXT,
             .value_name = "URL",
             .redact = hide,
             .help = "store"},
    [HELP] = {.name = "help", .type = SR_OPTION_FLAG, .help = "this list"},
};

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

#define ARGUMENTS(...) ((const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

static void read_well(const char *const *arguments, struct sr_option_value values[COUNT])
{
    struct sr_err err = {0};

    if (sr_options_read(table, COUNT, arguments, environment, values, &err) != SR_OK) {
        fail_msg("%s", err.text);
    }
}

/* Expects a refusal whose words hold both texts. */
static void read_badly(const char *const *arguments, const char *what, const char *right)
{
    struct sr_option_value values[COUNT];
    struct sr_err err = {0};

    assert_int_equal(sr_options_read(table, COUNT, arguments, environment, values, &err),
                     SR_INVALID);
    if (strstr(err.text, what) == NULL || strstr(err.text, right) == NULL) {
        fail_msg("\"%s\" says neither %s nor %s", err.text, what, right);
    }
}

static void without_words_the_defaults_hold(void **state)
{
    struct sr_option_value values[COUNT];

    (void)state;
    read_well(ARGUMENTS(), values);
    assert_int_equal(values[PORT].number, 3333);
    assert_int_equal(values[PORT].source, SR_OPTION_DEFAULT);
    assert_int_equal(values[INTERVAL].number, 10000);
    assert_int_equal(values[MODE].number, 0);
    assert_int_equal(values[HELP].number, 0);
    assert_null(values[DIRECTORY].text);
    assert_null(values[MEMORY].text);
}

static void a_flag_beats_the_environment_beats_the_default(void **state)
{
    struct sr_option_value values[COUNT];

    (void)state;
    variables = ARGUMENTS("PORT", "4001", "SYNC_INTERVAL", "3s");
    read_well(ARGUMENTS("--port", "4002"), values);
    assert_int_equal(values[PORT].number, 4002);
    assert_int_equal(values[PORT].source, SR_OPTION_COMMAND_LINE);
    assert_int_equal(values[INTERVAL].number, 3000);
    assert_int_equal(values[INTERVAL].source, SR_OPTION_ENVIRONMENT);
    assert_int_equal(values[MODE].source, SR_OPTION_DEFAULT);
}

static void a_value_follows_as_a_word_or_behind_an_equals_sign(void **state)
{
    struct sr_option_value values[COUNT];

    (void)state;
    read_well(ARGUMENTS("--port=1", "--memory-limit", "2GiB", "--url=a=b", "--help",
                        "--durability", "none"),
              values);
    assert_int_equal(values[PORT].number, 1);
    assert_int_equal(values[MEMORY].number, (uint64_t)2 << 30);
    assert_string_equal(values[URL].text, "a=b");
    assert_int_equal(values[HELP].number, 1);
    assert_int_equal(values[MODE].number, 2);
    read_well(ARGUMENTS("--help=false"), values);
    assert_int_equal(values[HELP].number, 0);
}

static void an_empty_variable_counts_as_not_set(void **state)
{
    struct sr_option_value values[COUNT];

    (void)state;
    variables = ARGUMENTS("PORT", "", "DATA_DIR", "");
    read_well(ARGUMENTS(), values);
    assert_int_equal(values[PORT].number, 3333);
    assert_null(values[DIRECTORY].text);
}

static void a_flag_without_value_has_no_variable(void **state)
{
    struct sr_option_value values[COUNT];

    (void)state;
    variables = ARGUMENTS("HELP", "true");
    read_well(ARGUMENTS(), values);
    assert_int_equal(values[HELP].number, 0);
}

static void bounds_are_allowed_and_what_lies_beyond_is_named(void **state)
{
    struct sr_option_value values[COUNT];

    (void)state;
    read_well(ARGUMENTS("--port", "0", "--sync-interval", "24h", "--max-lag", "0"), values);
    assert_int_equal(values[INTERVAL].number, 86400000);
    read_well(ARGUMENTS("--port", "65535", "--sync-interval", "10ms", "--max-lag", "1s"),
              values);
    read_badly(ARGUMENTS("--port", "65536"), "--port 65536", "from 0 to 65535");
    read_badly(ARGUMENTS("--sync-interval", "9ms"), "--sync-interval 9ms", "from 10ms to 1d");
    read_badly(ARGUMENTS("--sync-interval", "0"), "--sync-interval 0", "from 10ms");
    read_badly(ARGUMENTS("--max-lag=999ms"), "--max-lag 999ms", "or 0");
    read_badly(ARGUMENTS("--memory-limit", "17GiB"), "17GiB", "from 1MiB to 16GiB");
}

static void a_value_of_another_kind_is_named_with_what_would_be_right(void **state)
{
    (void)state;
    read_badly(ARGUMENTS("--port", "abc"), "--port abc", "whole number");
    read_badly(ARGUMENTS("--port", "-1"), "--port -1", "whole number");
    read_badly(ARGUMENTS("--sync-interval", "soon"), "--sync-interval soon", "10s");
    read_badly(ARGUMENTS("--sync-interval", "10"), "--sync-interval 10", "500ms");
    read_badly(ARGUMENTS("--memory-limit", "1GB"), "1GB", "1GiB");
    read_badly(ARGUMENTS("--durability", "sometimes"), "sometimes",
               "one of fsync, write, none");
    read_badly(ARGUMENTS("--help=perhaps"), "--help perhaps", "true or false");
    read_badly(ARGUMENTS("--data-dir="), "--data-dir", "PATH");
    variables = ARGUMENTS("PORT", "many");
    read_badly(ARGUMENTS(), "PORT=many in the environment", "whole number");
}

static void an_unknown_option_is_named_with_its_neighbour(void **state)
{
    (void)state;
    read_badly(ARGUMENTS("--prot", "1"), "--prot: no such option", "--port?");
    read_badly(ARGUMENTS("--sync-intervall=1s"), "--sync-intervall: no such",
               "--sync-interval?");
    read_badly(ARGUMENTS("--nothing-like-it"), "--nothing-like-it: no such option", "");
    read_badly(ARGUMENTS("-p", "1"), "-p: no such option", "");
    read_badly(ARGUMENTS("--"), "--: no such option", "");
}

static void an_unknown_options_value_is_not_told(void **state)
{
    struct sr_option_value values[COUNT];
    struct sr_err err = {0};

    (void)state;
    assert_int_equal(sr_options_read(table, COUNT, ARGUMENTS("--ulr=postgres://me:secret@h/d"),
                                     environment, values, &err),
                     SR_INVALID);
    assert_null(strstr(err.text, "secret"));
    assert_int_equal(sr_options_read(table, COUNT, ARGUMENTS("postgres://me:secret@h/d"),
                                     environment, values, &err),
                     SR_INVALID);
    assert_null(strstr(err.text, "secret"));
}

static void a_missing_value_is_named(void **state)
{
    (void)state;
    read_badly(ARGUMENTS("--port"), "--port", "missing");
    read_badly(ARGUMENTS("--data-dir", "--port", "1"), "--data-dir", "missing");
}

static void an_option_given_twice_is_refused(void **state)
{
    (void)state;
    read_badly(ARGUMENTS("--port", "1", "--port=2"), "--port", "twice");
}

static void words_that_belong_to_no_option_are_named(void **state)
{
    (void)state;
    read_badly(ARGUMENTS("--port", "1", "leftover"), "leftover", "belongs to no option");
    read_badly(ARGUMENTS("--help", "true"), "true", "belongs to no option");
}

/* All that `print` writes, to be freed. */
static char *printed(void (*print)(FILE *out))
{
    static char *text;
    static size_t size;
    FILE *out = open_memstream(&text, &size);

    assert_non_null(out);
    print(out);
    assert_int_equal(fclose(out), 0);
    return text;
}

static void print_help(FILE *out)
{
    sr_options_help(table, COUNT, out);
}

static void help_has_every_option_with_variable_and_default_in_columns(void **state)
{
    char *help = printed(print_help);
    const char *port = strstr(help, "--port NUMBER");
    const char *interval = strstr(help, "--sync-interval DURATION");

    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        assert_non_null(strstr(help, table[i].name));
        assert_non_null(strstr(help, table[i].help));
    }
    assert_non_null(port);
    assert_non_null(interval);
    assert_int_equal(strstr(port, "PORT ") - port,
                     strstr(interval, "SYNC_INTERVAL ") - interval);
    assert_int_equal(strstr(port, "3333") - port, strstr(interval, "10s") - interval);
    assert_non_null(strstr(help, "found out"));
    free(help);
}

static struct sr_option_value shown_values[COUNT];

static void print_values(FILE *out)
{
    sr_options_print(table, COUNT, shown_values, out);
}

static void what_is_in_force_is_printed_with_its_source_and_without_passwords(void **state)
{
    char *text;

    (void)state;
    variables = ARGUMENTS("PORT", "4001");
    read_well(ARGUMENTS("--sync-interval", "60s", "--url", "pg:secret", "--memory-limit",
                        "1024MiB"),
              shown_values);
    text = printed(print_values);
    assert_string_equal(text, "port           4001    environment\n"
                              "data-dir               default\n"
                              "sync-interval  1m      flag\n"
                              "memory-limit   1GiB    flag\n"
                              "durability     fsync   default\n"
                              "max-lag        0       default\n"
                              "url            pg:***  flag\n");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_words_the_defaults_hold),
        cmocka_unit_test_setup(a_flag_beats_the_environment_beats_the_default,
                               forget_environment),
        cmocka_unit_test_setup(a_value_follows_as_a_word_or_behind_an_equals_sign,
                               forget_environment),
        cmocka_unit_test_setup(an_empty_variable_counts_as_not_set, forget_environment),
        cmocka_unit_test_setup(a_flag_without_value_has_no_variable, forget_environment),
        cmocka_unit_test_setup(bounds_are_allowed_and_what_lies_beyond_is_named,
                               forget_environment),
        cmocka_unit_test_setup(a_value_of_another_kind_is_named_with_what_would_be_right,
                               forget_environment),
        cmocka_unit_test_setup(an_unknown_option_is_named_with_its_neighbour,
                               forget_environment),
        cmocka_unit_test_setup(an_unknown_options_value_is_not_told, forget_environment),
        cmocka_unit_test_setup(a_missing_value_is_named, forget_environment),
        cmocka_unit_test_setup(an_option_given_twice_is_refused, forget_environment),
        cmocka_unit_test_setup(words_that_belong_to_no_option_are_named, forget_environment),
        cmocka_unit_test(help_has_every_option_with_variable_and_default_in_columns),
        cmocka_unit_test_setup(
            what_is_in_force_is_printed_with_its_source_and_without_passwords,
            forget_environment),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
