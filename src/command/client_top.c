/*
 * simple-request top: the hottest keys; flush: everything into the database, now.
 */
#include "command/client_print.h"

#include <inttypes.h>

static enum sr_result print_rows(yyjson_val *data)
{
    static const char *const heads[] = {"KEY", ">PER SECOND", ">AT MOST LESS", NULL};
    struct columns columns;
    enum sr_result result = columns_init(&columns, heads);
    yyjson_val *row;
    size_t i, count;

    yyjson_arr_foreach(data, i, count, row)
    {
        if (result == SR_OK) {
            result = client_add_member(&columns, row, "key");
        }
        if (result == SR_OK) {
            result = client_add_member(&columns, row, "rate");
        }
        if (result == SR_OK) {
            result = client_add_member(&columns, row, "error");
        }
    }
    if (result == SR_OK) {
        columns_print(&columns, stdout);
    }
    columns_done(&columns);
    return result;
}

static int print_top(const struct client_command *c, yyjson_val *root)
{
    yyjson_val *data = yyjson_obj_get(root, "data");
    yyjson_val *row;
    size_t i, count;

    if (!c->json) {
        return print_rows(data) == SR_OK ? COMMAND_OK : client_fail_memory();
    }
    yyjson_arr_foreach(data, i, count, row)
    {
        client_print_json(row);
    }
    return COMMAND_OK;
}

static int top(struct client_command *c)
{
    char target[CLIENT_TARGET_SIZE] = "/top";
    struct client_request request = {.method = "GET", .target = target};
    uint64_t limit = c->settings.values[CLIENT_LIMIT].number;
    yyjson_doc *doc = NULL;
    int code;

    if (limit != 0) {
        (void)snprintf(target, sizeof(target), "/top?limit=%" PRIu64, limit);
    }
    code = client_command_ask(c, &request, &doc);
    if (code == COMMAND_OK) {
        code = print_top(c, yyjson_doc_get_root(doc));
    }
    yyjson_doc_free(doc);
    return code;
}

int command_top(const char *const *arguments)
{
    static const struct client_usage usage = {"top", "", 0, 0, CLIENT_TAKES(CLIENT_LIMIT)};

    return client_command_run(&usage, arguments, top);
}

static void print_flushed(yyjson_val *data)
{
    uint64_t refused = yyjson_get_uint(yyjson_obj_get(data, "refused"));

    (void)printf("flushed: %" PRIu64 " keys in %" PRIu64 " ms, epoch %" PRIu64
                 " is in the database\n",
                 yyjson_get_uint(yyjson_obj_get(data, "keys")),
                 yyjson_get_uint(yyjson_obj_get(data, "elapsed_ms")),
                 yyjson_get_uint(yyjson_obj_get(data, "epoch")));
    if (refused > 0) {
        (void)printf("%" PRIu64 " of them the database refused: simple-request refused list\n",
                     refused);
    }
}

static int flush(struct client_command *c)
{
    const struct client_request request = {.method = "POST", .target = "/flush"};
    yyjson_doc *doc = NULL;
    int code = client_command_ask(c, &request, &doc);
    yyjson_val *data = yyjson_obj_get(yyjson_doc_get_root(doc), "data");

    if (code == COMMAND_OK && c->json) {
        client_print_json(data);
    } else if (code == COMMAND_OK) {
        print_flushed(data);
    }
    yyjson_doc_free(doc);
    return code;
}

int command_flush(const char *const *arguments)
{
    static const struct client_usage usage = {"flush", "", 0, 0, 0};

    return client_command_run(&usage, arguments, flush);
}
