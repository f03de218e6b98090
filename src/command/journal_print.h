/*
 * The JSON lines of `journal dump` and `journal salvage`, on standard output.
 */
#ifndef SR_COMMAND_JOURNAL_PRINT_H
#define SR_COMMAND_JOURNAL_PRINT_H

#include "base/result.h"
#include "core/record.h"

#include <stdint.h>

/* "add", "set", "delete", "seal"; "?" for no record's kind. */
const char *journal_print_kind(unsigned kind);

/* `,"key":"..."` with everything escaped that must be. SR_NO_MEMORY. */
enum sr_result journal_print_key(struct sr_span key, struct sr_err *err) SR_MUST_USE;

/* `,"token":"...","status":N,"records":N`: the Idempotency-Key of the request that a record
 * begins, the status of its answer, and how many records it has; nothing where there is none.
 * SR_NO_MEMORY. */
enum sr_result journal_print_token(const struct record_token *token,
                                   struct sr_err *err) SR_MUST_USE;

/* A whole line; without `file` where that is NULL. */
enum sr_result journal_print_change(const char *file, uint64_t epoch,
                                    const struct sr_change *change,
                                    struct sr_err *err) SR_MUST_USE;

#endif
