/*
 * One table gives every option its name, bounds, default and line of help.
 */
#include "load/options.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum option_type { OPTION_NUMBER, OPTION_SECONDS, OPTION_TEXT, OPTION_SWITCH };

struct option_row {
    const char *name;
    enum option_type type;
    size_t offset; /* of the field in struct load_options */
    uint64_t min;
    uint64_t max;
    uint64_t number;  /* default of OPTION_NUMBER and, in milliseconds, of OPTION_SECONDS */
    const char *text; /* default of OPTION_TEXT */
    const char *help;
};

#define FIELD(name) offsetof(struct load_options, name)
#define NUMBER(name, field, min, max, fallback, help)                                          \
    {                                                                                          \
        name, OPTION_NUMBER, FIELD(field), min, max, fallback, NULL, help                      \
    }
#define SECONDS(name, field, max, help)                                                        \
    {                                                                                          \
        name, OPTION_SECONDS, FIELD(field), 0, (max)*1000, 0, NULL, help                       \
    }
#define TEXT(name, field, fallback, help)                                                      \
    {                                                                                          \
        name, OPTION_TEXT, FIELD(field), 0, 0, 0, fallback, help                               \
    }
#define SWITCH(name, field, help)                                                              \
    {                                                                                          \
        name, OPTION_SWITCH, FIELD(field), 0, 0, 0, NULL, help                                 \
    }

static const struct option_row rows[] = {
    TEXT("--address", address, "127.0.0.1", "IPv4 address of the server"),
    NUMBER("--port", port, 1, UINT16_MAX, 0, "its port (must be given)"),
    NUMBER("--connections", connections, 1, LOAD_CONNECTIONS_MAX, 64, "connections"),
    NUMBER("--depth", depth, 1, LOAD_IN_FLIGHT_MAX, 1,
           "requests a connection sends in one write and then waits for"),
    NUMBER("--batch", batch, 1, LOAD_IN_FLIGHT_MAX, 1,
           "items of one request; above 1 the body is a JSON array"),
    NUMBER("--requests", requests, 0, UINT64_MAX, 0, "stop after so many requests"),
    SECONDS("--seconds", duration_ms, 86400, "stop after so many seconds, such as 2.5"),
    NUMBER("--rate", rate, 0, 100000000, 0,
           "requests a second at fixed times, latency counted from when each was due;\n"
           "                        0: each connection as fast as it is answered"),
    NUMBER("--keys", keys, 1, LOAD_KEYS_MAX, 1,
           "distinct keys, chosen at random; 1 is a hot key"),
    NUMBER("--first-key", first_key, 0, 1000000000, 0, "number of the first key"),
    SWITCH("--sequential", sequential, "keys in turn instead of at random"),
    TEXT("--key-prefix", key_prefix, "bench-key-", "a key is this and ten digits"),
    NUMBER("--value", value, 0, INT64_MAX, 1, "value of each increment"),
    NUMBER("--seed", seed, 0, UINT64_MAX, 1, "of the random choice"),
    SWITCH("--minimal", minimal, "send Prefer: return=minimal"),
    SWITCH("--retry", retry, "repeat what was answered 503, after 20 ms"),
    TEXT("--ledger", ledger, NULL,
         "write `KEY ACKNOWLEDGED UNANSWERED`, in items, for each key that was sent"),
    SWITCH("--json", json, "report as one line of JSON"),
    SWITCH("--help", help, "this text"),
};

#define ROW_COUNT (sizeof(rows) / sizeof(rows[0]))

static void *field_of(struct load_options *options, const struct option_row *row)
{
    return (char *)options + row->offset;
}

static void set_defaults(struct load_options *options)
{
    memset(options, 0, sizeof(*options));
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (rows[i].type == OPTION_TEXT) {
            memcpy(field_of(options, &rows[i]), &rows[i].text, sizeof(rows[i].text));
        } else if (rows[i].type != OPTION_SWITCH) {
            memcpy(field_of(options, &rows[i]), &rows[i].number, sizeof(rows[i].number));
        }
    }
}

static const struct option_row *find_row(const char *name)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (strcmp(rows[i].name, name) == 0) {
            return &rows[i];
        }
    }
    return NULL;
}

static enum sr_result read_number(const struct option_row *row, const char *text,
                                  uint64_t *ret_number, struct sr_err *err)
{
    char *end = NULL;
    unsigned long long number;

    errno = 0;
    number = strtoull(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || text[0] == '-' || number < row->min ||
        number > row->max) {
        return sr_fail(err, SR_INVALID, "%s %s: must be %" PRIu64 " to %" PRIu64, row->name,
                       text, row->min, row->max);
    }
    *ret_number = number;
    return SR_OK;
}

