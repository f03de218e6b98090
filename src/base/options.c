/*
 * Options from one table: reading them. options_text.c shows them to people.
 */
#include "base/options.h"

#include "base/check.h"
#include "base/options_internal.h"
#include "base/units.h"

#include <inttypes.h>
#include <string.h>

/* What is being read, for the words of an error. */
struct origin {
    const struct sr_option *option;
    enum sr_option_source source;
    const char *text;
};

/* "--port 70000", "PORT=70000 in the environment" */
static void name_origin(const struct origin *origin, char *ret_text, size_t size)
{
    char variable[SR_OPTION_NAME_SIZE];

    if (origin->source == SR_OPTION_ENVIRONMENT) {
        sr_option_variable(origin->option, variable, sizeof(variable));
        (void)snprintf(ret_text, size, "%s=%.80s in the environment", variable, origin->text);
        return;
    }
    (void)snprintf(ret_text, size, "--%s %.80s", origin->option->name, origin->text);
}

static enum sr_result refuse(const struct origin *origin, struct sr_err *err)
{
    char what[256], right[256];

    name_origin(origin, what, sizeof(what));
    sr_option_allowed(origin->option, right, sizeof(right));
    return sr_fail(err, SR_INVALID, "%s: not %s", what, right);
}

static bool find_choice(const char *const *choices, const char *text, uint64_t *ret_index)
{
    for (uint64_t i = 0; choices[i] != NULL; i++) {
        if (strcmp(choices[i], text) == 0) {
            *ret_index = i;
            return true;
        }
    }
    return false;
}

static bool parse_flag(const char *text, uint64_t *ret_number)
{
    if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0) {
        return false;
    }
    *ret_number = strcmp(text, "true") == 0;
    return true;
}

static bool in_bounds(const struct sr_option *option, uint64_t number)
{
    return (number >= option->min && number <= option->max) ||
           (number == 0 && option->zero_allowed);
}

static bool parse_number(const struct sr_option *option, const char *text, uint64_t *ret_number)
{
    switch (option->type) {
    case SR_OPTION_NUMBER:
        return sr_parse_u64(text, ret_number) && in_bounds(option, *ret_number);
    case SR_OPTION_DURATION:
        return sr_parse_duration(text, ret_number) && in_bounds(option, *ret_number);
    case SR_OPTION_SIZE:
        return sr_parse_size(text, ret_number) && in_bounds(option, *ret_number);
    case SR_OPTION_CHOICE:
        return find_choice(option->choices, text, ret_number);
    case SR_OPTION_FLAG:
        return parse_flag(text, ret_number);
    case SR_OPTION_TEXT:
        break;
    }
    return *text != '\0';
}

bool sr_option_parse(const struct sr_option *option, const char *text,
                     enum sr_option_source source, struct sr_option_value *ret_value)
{
    uint64_t number = 0;

    if (!parse_number(option, text, &number)) {
        return false;
    }
    *ret_value = (struct sr_option_value){.text = text, .number = number, .source = source};
    return true;
}

static enum sr_result take(const struct origin *origin, struct sr_option_value *ret_value,
                           struct sr_err *err)
{
    return sr_option_parse(origin->option, origin->text, origin->source, ret_value)
               ? SR_OK
               : refuse(origin, err);
}

void sr_option_variable(const struct sr_option *option, char *ret_text, size_t size)
{
    size_t i = 0;

    if (option->variable != NULL) {
        (void)snprintf(ret_text, size, "%s", option->variable);
        return;
    }
    for (; option->name[i] != '\0' && i + 1 < size; i++) {
        char c = option->name[i];

        ret_text[i] = c == '-' ? '_' : c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
    }
    ret_text[i] = '\0';
}

