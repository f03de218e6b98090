/*
 * Options as people see them: help, what is in force, what would be right.
 */
#include "base/check.h"
#include "base/options.h"
#include "base/options_internal.h"
#include "base/units.h"

#include <inttypes.h>
#include <string.h>

/* Appends at *at, which stays inside size. */
static void append(char *text, size_t size, size_t *at, const char *more)
{
    int written = snprintf(text + *at, size - *at, "%s", more);

    SR_CHECK(written >= 0);
    *at += (size_t)written < size - *at ? (size_t)written : size - *at - 1;
}

static void format_number(enum sr_option_type type, uint64_t number,
                          char ret_text[SR_UNITS_TEXT_SIZE])
{
    if (type == SR_OPTION_DURATION) {
        sr_format_duration(number, ret_text);
    } else if (type == SR_OPTION_SIZE) {
        sr_format_size(number, ret_text);
    } else {
        (void)snprintf(ret_text, SR_UNITS_TEXT_SIZE, "%" PRIu64, number);
    }
}

static void list_choices(const struct sr_option *option, char *ret_text, size_t size)
{
    size_t at = 0;

    append(ret_text, size, &at, "one of ");
    for (size_t i = 0; option->choices[i] != NULL; i++) {
        append(ret_text, size, &at, i == 0 ? "" : ", ");
        append(ret_text, size, &at, option->choices[i]);
    }
}

static void name_bounds(const struct sr_option *option, const char *what, char *ret_text,
                        size_t size)
{
    char min[SR_UNITS_TEXT_SIZE], max[SR_UNITS_TEXT_SIZE];

    format_number(option->type, option->min, min);
    format_number(option->type, option->max, max);
    (void)snprintf(ret_text, size, "%s from %s to %s%s", what, min, max,
                   option->zero_allowed ? ", or 0" : "");
}

void sr_option_allowed(const struct sr_option *option, char *ret_text, size_t size)
{
    switch (option->type) {
    case SR_OPTION_NUMBER:
        name_bounds(option, "a whole number", ret_text, size);
        return;
    case SR_OPTION_DURATION:
        name_bounds(option, "a duration such as 500ms, 10s, 5m or 24h", ret_text, size);
        return;
    case SR_OPTION_SIZE:
        name_bounds(option, "a size such as 512KiB, 128MiB or 1GiB", ret_text, size);
        return;
    case SR_OPTION_CHOICE:
        list_choices(option, ret_text, size);
        return;
    case SR_OPTION_FLAG:
        (void)snprintf(ret_text, size, "true or false");
        return;
    case SR_OPTION_TEXT:
        break;
    }
    (void)snprintf(ret_text, size, "a %s of at least one character", option->value_name);
}

/* Levenshtein's distance of two short names; `far` where one is longer than a row holds. */
static size_t distance(const char *a, const char *b, size_t far)
{
    size_t row[SR_OPTION_NAME_SIZE];
    size_t b_size = strlen(b);

    if (b_size >= SR_OPTION_NAME_SIZE) {
        return far;
    }
    for (size_t j = 0; j <= b_size; j++) {
        row[j] = j;
    }
    for (size_t i = 1; a[i - 1] != '\0'; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= b_size; j++) {
            size_t change = diagonal + (a[i - 1] != b[j - 1]);
            size_t insert = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;

            diagonal = row[j];
            row[j] = change < insert ? change : insert;
        }
    }
    return row[b_size];
}

const struct sr_option *sr_options_nearest(const struct sr_option *table, size_t count,
                                           const char *argument)
{
    const struct sr_option *nearest = NULL;
    char name[SR_OPTION_NAME_SIZE];
    size_t best = 3; /* so many wrong letters are another word */

    argument += strspn(argument, "-");
    (void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(argument, "="), argument);
    for (size_t i = 0; i < count; i++) {
        size_t d = distance(name, table[i].name, best);

        if (d < best) {
            best = d;
            nearest = &table[i];
        }
    }
    return nearest;
}

