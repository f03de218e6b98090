/*
 * Options from a configuration file's text.
 */
#include "base/check.h"
#include "base/options.h"
#include "base/options_internal.h"

#include <string.h>

#define OPTIONS_MAX 128

/* Where the reading is, and what it met. */
struct place {
    const char *path;
    unsigned line;
    bool seen[OPTIONS_MAX];
};

static char *trim(char *text)
{
    size_t size;

    text += strspn(text, " \t");
    size = strlen(text);
    while (size > 0 && strchr(" \t\r", text[size - 1]) != NULL) {
        text[--size] = '\0';
    }
    return text;
}

/* Never all of what stands there: it may be a password whose name was forgotten. */
static enum sr_result fail_unknown(const struct place *place, const struct sr_option *table,
                                   size_t count, const char *name, struct sr_err *err)
{
    const struct sr_option *near = sr_options_nearest(table, count, name);

    return sr_fail(err, SR_INVALID, "%.160s:%u: %.*s: no such option%s%s%s", place->path,
                   place->line, (int)strcspn(name, ":@ "), name,
                   near == NULL ? "" : "; did you mean ", near == NULL ? "" : near->name,
                   near == NULL ? "" : "?");
}

static enum sr_result take(const struct place *place, const struct sr_option *option,
                           const char *text, struct sr_option_value *value, struct sr_err *err)
{
    struct sr_option_value parsed;
    char right[256];

    if (option->type == SR_OPTION_FLAG) {
        return sr_fail(err, SR_INVALID, "%.160s:%u: %s: is for the command line alone",
                       place->path, place->line, option->name);
    }
    if (!sr_option_parse(option, text, SR_OPTION_FILE, &parsed)) {
        sr_option_allowed(option, right, sizeof(right));
        return sr_fail(err, SR_INVALID, "%.160s:%u: %s = %.40s: not %s", place->path,
                       place->line, option->name, option->redact == NULL ? text : "...", right);
    }
    if (value->source == SR_OPTION_DEFAULT) {
        *value = parsed;
    }
    return SR_OK;
}

static enum sr_result read_line(struct place *place, const struct sr_option *table,
                                size_t count, char *line, struct sr_option_value *values,
                                struct sr_err *err)
{
    char *equals = strchr(line, '=');
    char *name = trim(line);
    size_t i;

    if (*name == '\0' || *name == '#') {
        return SR_OK;
    }
    if (equals == NULL) {
        return sr_fail(err, SR_INVALID, "%.160s:%u: not of the form name = value", place->path,
                       place->line);
    }
    *equals = '\0';
    name = trim(name);
    i = sr_options_find(table, count, name, strlen(name));
    if (i == count) {
        return fail_unknown(place, table, count, name, err);
    }
    if (place->seen[i]) {
        return sr_fail(err, SR_INVALID, "%.160s:%u: %s: given twice", place->path, place->line,
                       name);
    }
    place->seen[i] = true;
    return take(place, &table[i], trim(equals + 1), &values[i], err);
}

enum sr_result sr_options_read_file(const struct sr_option *table, size_t count, char *text,
                                    const char *path, struct sr_option_value *values,
                                    struct sr_err *err)
{
    struct place place = {.path = path};
    enum sr_result result = SR_OK;

    SR_CHECK(count <= OPTIONS_MAX);
    while (text != NULL && result == SR_OK) {
        char *line = text;

        text = strchr(line, '\n');
        if (text != NULL) {
            *text++ = '\0';
        }
        place.line++;
        result = read_line(&place, table, count, line, values, err);
    }
    return result;
}
