/*
 * What the commands that ask a running service have in common: their start, one request and
 * its judgement, words for people and exit codes for scripts.
 */
#ifndef SR_COMMAND_CLIENT_COMMAND_H
#define SR_COMMAND_CLIENT_COMMAND_H

#include "base/buffer.h"
#include "client/client.h"
#include "command/client_options.h"
#include "command/command.h"

#include <yyjson.h>

/* Beside COMMAND_OK, COMMAND_FAILED (the service refused) and COMMAND_USAGE. */
#define COMMAND_NOT_FOUND 3   /* no such counter */
#define COMMAND_UNREACHABLE 4 /* nobody answers, or what was asked has no known outcome */

#define CLIENT_TARGET_SIZE 4096 /* two keys of 512 bytes, each as %XX, and a path */
#define CLIENT_KEY_SIZE 513     /* and a NUL */
#define CLIENT_TOKEN_SIZE 4096

struct client_command {
    struct client_settings settings;
    struct client *client;
    char token[CLIENT_TOKEN_SIZE];
    bool json;
};

/* Reads arguments, environment and token file, and runs the command on them. Returns its exit
 * code: COMMAND_USAGE after it told what is wrong, what run_command returned, or COMMAND_FAILED
 * where standard output took not all. */
int client_command_run(const struct client_usage *usage, const char *const *arguments,
                       int (*run_command)(struct client_command *c));

/*
 * Asks and judges: COMMAND_OK with *ret_doc for a 2xx with JSON (NULL where the body is empty;
 * freed by the caller with yyjson_doc_free, which accepts NULL), or the exit code after it told
 * what is wrong.
 */
int client_command_ask(struct client_command *c, const struct client_request *request,
                       yyjson_doc **ret_doc);

/* The same for a service that need not be there: where nobody answers it returns COMMAND_OK
 * with *ret_there false. */
int client_command_ask_if_there(struct client_command *c, const struct client_request *request,
                                bool *ret_there, yyjson_doc **ret_doc);
/* The same for any client, told by *err: its code gives the exit code. ret_answer->status is 0
 * where there was no answer. */
enum sr_result client_command_try(const struct client_command *c, struct client *client,
                                  const struct client_request *request,
                                  struct client_answer *ret_answer, yyjson_doc **ret_doc,
                                  struct sr_err *err) SR_MUST_USE;

/* What a command that failed so ends with. */
int client_exit_code(enum sr_result result);

/* What c->client was opened with; texts are borrowed from c. */
struct client_options client_command_options(const struct client_command *c);

/* Appends percent-encoded bytes to a target. False where there is no room. */
bool client_target_append(char target[CLIENT_TARGET_SIZE], const char *text);

/* The same as it is. */
bool client_target_add(char target[CLIENT_TARGET_SIZE], const char *text);

#endif
