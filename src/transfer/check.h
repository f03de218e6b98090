/*
 * The first pass over an import's lines: every line is looked at by the service's own rules
 * before anything is sent, and what the content is, is told by a digest.
 */
#ifndef SR_TRANSFER_CHECK_H
#define SR_TRANSFER_CHECK_H

#include "base/result.h"
#include "transfer/source.h"

#define CHECK_DIGEST_SIZE 32      /* SHA-256 */
#define CHECK_DIGEST_TEXT_SIZE 65 /* hexadecimal, and a NUL */

struct check {
    /* Told of every bad line, with what would be right. */
    void (*tell)(void *context, uint64_t line, const char *message);
    /* Told now and then how far the pass is; NULL: nobody is. */
    void (*progress)(void *context, uint64_t bytes);
    void *context;
};

struct check_result {
    uint64_t lines; /* blank ones too */
    uint64_t pairs; /* good ones */
    uint64_t bad;
    char digest[CHECK_DIGEST_TEXT_SIZE]; /* of the lines up to the last that is not blank; none
                                              where any is bad */
};

/* SR_OK with bad lines too. SR_IO, SR_NO_MEMORY; SR_INVALID: the file was changed meanwhile. */
enum sr_result check_source(const struct source *source, const struct check *check,
                            struct check_result *ret_result, struct sr_err *err) SR_MUST_USE;

#endif
