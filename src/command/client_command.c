/*
 * Start, request and judgement of the commands that ask a running service.
 */
#include "command/client_command.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_SIZE_MAX ((size_t)16 << 20)

static const char *environment(const char *variable)
{
    return getenv(variable);
}

static int complain(int code, const struct sr_err *err)
{
    command_complain(err->text);
    return code;
}

static const char *text_of(const struct client_command *c, enum client_option option)
{
    return c->settings.values[option].text;
}

/* The first line; a token has no spaces, so that those around it are left out. */
static enum sr_result read_token(const char *path, char ret_token[CLIENT_TOKEN_SIZE],
                                 struct sr_err *err)
{
    FILE *file = fopen(path, "re");
    bool got;
    size_t size;

    if (file == NULL) {
        return sr_fail_errno(err, SR_INVALID, errno, "--token-file %.200s", path);
    }
    got = fgets(ret_token, CLIENT_TOKEN_SIZE, file) != NULL;
    (void)fclose(file); /* only read from */
    if (!got) {
        return sr_fail(err, SR_INVALID, "--token-file %.200s: is empty", path);
    }
    size = strspn(ret_token, " \t");
    memmove(ret_token, ret_token + size, strlen(ret_token + size) + 1);
    size = strlen(ret_token);
    while (size > 0 && strchr(" \t\r\n", ret_token[size - 1]) != NULL) {
        ret_token[--size] = '\0';
    }
    for (size_t i = 0; i < size; i++) {
        if (ret_token[i] <= ' ' || ret_token[i] > '~') {
            size = 0;
        }
    }
    return size > 0 ? SR_OK
                    : sr_fail(err, SR_INVALID,
                              "--token-file %.200s: its first line is no token, which is "
                              "printable ASCII without spaces",
                              path);
}

struct client_options client_command_options(const struct client_command *c)
{
    return (struct client_options){
        .url = text_of(c, CLIENT_URL),
        .token = c->token[0] == '\0' ? NULL : c->token,
        .ca_file = text_of(c, CLIENT_CA_FILE),
        .timeout_ms = (uint32_t)c->settings.values[CLIENT_TIMEOUT].number,
        .retry_ms = (uint32_t)c->settings.values[CLIENT_RETRY].number,
        .answer_size_max = ANSWER_SIZE_MAX,
    };
}

static enum sr_result open_client(struct client_command *c, struct sr_err *err)
{
    struct client_options options;

    if (text_of(c, CLIENT_TOKEN_FILE) != NULL &&
        read_token(text_of(c, CLIENT_TOKEN_FILE), c->token, err) != SR_OK) {
        return SR_INVALID;
    }
    options = client_command_options(c);
    return client_open(&options, &c->client, err);
}

static int open_command(struct client_command *c, const struct client_usage *usage,
                        const char *const *arguments)
{
    struct sr_err err;

    if (client_settings_read(&c->settings, usage, arguments, environment, &err) != SR_OK) {
        return complain(COMMAND_USAGE, &err);
    }
    c->json = c->settings.values[CLIENT_JSON].number != 0;
    switch (open_client(c, &err)) {
    case SR_OK:
        return COMMAND_OK;
    case SR_INVALID:
        return complain(COMMAND_USAGE, &err);
    default:
        return complain(COMMAND_FAILED, &err);
    }
}

static int end_output(void)
{
    if (fflush(stdout) != 0 || ferror(stdout) != 0) {
        command_complain("standard output took not all of the answer");
        return COMMAND_FAILED;
    }
    return COMMAND_OK;
}

int client_command_run(const struct client_usage *usage, const char *const *arguments,
                       int (*run_command)(struct client_command *c))
{
    static struct client_command c; /* of kilobytes: not on the stack */
    int code = open_command(&c, usage, arguments);

    if (code == COMMAND_OK) {
        code = run_command(&c);
    }
    client_close(&c.client);
    return code == COMMAND_OK ? end_output() : code;
}

/* ---- what went wrong ---- */

int client_exit_code(enum sr_result result)
{
    switch (result) {
    case SR_OK:
        return COMMAND_OK;
    case SR_INVALID:
        return COMMAND_USAGE;
    case SR_NOT_FOUND:
        return COMMAND_NOT_FOUND;
    case SR_UNAVAILABLE:
    case SR_UNKNOWN:
        return COMMAND_UNREACHABLE;
    default:
        return COMMAND_FAILED;
    }
}

