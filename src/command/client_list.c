/*
 * simple-request list [PREFIX]: all counters, page by page, in the order of their keys.
 */
#include "command/client_print.h"

#include <inttypes.h>
#include <string.h>

#define PAGE 1000U /* what the service gives at most */

struct listing {
    struct client_command *command;
    const char *prefix;
    char after[CLIENT_KEY_SIZE]; /* "": from the first on */
    bool ended;
    uint64_t left;
    struct columns columns;
};

static bool page_target(const struct listing *l, char target[CLIENT_TARGET_SIZE])
{
    (void)snprintf(target, CLIENT_TARGET_SIZE,
                   "/counters?limit=%" PRIu64 "&prefix=", l->left < PAGE ? l->left : PAGE);
    return client_target_append(target, l->prefix) &&
           (l->after[0] == '\0' ||
            (client_target_add(target, "&after=") && client_target_append(target, l->after)));
}

/* Prints the page's counters. */
static enum sr_result print_page(struct listing *l, yyjson_val *data)
{
    enum sr_result result = SR_OK;
    yyjson_val *counter;
    size_t i, count;

    yyjson_arr_foreach(data, i, count, counter)
    {
        if (l->command->json) {
            client_print_json(counter);
            continue;
        }
        result = client_add_member(&l->columns, counter, "key");
        if (result == SR_OK) {
            result = client_add_member(&l->columns, counter, "value");
        }
        if (result != SR_OK) {
            return result;
        }
    }
    if (!l->command->json) {
        columns_print(&l->columns, stdout);
    }
    return SR_OK;
}

/* Where the next page begins; false where the answer's "next" is no key. */
static bool go_on(struct listing *l, yyjson_val *root)
{
    yyjson_val *next = yyjson_obj_get(root, "next");
    size_t count = yyjson_arr_size(yyjson_obj_get(root, "data"));

    l->left -= count < l->left ? count : l->left;
    l->ended = l->left == 0 || !yyjson_is_str(next);
    if (l->ended) {
        return true;
    }
    return snprintf(l->after, sizeof(l->after), "%s", yyjson_get_str(next)) <
           (int)sizeof(l->after);
}

static int list_page(struct listing *l)
{
    char target[CLIENT_TARGET_SIZE];
    struct client_request request = {.method = "GET", .target = target};
    yyjson_doc *doc = NULL;
    yyjson_val *root;
    int code;

    if (!page_target(l, target)) {
        command_complain("list: the prefix is longer than a key can be, 512 bytes");
        return COMMAND_USAGE;
    }
    code = client_command_ask(l->command, &request, &doc);
    root = yyjson_doc_get_root(doc);
    if (code == COMMAND_OK && print_page(l, yyjson_obj_get(root, "data")) != SR_OK) {
        code = client_fail_memory();
    }
    if (code == COMMAND_OK && !go_on(l, root)) {
        command_complain("list: the service names no page that could follow");
        code = COMMAND_FAILED;
    }
    yyjson_doc_free(doc);
    return code;
}

static int list(struct client_command *c)
{
    static const char *const heads[] = {"KEY", ">TOTAL", NULL};
    static struct listing l; /* with room for a key: not on the stack */
    uint64_t limit = c->settings.values[CLIENT_LIMIT].number;
    int code = COMMAND_OK;

    l = (struct listing){.command = c,
                         .prefix = c->settings.parts.words[0] == NULL
                                       ? ""
                                       : c->settings.parts.words[0],
                         .left = limit == 0 ? UINT64_MAX : limit};
    if (columns_init(&l.columns, heads) != SR_OK) {
        code = client_fail_memory();
    }
    while (code == COMMAND_OK && !l.ended && ferror(stdout) == 0) {
        code = list_page(&l);
    }
    columns_done(&l.columns);
    return code;
}

int command_list(const char *const *arguments)
{
    static const struct client_usage usage = {"list", "[PREFIX]", 0, 1,
                                              CLIENT_TAKES(CLIENT_LIMIT)};

    return client_command_run(&usage, arguments, list);
}
