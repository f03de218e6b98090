/*
 * The Idempotency-Key of a batch: of what is imported and of where the batch begins, so that
 * whoever sends the batch again sends the same key. Pure.
 */
#ifndef SR_TRANSFER_TOKEN_H
#define SR_TRANSFER_TOKEN_H

#include "base/result.h"

#include <stdint.h>

#define TOKEN_PREFIX_SIZE 40 /* "import-", 32 hexadecimal digits and a NUL */
#define TOKEN_SIZE 64

/* What all batches of an import have in common. `identity` is the lines' digest, or the name
 * that the user gave the import; the batches' size is part of it, since other batches begin at
 * the same lines otherwise. SR_NO_MEMORY. */
enum sr_result token_prefix(const char *identity, uint32_t items_max,
                            char ret_prefix[TOKEN_PREFIX_SIZE], struct sr_err *err) SR_MUST_USE;

/* `line` is that of the batch's first item. */
void token_write(const char *prefix, uint64_t line, char ret_token[TOKEN_SIZE]);

#endif