static enum sr_result read_seconds(const struct option_row *row, const char *text,
                                   uint64_t *ret_ms, struct sr_err *err)
{
    char *end = NULL;
    double ms = strtod(text, &end) * 1000.0;

    if (end == text || *end != '\0' || !(ms >= 0.0 && ms <= (double)row->max)) {
        return sr_fail(err, SR_INVALID, "%s %s: must be 0 to %" PRIu64 " seconds", row->name,
                       text, row->max / 1000);
    }
    *ret_ms = (uint64_t)ms;
    return SR_OK;
}

static enum sr_result set_option(const struct option_row *row, const char *text,
                                 struct load_options *options, struct sr_err *err)
{
    void *field = field_of(options, row);

    switch (row->type) {
    case OPTION_NUMBER:
        return read_number(row, text, field, err);
    case OPTION_SECONDS:
        return read_seconds(row, text, field, err);
    case OPTION_TEXT:
        memcpy(field, &text, sizeof(text));
        return SR_OK;
    case OPTION_SWITCH:
        memcpy(field, &(bool){true}, sizeof(bool));
        return SR_OK;
    }
    return SR_INVALID;
}

/* What goes into JSON and into a request line of the ledger as it is. */
static bool is_plain_text(const char *text)
{
    for (const char *at = text; *at != '\0'; at++) {
        if (*at <= ' ' || *at > '~' || *at == '"' || *at == '\\') {
            return false;
        }
    }
    return true;
}

static enum sr_result check_together(const struct load_options *options, struct sr_err *err)
{
    struct in_addr parsed;

    if (options->help) {
        return SR_OK;
    }
    if (options->port == 0) {
        return sr_fail(err, SR_INVALID, "--port must be given");
    }
    if (inet_pton(AF_INET, options->address, &parsed) != 1) {
        return sr_fail(err, SR_INVALID, "--address %s: not an IPv4 address", options->address);
    }
    if (options->requests == 0 && options->duration_ms == 0) {
        return sr_fail(err, SR_INVALID, "--requests or --seconds must say when to stop");
    }
    if (options->depth * options->batch > LOAD_IN_FLIGHT_MAX) {
        return sr_fail(err, SR_INVALID, "--depth times --batch is over %u", LOAD_IN_FLIGHT_MAX);
    }
    if (strlen(options->key_prefix) > LOAD_KEY_PREFIX_MAX ||
        !is_plain_text(options->key_prefix)) {
        return sr_fail(err, SR_INVALID, "--key-prefix: over %u bytes, or not plain ASCII",
                       LOAD_KEY_PREFIX_MAX);
    }
    return SR_OK;
}

enum sr_result load_options_read(int argc, char **argv, struct load_options *ret_options,
                                 struct sr_err *err)
{
    struct load_options options;
    enum sr_result result = SR_OK;

    set_defaults(&options);
    for (int i = 1; i < argc && result == SR_OK; i++) {
        const struct option_row *row = find_row(argv[i]);
        bool is_switch = row != NULL && row->type == OPTION_SWITCH;

        if (row == NULL || (!is_switch && i + 1 == argc)) {
            return sr_fail(err, SR_INVALID, "%s: %s", argv[i],
                           row == NULL ? "no such option (--help lists them)" : "no value");
        }
        i += is_switch ? 0 : 1;
        result = set_option(row, argv[i], &options, err);
    }
    if (result == SR_OK) {
        result = check_together(&options, err);
    }
    if (result == SR_OK) {
        *ret_options = options;
    }
    return result;
}

static void print_default(const struct option_row *row)
{
    if (row->type == OPTION_NUMBER && row->number != 0) {
        printf(" (%" PRIu64 ")", row->number);
    } else if (row->type == OPTION_TEXT && row->text != NULL) {
        printf(" (%s)", row->text);
    }
    printf("\n");
}

void load_options_help(void)
{
    static const char *const values[] = {" N", " S", " TEXT", ""};

    printf("load: POST /increment from one thread, and what came of it\n\n");
    for (size_t i = 0; i < ROW_COUNT; i++) {
        printf("  %-14s%-6s  %s", rows[i].name, values[rows[i].type], rows[i].help);
        print_default(&rows[i]);
    }
    printf("\nExit status: 0 all answered, 1 connections failed or broke, 2 wrong usage.\n");
}
