/*
 * Numbers, durations and sizes as people write them: one parser and one formatter over a list
 * of units.
 */
#include "base/units.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct unit {
    const char *name;
    uint64_t factor;
};

/* Largest first; the end is a NULL name. */
static const struct unit duration_units[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000},
                                             {"s", 1000},     {"ms", 1},      {NULL, 0}};
static const struct unit size_units[] = {
    {"TiB", (uint64_t)1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20},
    {"KiB", 1 << 10},           {"", 1},          {NULL, 0}};

/* Digits at the start of text; returns where they end, NULL where there are none or too many.
 */
static const char *parse_digits(const char *text, uint64_t *ret_number)
{
    uint64_t number = 0;
    const char *at = text;

    for (; *at >= '0' && *at <= '9'; at++) {
        if (__builtin_mul_overflow(number, 10U, &number) ||
            __builtin_add_overflow(number, (uint64_t)(*at - '0'), &number)) {
            return NULL;
        }
    }
    if (at == text) {
        return NULL;
    }
    *ret_number = number;
    return at;
}

static bool parse_with_unit(const char *text, const struct unit *units, uint64_t *ret_value)
{
    uint64_t number, value;
    const char *name = parse_digits(text, &number);

    if (name == NULL) {
        return false;
    }
    while (units->name != NULL && strcmp(units->name, name) != 0) {
        units++;
    }
    if (units->name == NULL || __builtin_mul_overflow(number, units->factor, &value)) {
        return false;
    }
    *ret_value = value;
    return true;
}

bool sr_parse_u64(const char *text, uint64_t *ret_number)
{
    uint64_t number;
    const char *end = parse_digits(text, &number);

    if (end == NULL || *end != '\0') {
        return false;
    }
    *ret_number = number;
    return true;
}

bool sr_parse_duration(const char *text, uint64_t *ret_ms)
{
    if (strcmp(text, "0") == 0) {
        *ret_ms = 0;
        return true;
    }
    return parse_with_unit(text, duration_units, ret_ms);
}

bool sr_parse_size(const char *text, uint64_t *ret_bytes)
{
    return parse_with_unit(text, size_units, ret_bytes);
}

static void format_with_unit(uint64_t value, const struct unit *units, char *ret_text)
{
    while (value % units->factor != 0) {
        units++;
    }
    (void)snprintf(ret_text, SR_UNITS_TEXT_SIZE, "%" PRIu64 "%s", value / units->factor,
                   value == 0 ? "" : units->name);
}

void sr_format_duration(uint64_t ms, char ret_text[SR_UNITS_TEXT_SIZE])
{
    format_with_unit(ms, duration_units, ret_text);
}

void sr_format_size(uint64_t bytes, char ret_text[SR_UNITS_TEXT_SIZE])
{
    format_with_unit(bytes, size_units, ret_text);
}
