/*
 * Bearer tokens: who may read, write, administer. The file holds names, scopes and SHA-256
 * digests, never a token itself; it is read at start and again when told to. Checking takes the
 * same time whichever token is right, or none.
 *
 * File: a line each, `name scopes digest`, separated by blanks; empty lines and those that
 * start with '#' are passed over.
 *
 *   deploy-bot  write        9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
 *   grafana     read         2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae
 */
#ifndef SR_SERVER_TOKENS_H
#define SR_SERVER_TOKENS_H

#include "base/result.h"
#include "base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TOKENS_MAX 1024
#define TOKEN_NAME_MAX 64
#define TOKEN_DIGEST_SIZE 32

enum token_scope { TOKEN_READ = 1, TOKEN_WRITE = 2, TOKEN_ADMIN = 4 };

struct token {
    char name[TOKEN_NAME_MAX + 1];
    unsigned scopes; /* bits of enum token_scope */
    uint8_t digest[TOKEN_DIGEST_SIZE];
};

/* "read,write" to bits; false for anything else. */
bool token_scopes_parse(struct sr_span text, unsigned *ret_scopes);

/* Whether a name is 1 to TOKEN_NAME_MAX letters, digits, '.', '_' and '-'. */
bool token_name_valid(struct sr_span name);

/* The digest that the file has for a token. */
void token_digest(struct sr_span token, uint8_t ret_digest[TOKEN_DIGEST_SIZE]);

/* Tokens in force; replaced as a whole. Any thread. */
struct tokens;

/* Reads the file. SR_INVALID names the line; SR_IO, SR_NO_MEMORY. path is borrowed. */
enum sr_result tokens_open(const char *path, struct tokens **ret_tokens,
                           struct sr_err *err) SR_MUST_USE;
void tokens_close(struct tokens **tokens);

/* Reads the file again. From the return on no removed token is taken for a request that begins;
 * on failure, as tokens_open, those from before stay in force. */
enum sr_result tokens_reload(struct tokens *tokens, struct sr_err *err) SR_MUST_USE;

/* How many are in force. */
uint32_t tokens_count(struct tokens *tokens);

/* A worker's hold on the set in force: of its thread alone. A set is freed when nobody holds it
 * any more. */
struct tokens_view {
    struct token_set *set; /* NULL: none yet */
    uint64_t generation;
};

/* The token that `presented` is, NULL for none; valid until the view is next used. */
const struct token *tokens_find(struct tokens *tokens, struct tokens_view *view,
                                struct sr_span presented);

void tokens_view_done(struct tokens *tokens, struct tokens_view *view);

/* ---- for the file's reader and its tests ---- */

struct token_set {
    uint32_t holders; /* under the tokens' lock */
    uint32_t count;
    struct token items[];
};

/* Reads a whole file's text. Owned by the caller, freed with free. */
enum sr_result token_set_parse(struct sr_span text, struct token_set **ret_set,
                               struct sr_err *err) SR_MUST_USE;

#endif