/* No answer. */
static enum sr_result explain_failure(const struct client_command *c,
                                      const struct client_request *request, struct sr_err *err)
{
    const char *url = text_of(c, CLIENT_URL);
    const struct sr_err why = *err;

    switch (why.code) {
    case SR_UNAVAILABLE:
        return sr_fail(err, why.code,
                       "%.100s: %.120s; is the service running there? --url names another", url,
                       why.text);
    case SR_UNKNOWN:
        return sr_fail(err, why.code,
                       strcmp(request->method, "GET") == 0
                           ? "%.100s: %.120s"
                           : "%.100s: %.120s; it may have been done or not: look before you "
                             "repeat it",
                       url, why.text);
    case SR_INVALID:
        return why.code;
    default:
        return sr_fail(err, why.code, "%.100s: %.200s", url, why.text);
    }
}

/* The service's own words: {"error":{"message"}} or {"errors":{"detail"}}. */
static const char *message_of(yyjson_doc *doc)
{
    yyjson_val *root = yyjson_doc_get_root(doc);
    const char *message =
        yyjson_get_str(yyjson_obj_get(yyjson_obj_get(root, "error"), "message"));

    return message != NULL
               ? message
               : yyjson_get_str(yyjson_obj_get(yyjson_obj_get(root, "errors"), "detail"));
}

static const char *advice(unsigned status, bool has_token)
{
    switch (status) {
    case 401:
        return has_token ? ": the service does not know the token of --token-file"
                         : ": give a token by --token-file";
    case 403:
        return ": the token lacks the scope (read, write or admin) for this";
    default:
        return "";
    }
}

static enum sr_result explain_status(const struct client_command *c, unsigned status,
                                     yyjson_doc *doc, struct sr_err *err)
{
    const char *message = message_of(doc);

    return sr_fail(err, status == 404 ? SR_NOT_FOUND : SR_REFUSED, "%.200s (status %u)%s",
                   message == NULL ? "refused" : message, status,
                   advice(status, c->token[0] != '\0'));
}

enum sr_result client_command_try(const struct client_command *c, struct client *client,
                                  const struct client_request *request,
                                  struct client_answer *ret_answer, yyjson_doc **ret_doc,
                                  struct sr_err *err)
{
    enum sr_result result = SR_OK;
    yyjson_doc *doc;

    *ret_answer = (struct client_answer){0};
    if (client_ask(client, request, ret_answer, err) != SR_OK) {
        return explain_failure(c, request, err);
    }
    doc = ret_answer->body.size == 0
              ? NULL
              : yyjson_read((const char *)ret_answer->body.data, ret_answer->body.size, 0);
    if (ret_answer->status / 100 != 2) {
        result = explain_status(c, ret_answer->status, doc, err);
    } else if (doc == NULL && ret_answer->body.size != 0) {
        result = sr_fail(err, SR_DAMAGED, "%.200s: what answers there is not this service",
                         text_of(c, CLIENT_URL));
    }
    if (result != SR_OK) {
        yyjson_doc_free(doc);
        return result;
    }
    *ret_doc = doc;
    return SR_OK;
}

int client_command_ask_if_there(struct client_command *c, const struct client_request *request,
                                bool *ret_there, yyjson_doc **ret_doc)
{
    struct client_answer answer;
    struct sr_err err;
    enum sr_result result = client_command_try(c, c->client, request, &answer, ret_doc, &err);

    *ret_there = result != SR_UNAVAILABLE;
    return result == SR_OK || !*ret_there ? COMMAND_OK
                                          : complain(client_exit_code(result), &err);
}

int client_command_ask(struct client_command *c, const struct client_request *request,
                       yyjson_doc **ret_doc)
{
    struct client_answer answer;
    struct sr_err err;
    enum sr_result result = client_command_try(c, c->client, request, &answer, ret_doc, &err);

    return result == SR_OK ? COMMAND_OK : complain(client_exit_code(result), &err);
}

/* ---- texts ---- */

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("-._~", c) != NULL);
}

bool client_target_append(char target[CLIENT_TARGET_SIZE], const char *text)
{
    size_t at = strlen(target);

    for (; *text != '\0'; text++) {
        if (at + 4 > CLIENT_TARGET_SIZE) {
            return false;
        }
        if (is_unreserved(*text)) {
            target[at++] = *text;
        } else {
            at += (size_t)snprintf(target + at, 4, "%%%02X", (unsigned char)*text);
        }
    }
    target[at] = '\0';
    return true;
}

bool client_target_add(char target[CLIENT_TARGET_SIZE], const char *text)
{
    size_t at = strlen(target);

    return snprintf(target + at, CLIENT_TARGET_SIZE - at, "%s", text) <
           (int)(CLIENT_TARGET_SIZE - at);
}
