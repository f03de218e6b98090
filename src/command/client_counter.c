/*
 * simple-request increment, get, set and delete: one counter.
 */
#include "base/random.h"
#include "command/client_print.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* "-5" and "+5" too; false for anything else than a whole signed 64-bit number. */
static bool parse_i64(const char *text, int64_t *ret_number)
{
    char *end;

    errno = 0;
    *ret_number = strtoll(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && strchr(" \t\n\v\f\r", text[0]) == NULL;
}

static int fail_number(const char *command, const char *text)
{
    struct sr_err err;

    (void)sr_fail(&err, SR_INVALID,
                  "%s %.80s: not a whole number from -9223372036854775808 to "
                  "9223372036854775807",
                  command, text);
    command_complain(err.text);
    return COMMAND_USAGE;
}

/* {"value":N}, with the key where there is one. Freed by the caller. NULL: no JSON can hold the
 * key, or no memory. */
static char *body_of(const char *key, int64_t value, size_t *ret_size)
{
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    char *text = NULL;

    yyjson_mut_doc_set_root(doc, root);
    if ((key == NULL || yyjson_mut_obj_add_str(doc, root, "key", key)) &&
        yyjson_mut_obj_add_sint(doc, root, "value", value)) {
        text = yyjson_mut_write(doc, 0, ret_size);
    }
    yyjson_mut_doc_free(doc);
    return text;
}

static int fail_key(void)
{
    command_complain("the key must be 1 to 512 bytes of valid UTF-8");
    return COMMAND_USAGE;
}

/* "/counters/KEY" */
static bool counter_target(char target[CLIENT_TARGET_SIZE], const char *key)
{
    (void)snprintf(target, CLIENT_TARGET_SIZE, "/counters/");
    return key[0] != '\0' && client_target_append(target, key);
}

/* Asks with a body and prints the counter of the answer. */
static int ask_for_counter(struct client_command *c, struct client_request *request)
{
    yyjson_doc *doc = NULL;
    int code = client_command_ask(c, request, &doc);

    if (code == COMMAND_OK) {
        code = client_print_counter(c, yyjson_obj_get(yyjson_doc_get_root(doc), "data"));
    }
    yyjson_doc_free(doc);
    return code;
}

static int ask_with_body(struct client_command *c, struct client_request *request,
                         const char *key, int64_t value)
{
    size_t size = 0;
    char *body = body_of(key, value, &size);
    int code;

    if (body == NULL) {
        return fail_key();
    }
    request->content_type = "application/json";
    request->body = (struct sr_span){.data = (const uint8_t *)body, .size = size};
    code = ask_for_counter(c, request);
    free(body);
    return code;
}

static int increment(struct client_command *c)
{
    const char *text = c->settings.parts.words[1] == NULL ? "1" : c->settings.parts.words[1];
    char token[SR_UUID_TEXT_SIZE];
    struct client_request request = {.method = "POST",
                                     .target = "/increment",
                                     .idempotency_key = token};
    struct sr_uuid uuid;
    struct sr_err err;
    int64_t value;

    if (!parse_i64(text, &value)) {
        return fail_number("increment", text);
    }
    if (sr_uuid_draw(&uuid, &err) != SR_OK) {
        command_complain(err.text);
        return COMMAND_FAILED;
    }
    sr_uuid_text(&uuid, token);
    return ask_with_body(c, &request, c->settings.parts.words[0], value);
}

static int get(struct client_command *c)
{
    char target[CLIENT_TARGET_SIZE];
    struct client_request request = {.method = "GET", .target = target};

    return counter_target(target, c->settings.parts.words[0]) ? ask_for_counter(c, &request)
                                                              : fail_key();
}

static int set(struct client_command *c)
{
    char target[CLIENT_TARGET_SIZE];
    struct client_request request = {.method = "PUT", .target = target, .once = true};
    int64_t value;

    if (!parse_i64(c->settings.parts.words[1], &value)) {
        return fail_number("set", c->settings.parts.words[1]);
    }
    return counter_target(target, c->settings.parts.words[0])
               ? ask_with_body(c, &request, NULL, value)
               : fail_key();
}

static int delete_counter(struct client_command *c)
{
    char target[CLIENT_TARGET_SIZE];
    struct client_request request = {.method = "DELETE", .target = target, .once = true};
    yyjson_doc *doc = NULL;
    int code;

    if (!counter_target(target, c->settings.parts.words[0])) {
        return fail_key();
    }
    code = client_command_ask(c, &request, &doc);
    yyjson_doc_free(doc);
    return code;
}

int command_increment(const char *const *arguments)
{
    static const struct client_usage usage = {"increment", "KEY [N]", 1, 2, 0};

    return client_command_run(&usage, arguments, increment);
}

int command_get(const char *const *arguments)
{
    static const struct client_usage usage = {"get", "KEY", 1, 1, 0};

    return client_command_run(&usage, arguments, get);
}

int command_set(const char *const *arguments)
{
    static const struct client_usage usage = {"set", "KEY N", 2, 2, 0};

    return client_command_run(&usage, arguments, set);
}

int command_delete(const char *const *arguments)
{
    static const struct client_usage usage = {"delete", "KEY", 1, 1, 0};

    return client_command_run(&usage, arguments, delete_counter);
}