/* The defaults, overridden by the environment. */
static enum sr_result read_environment(const struct sr_option *table, size_t count,
                                       sr_option_environment_fn *environment,
                                       struct sr_option_value *values, struct sr_err *err)
{
    for (size_t i = 0; i < count; i++) {
        struct origin origin = {.option = &table[i], .source = SR_OPTION_DEFAULT};
        char variable[SR_OPTION_NAME_SIZE];
        const char *set;

        values[i] = (struct sr_option_value){0};
        sr_option_variable(&table[i], variable, sizeof(variable));
        set = table[i].type == SR_OPTION_FLAG ? NULL : environment(variable);
        if (set != NULL && *set != '\0') {
            origin.source = SR_OPTION_ENVIRONMENT;
            origin.text = set;
        } else {
            origin.text = table[i].fallback;
        }
        if (origin.text != NULL && take(&origin, &values[i], err) != SR_OK) {
            return SR_INVALID;
        }
    }
    return SR_OK;
}

size_t sr_options_find(const struct sr_option *table, size_t count, const char *name,
                       size_t name_size)
{
    size_t i = 0;

    while (i < count && !(strncmp(table[i].name, name, name_size) == 0 &&
                          table[i].name[name_size] == '\0')) {
        i++;
    }
    return i;
}

/* Says no more of the argument than its name: a value may hold a password. */
static enum sr_result unknown(const struct sr_option *table, size_t count, const char *argument,
                              struct sr_err *err)
{
    int size = (int)strcspn(argument, "=:@");
    const struct sr_option *near;

    if (argument[0] != '-') {
        return sr_fail(err, SR_INVALID,
                       "%.*s: belongs to no option (they start with --, their values follow)",
                       size < 80 ? size : 80, argument);
    }
    near = sr_options_nearest(table, count, argument);
    return sr_fail(err, SR_INVALID, "%.*s: no such option%s%s%s", size < 80 ? size : 80,
                   argument, near == NULL ? "" : "; did you mean --",
                   near == NULL ? "" : near->name, near == NULL ? "" : "?");
}

/* The value of the option whose name ends at `equals` or with the argument; moves *at behind
 * it. */
static const char *value_of(const struct sr_option *option, const char *equals,
                            const char *const **at)
{
    if (equals != NULL) {
        return equals + 1;
    }
    if (option->type == SR_OPTION_FLAG) {
        return "true";
    }
    if (**at == NULL || strncmp(**at, "--", 2) == 0) {
        return NULL;
    }
    return *(*at)++;
}

/* One option at *at with its value; moves *at behind them. */
static enum sr_result read_argument(const struct sr_option *table, size_t count,
                                    const char *const **at, struct sr_option_value *values,
                                    struct sr_err *err)
{
    const char *argument = *(*at)++;
    const char *name = argument + 2;
    const char *equals = strncmp(argument, "--", 2) == 0 ? strchr(name, '=') : NULL;
    struct origin origin = {.source = SR_OPTION_COMMAND_LINE};
    size_t i = count;

    if (strncmp(argument, "--", 2) == 0) {
        i = sr_options_find(table, count, name,
                            equals != NULL ? (size_t)(equals - name) : strlen(name));
    }
    if (i == count) {
        return unknown(table, count, argument, err);
    }
    if (values[i].source == SR_OPTION_COMMAND_LINE) {
        return sr_fail(err, SR_INVALID, "--%s: given twice", table[i].name);
    }
    origin.option = &table[i];
    origin.text = value_of(&table[i], equals, at);
    if (origin.text == NULL) {
        char right[256];

        sr_option_allowed(&table[i], right, sizeof(right));
        return sr_fail(err, SR_INVALID, "--%s: its value is missing: %s", table[i].name, right);
    }
    return take(&origin, &values[i], err);
}

enum sr_result sr_options_read(const struct sr_option *table, size_t count,
                               const char *const *arguments,
                               sr_option_environment_fn *environment,
                               struct sr_option_value *ret_values, struct sr_err *err)
{
    enum sr_result result = read_environment(table, count, environment, ret_values, err);

    while (result == SR_OK && *arguments != NULL) {
        result = read_argument(table, count, &arguments, ret_values, err);
    }
    return result;
}
