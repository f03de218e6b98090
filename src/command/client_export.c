/*
 * simple-request export [PREFIX]: all counters of one moment as JSON lines. The service, where
 * one answers, brings its counts into the database first and tells which database that is; the
 * rows are then read from there, in one snapshot.
 */
#include "base/clock.h"
#include "base/limits.h"
#include "command/client_command.h"
#include "command/lines_file.h"
#include "http/utf8.h"
#include "store/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROGRESS_EVERY 4096U /* rows between two looks at the clock */
#define PROGRESS_MS 200U

struct exported {
    struct client_command *command;
    struct config config;
    bool there;          /* a service answered */
    bool named;          /* by option or variable: which database it is */
    yyjson_doc *state;   /* what the service said of itself; NULL: not asked */
    struct sr_uuid uuid; /* its instance, where it is there */
    struct store *store;
    struct lines_file file;
    uint64_t count, left_out;
    bool shows_progress;
    uint64_t shown_ms;
    struct sr_err err;
};

/* ---- which database ---- */

static const char *environment(const char *variable)
{
    return getenv(variable);
}

/* The service's own options, read as the service reads them. */
static enum sr_result read_config(struct exported *e)
{
    static const struct {
        enum client_option option;
        const char *flag;
    } passed[] = {{CLIENT_DATABASE_URL, "--database-url"},
                  {CLIENT_DATABASE_URL_FILE, "--database-url-file"},
                  {CLIENT_DATA_DIR, "--data-dir"},
                  {CLIENT_CONFIG, "--config"}};
    const char *arguments[2 * sizeof(passed) / sizeof(passed[0]) + 1] = {NULL};
    size_t count = 0;
    enum sr_result result;

    for (size_t i = 0; i < sizeof(passed) / sizeof(passed[0]); i++) {
        const struct sr_option_value *value = &e->command->settings.values[passed[i].option];

        if (value->source == SR_OPTION_COMMAND_LINE) {
            arguments[count++] = passed[i].flag;
            arguments[count++] = value->text;
        }
    }
    result = config_read(&e->config, arguments, environment, &e->err);
    e->named =
        result == SR_OK && (e->config.values[CONFIG_DATABASE_URL].source != SR_OPTION_DEFAULT ||
                            e->config.values[CONFIG_DATA_DIR].source != SR_OPTION_DEFAULT);
    return result;
}

static const char *state_text(const struct exported *e, const char *part, const char *member)
{
    yyjson_val *data = yyjson_obj_get(yyjson_doc_get_root(e->state), "data");

    return yyjson_get_str(yyjson_obj_get(yyjson_obj_get(data, part), member));
}

/* The database that the running service told: nothing in it may be hidden or relative to where
 * that was started. */
static enum sr_result take_told_url(struct exported *e)
{
    const char *url = state_text(e, "store", "url");

    if (url == NULL || strstr(url, "***") != NULL ||
        (strncmp(url, "sqlite:", 7) == 0 && url[7] != '/')) {
        return sr_fail(&e->err, SR_INVALID,
                       "the service's database is %.200s: name it by --database-url-file or "
                       "--database-url",
                       url == NULL ? "not told" : url);
    }
    e->config.values[CONFIG_DATABASE_URL].text = url;
    return SR_OK;
}

/* The service brings everything into the database, and says who it is. */
static int ask_service(struct exported *e)
{
    const struct client_request flush = {.method = "POST", .target = "/flush"};
    const struct client_request state = {.method = "GET", .target = "/dashboard/state"};
    yyjson_doc *flushed = NULL;
    int code = client_command_ask_if_there(e->command, &flush, &e->there, &flushed);

    yyjson_doc_free(flushed);
    if (code == COMMAND_OK && e->there) {
        code = client_command_ask(e->command, &state, &e->state);
    }
    if (code == COMMAND_OK && e->there) {
        const char *text = state_text(e, "process", "instance");

        if (text == NULL || !sr_uuid_parse(text, &e->uuid)) {
            command_complain("export: the service at --url does not tell its instance");
            return COMMAND_FAILED;
        }
    } else if (code != COMMAND_OK) {
        command_complain("export: --no-flush leaves the service alone, and exports what the "
                         "database has");
    }
    return code;
}

/* A service that was flushed must have flushed into this database. */
static enum sr_result check_instance(struct exported *e)
{
    struct sr_uuid none = {{0}};
    uint64_t epoch = 0;
    bool owned = false;
    enum sr_result result = e->store->ops->look(e->store, &none, &epoch, &owned, &e->err);

    if (result == SR_NOT_FOUND) {
        char url[SR_OPTION_SHOWN_SIZE];

        store_url_redact(config_text(&e->config, CONFIG_DATABASE_URL), url, sizeof(url));
        return sr_fail(&e->err, result,
                       "the service at %.80s does not write into %.120s: name its database, or "
                       "leave it alone by --no-flush",
                       e->command->settings.values[CLIENT_URL].text, url);
    }
    return result;
}

