/*
 * How far an import is, in a small file of text that outlives it: what is imported, where to,
 * and up to which line all is counted. It is replaced as a whole, synced to the disk.
 */
#ifndef SR_TRANSFER_RESUME_H
#define SR_TRANSFER_RESUME_H

#include "base/result.h"
#include "transfer/batches.h"
#include "transfer/check.h"

#include <stdbool.h>
#include <stdint.h>

#define RESUME_URL_SIZE 512
#define RESUME_IDENTITY_SIZE 129
#define RESUME_TEXT_SIZE 2048

struct resume {
    bool sets;                           /* else adds */
    char identity[RESUME_IDENTITY_SIZE]; /* what the batches' keys are made of */
    char digest[CHECK_DIGEST_TEXT_SIZE]; /* of the lines */
    char url[RESUME_URL_SIZE];
    uint32_t items_max;
    struct batch_place place; /* all before it is counted */
    /* Of the batches behind `place` so many at most were sent, none before since_ms (wall
     * clock). */
    uint32_t ahead;
    uint64_t since_ms;
    bool finished;
};

enum resume_verdict {
    RESUME_NEW,      /* what it tells of is over, and something else */
    RESUME_GOES_ON,  /* behind old->place */
    RESUME_FINISHED, /* all of this is counted already */
    RESUME_REFUSED   /* it tells of another import, which is not over, or went elsewhere */
};

/* What a file that tells `old` means for the import `wanted`, whose first five fields count;
 * `path` is the file's, for *err, which is filled where it is refused. */
enum resume_verdict resume_compare(const struct resume *old, const struct resume *wanted,
                                   const char *path, struct sr_err *err);

/* Whether the service may have forgotten some batch that was sent and is not known to be
 * counted. window_ms: how long it remembers them. */
bool resume_in_doubt(const struct resume *resume, uint64_t now_ms, uint64_t window_ms);

/* The file's text; its size. */
size_t resume_write(const struct resume *resume, char ret_text[RESUME_TEXT_SIZE]);

/* SR_DAMAGED: it is none of ours. */
enum sr_result resume_read(const char *text, struct resume *ret_resume) SR_MUST_USE;

/* SR_NOT_FOUND: there is none. SR_DAMAGED, SR_IO. */
enum sr_result resume_load(const char *path, struct resume *ret_resume,
                           struct sr_err *err) SR_MUST_USE;

/* Returns when it is on the disk. SR_IO. */
enum sr_result resume_save(const char *path, const struct resume *resume,
                           struct sr_err *err) SR_MUST_USE;

#endif
