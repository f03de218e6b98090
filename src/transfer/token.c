/*
 * SHA-256, of which 128 bits are enough: nobody gains by finding two files of one key.
 */
#include "transfer/token.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>

enum sr_result token_prefix(const char *identity, uint32_t items_max,
                            char ret_prefix[TOKEN_PREFIX_SIZE], struct sr_err *err)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    char text[512];
    int size = snprintf(text, sizeof(text), "simple-request import 1\nadd\n%" PRIu32 "\n%s",
                        items_max, identity);
    int at;

    if (size >= (int)sizeof(text)) {
        return sr_fail(err, SR_INVALID, "the import's name is too long");
    }
    if (EVP_Digest(text, (size_t)size, digest, NULL, EVP_sha256(), NULL) != 1) {
        return sr_fail(err, SR_NO_MEMORY, "out of memory for a digest");
    }
    at = snprintf(ret_prefix, TOKEN_PREFIX_SIZE, "import-");
    for (size_t i = 0; i < 16; i++) {
        at += snprintf(ret_prefix + at, 3, "%02x", digest[i]);
    }
    return SR_OK;
}

void token_write(const char *prefix, uint64_t line, char ret_token[TOKEN_SIZE])
{
    (void)snprintf(ret_token, TOKEN_SIZE, "%s-%" PRIu64, prefix, line);
}