static enum sr_result open_store(struct exported *e)
{
    enum sr_result result = e->there && !e->named ? take_told_url(e) : SR_OK;

    if (result == SR_OK) {
        result = config_check_store(&e->config, &e->err);
    }
    if (result == SR_OK) {
        result = config_open_store(&e->config, e->there ? &e->uuid : NULL, &e->store, &e->err);
    }
    return result == SR_OK && e->there ? check_instance(e) : result;
}

/* ---- the rows ---- */

static void show_progress(struct exported *e)
{
    uint64_t now_ms = sr_clock_monotonic_ms();

    if (e->shows_progress && now_ms - e->shown_ms >= PROGRESS_MS) {
        (void)fprintf(stderr, "\rexported %" PRIu64, e->count);
        e->shown_ms = now_ms;
    }
}

/* Rows of others may have keys that no counter can have. */
static bool is_counter(struct sr_span key)
{
    return key.size > 0 && key.size <= SR_KEY_SIZE_MAX &&
           memchr(key.data, '\0', key.size) == NULL && http_utf8_valid(key);
}

static enum sr_result take_row(void *context, struct sr_span key, int64_t value)
{
    struct exported *e = context;

    if (!is_counter(key)) {
        e->left_out++;
        return SR_OK;
    }
    if (++e->count % PROGRESS_EVERY == 0) {
        show_progress(e);
    }
    return lines_file_counter(&e->file, key, value, &e->err);
}

static enum sr_result write_rows(struct exported *e)
{
    const char *prefix = e->command->settings.parts.words[0];
    struct store_rows rows = {.context = e, .row = take_row};
    enum sr_result result =
        e->store->ops->read_all(e->store, sr_span_text(prefix == NULL ? "" : prefix), &rows,
                                &e->err);

    if (result == SR_OK) {
        result = lines_file_finish(&e->file, &e->err);
    }
    if (e->shows_progress) {
        (void)fputs("\r\33[K", stderr);
    }
    return result;
}

/* What the lines do not tell themselves. */
static void tell_rest(const struct exported *e)
{
    if (e->left_out > 0) {
        (void)fprintf(stderr,
                      "simple-request: %" PRIu64
                      " rows left out: no counter can have their keys\n",
                      e->left_out);
    }
    if (!e->there) {
        (void)fputs(
            "simple-request: no service was flushed: where one runs, or was killed, what it "
            "counted since its last flush is in its journal, and not here\n",
            stderr);
    }
    if (e->shows_progress) {
        (void)fprintf(stderr, "exported %" PRIu64 " counters\n", e->count);
    }
}

/* ---- the command ---- */

static int export_from_store(struct exported *e)
{
    enum sr_result result = open_store(e);

    if (result == SR_OK) {
        result =
            lines_file_open(&e->file, e->command->settings.values[CLIENT_OUTPUT].text, &e->err);
        if (result == SR_OK) {
            result = write_rows(e);
        }
        lines_file_close(&e->file);
    }
    if (result == SR_OK) {
        tell_rest(e);
        return COMMAND_OK;
    }
    command_complain(e->err.text);
    if (result == SR_NOT_FOUND && !e->there && !e->named) {
        command_complain("export: name the service's database by --database-url or --data-dir, "
                         "or the service by --url");
    }
    return result == SR_INVALID ? COMMAND_USAGE : COMMAND_FAILED;
}

static int export_counters(struct client_command *c)
{
    static struct exported e; /* with the config: not on the stack */
    int code = COMMAND_OK;

    e.command = c;
    e.shows_progress = isatty(STDERR_FILENO) == 1 && isatty(STDOUT_FILENO) == 0;
    if (read_config(&e) != SR_OK) {
        command_complain(e.err.text);
        return COMMAND_USAGE;
    }
    if (c->settings.values[CLIENT_NO_FLUSH].number == 0) {
        code = ask_service(&e);
    }
    if (code == COMMAND_OK) {
        code = export_from_store(&e);
    }
    store_close(&e.store);
    yyjson_doc_free(e.state);
    return code;
}

int command_export(const char *const *arguments)
{
    static const struct client_usage usage = {"export", "[PREFIX]", 0, 1,
                                              CLIENT_TAKES(CLIENT_OUTPUT) |
                                                  CLIENT_TAKES(CLIENT_NO_FLUSH) |
                                                  CLIENT_TAKES(CLIENT_DATABASE_URL) |
                                                  CLIENT_TAKES(CLIENT_DATABASE_URL_FILE) |
                                                  CLIENT_TAKES(CLIENT_DATA_DIR) |
                                                  CLIENT_TAKES(CLIENT_CONFIG)};

    return client_command_run(&usage, arguments, export_counters);
}
