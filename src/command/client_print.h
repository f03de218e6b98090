/*
 * Counters as the service tells them, for people and for scripts.
 */
#ifndef SR_COMMAND_CLIENT_PRINT_H
#define SR_COMMAND_CLIENT_PRINT_H

#include "command/client_command.h"
#include "command/columns.h"

/* Prints one counter, {"key","value","synced"}, on standard output: a table with its heads, or
 * the object with --json. Returns the exit code. */
int client_print_counter(const struct client_command *c, yyjson_val *counter);

/* Adds a member's text to a row: a number in decimal, "unknown" for null, nothing where there
 * is no such member. */
enum sr_result client_add_member(struct columns *columns, yyjson_val *object,
                                 const char *name) SR_MUST_USE;

/* A JSON value as a line on standard output. */
void client_print_json(const yyjson_val *value);

/* Says that there is no memory for the table; the exit code. */
int client_fail_memory(void);

#endif
