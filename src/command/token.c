/*
 * simple-request token NAME SCOPES: draws a token, tells it once, and writes its line for the
 * tokens file.
 */
#include "command/command.h"

#include "base/random.h"
#include "server/tokens.h"

#include <stdio.h>
#include <string.h>

#define SECRET_BYTES 32
#define SECRET_PREFIX "srt_" /* so that scanners for leaked secrets know it */
#define SECRET_SIZE (sizeof(SECRET_PREFIX) - 1 + (SECRET_BYTES * 8 + 5) / 6)

/* RFC 4648 section 5, without padding. */
static void base64url(const uint8_t *bytes, size_t size, char *ret_text)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned held = 0;
    unsigned bits = 0;

    for (size_t i = 0; i < size; i++) {
        held = held << 8 | bytes[i];
        for (bits += 8; bits >= 6; bits -= 6) {
            *ret_text++ = digits[held >> (bits - 6) & 63];
        }
    }
    if (bits > 0) {
        *ret_text++ = digits[held << (6 - bits) & 63];
    }
    *ret_text = '\0';
}

/* The secret goes to standard error: `>> tokens` takes the line alone. */
static int print_token(const char *name, const char *scopes, const char *secret)
{
    uint8_t digest[TOKEN_DIGEST_SIZE];

    token_digest(sr_span_text(secret), digest);
    (void)fprintf(stderr, "token, told only now: %s\n", secret);
    (void)printf("%s %s ", name, scopes);
    for (size_t i = 0; i < sizeof(digest); i++) {
        (void)printf("%02x", digest[i]);
    }
    (void)putchar('\n');
    return fflush(stdout) == 0 ? COMMAND_OK : COMMAND_FAILED;
}

int command_token(const char *const *words)
{
    uint8_t bytes[SECRET_BYTES];
    char secret[SECRET_SIZE + 1] = SECRET_PREFIX;
    struct sr_err err;
    unsigned scopes;

    if (words[0] == NULL || words[1] == NULL || words[2] != NULL ||
        !token_name_valid(sr_span_text(words[0])) ||
        !token_scopes_parse(sr_span_text(words[1]), &scopes)) {
        command_complain("usage: simple-request token NAME SCOPES >> FILE\n"
                         "  NAME    1 to 64 letters, digits, '.', '_' and '-'\n"
                         "  SCOPES  comma list of read, write and admin\n"
                         "the token is told on standard error, its line for --tokens-file on "
                         "standard output");
        return COMMAND_USAGE;
    }
    if (sr_random_bytes(bytes, sizeof(bytes), &err) != SR_OK) {
        command_complain(err.text);
        return COMMAND_FAILED;
    }
    base64url(bytes, sizeof(bytes), secret + strlen(secret));
    return print_token(words[0], words[1], secret);
}