void sr_option_shown(const struct sr_option *option, const struct sr_option_value *value,
                     char ret_text[SR_OPTION_SHOWN_SIZE])
{
    if (option->type == SR_OPTION_NUMBER || option->type == SR_OPTION_DURATION ||
        option->type == SR_OPTION_SIZE) {
        format_number(option->type, value->number, ret_text);
    } else if (option->redact != NULL && value->text != NULL) {
        option->redact(value->text, ret_text, SR_OPTION_SHOWN_SIZE);
    } else {
        (void)snprintf(ret_text, SR_OPTION_SHOWN_SIZE, "%s",
                       value->text == NULL ? "" : value->text);
    }
}

/* "--port NUMBER" */
static int flag_text(const struct sr_option *option, char *ret_text, size_t size)
{
    return snprintf(ret_text, size, "--%s%s%s", option->name,
                    option->value_name == NULL ? "" : " ",
                    option->value_name == NULL ? "" : option->value_name);
}

static int flag_width(const struct sr_option *table, size_t count)
{
    char flag[2 * SR_OPTION_NAME_SIZE];
    int width = 0;

    for (size_t i = 0; i < count; i++) {
        int size = flag_text(&table[i], flag, sizeof(flag));

        width = size > width ? size : width;
    }
    return width;
}

static int name_width(const struct sr_option *table, size_t count)
{
    size_t width = 0;

    for (size_t i = 0; i < count; i++) {
        size_t size = strlen(table[i].name);

        width = size > width ? size : width;
    }
    return (int)width;
}

static int variable_width(const struct sr_option *table, size_t count)
{
    char variable[SR_OPTION_NAME_SIZE];
    size_t width = 0;

    for (size_t i = 0; i < count; i++) {
        size_t size;

        sr_option_variable(&table[i], variable, sizeof(variable));
        size = strlen(variable);
        width = size > width ? size : width;
    }
    return (int)width;
}

void sr_options_help(const struct sr_option *table, size_t count, FILE *out)
{
    int flags = flag_width(table, count);
    int variables = variable_width(table, count);

    for (size_t i = 0; i < count; i++) {
        const struct sr_option *option = &table[i];
        char flag[2 * SR_OPTION_NAME_SIZE], variable[SR_OPTION_NAME_SIZE] = "";
        const char *fallback =
            option->fallback_help != NULL ? option->fallback_help : option->fallback;

        (void)flag_text(option, flag, sizeof(flag));
        if (option->type == SR_OPTION_FLAG) {
            (void)fprintf(out, "  %-*s  %s\n", flags, flag, option->help);
            continue;
        }
        sr_option_variable(option, variable, sizeof(variable));
        (void)fprintf(out, "  %-*s  %-*s  %s\n      %s\n", flags, flag, variables, variable,
                      fallback == NULL ? "" : fallback, option->help);
    }
}

static int shown_width(const struct sr_option *table, size_t count,
                       const struct sr_option_value *values)
{
    size_t width = 0;

    for (size_t i = 0; i < count; i++) {
        char shown[SR_OPTION_SHOWN_SIZE];
        size_t size;

        sr_option_shown(&table[i], &values[i], shown);
        size = strlen(shown);
        width = size > width && table[i].type != SR_OPTION_FLAG ? size : width;
    }
    return (int)width;
}

void sr_options_print(const struct sr_option *table, size_t count,
                      const struct sr_option_value *values, FILE *out)
{
    static const char *const sources[] = {"default", "file", "environment", "flag"};
    int names = name_width(table, count);
    int width = shown_width(table, count, values);

    for (size_t i = 0; i < count; i++) {
        char shown[SR_OPTION_SHOWN_SIZE];

        if (table[i].type != SR_OPTION_FLAG) {
            sr_option_shown(&table[i], &values[i], shown);
            (void)fprintf(out, "%-*s  %-*s  %s\n", names, table[i].name, width, shown,
                          sources[values[i].source]);
        }
    }
}
