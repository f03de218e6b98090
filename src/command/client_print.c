/*
 * Counters as the service tells them.
 */
#include "command/client_print.h"

#include <inttypes.h>
#include <stdlib.h>

int client_fail_memory(void)
{
    command_complain("no memory for the table: --json needs less");
    return COMMAND_FAILED;
}

void client_print_json(const yyjson_val *value)
{
    char *text = yyjson_val_write(value, 0, NULL);

    if (text != NULL) {
        (void)puts(text);
    }
    free(text);
}

enum sr_result client_add_member(struct columns *columns, yyjson_val *object, const char *name)
{
    yyjson_val *value = yyjson_obj_get(object, name);
    char text[32];

    if (yyjson_is_str(value)) {
        return columns_add(columns, yyjson_get_str(value));
    }
    if (yyjson_is_null(value)) {
        return columns_add(columns, "unknown");
    }
    if (yyjson_is_uint(value)) {
        (void)snprintf(text, sizeof(text), "%" PRIu64, yyjson_get_uint(value));
    } else if (yyjson_is_sint(value)) {
        (void)snprintf(text, sizeof(text), "%" PRId64, yyjson_get_sint(value));
    } else if (yyjson_is_real(value)) {
        (void)snprintf(text, sizeof(text), "%.1f", yyjson_get_real(value));
    } else {
        text[0] = '\0';
    }
    return columns_add(columns, text);
}

int client_print_counter(const struct client_command *c, yyjson_val *counter)
{
    static const char *const heads[] = {"KEY", ">TOTAL", ">SYNCED", NULL};
    static const char *const heads_short[] = {"KEY", ">TOTAL", NULL};
    bool tells_synced = yyjson_obj_get(counter, "synced") != NULL;
    struct columns columns;
    enum sr_result result;

    if (c->json) {
        client_print_json(counter);
        return COMMAND_OK;
    }
    result = columns_init(&columns, tells_synced ? heads : heads_short);
    if (result == SR_OK) {
        result = client_add_member(&columns, counter, "key");
    }
    if (result == SR_OK) {
        result = client_add_member(&columns, counter, "value");
    }
    if (result == SR_OK && tells_synced) {
        result = client_add_member(&columns, counter, "synced");
    }
    if (result == SR_OK) {
        columns_print(&columns, stdout);
    }
    columns_done(&columns);
    return result == SR_OK ? COMMAND_OK : client_fail_memory();
}
