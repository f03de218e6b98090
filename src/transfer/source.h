/*
 * Where an import's lines come from: a file that can be read twice and does not change. What is
 * no such file (standard input, the rows of a query) is written to a temporary one first, so
 * that all else reads files.
 */
#ifndef SR_TRANSFER_SOURCE_H
#define SR_TRANSFER_SOURCE_H

#include "base/result.h"
#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

struct source;

/* The file, or standard input for "-". SR_INVALID: it cannot be read, or is no regular file.
 * Errors as of source_spool. The path is borrowed. Owned by the caller. */
enum sr_result source_open_file(const char *path, struct source **ret_source,
                                struct sr_err *err) SR_MUST_USE;

/* A temporary file that is being filled. */
struct spool;

/* Writes lines, each with its line break, by spool_write and spool_pair. */
typedef enum sr_result source_fill_fn(void *context, struct spool *spool, struct sr_err *err);

/* What `fill` writes, through a temporary file without a name in $TMPDIR, else /var/tmp: only
 * the disk bounds it. `name` says in messages what it is; borrowed. SR_IO; what fill fails
 * with. Owned by the caller. */
enum sr_result source_spool(const char *name, source_fill_fn *fill, void *context,
                            struct source **ret_source, struct sr_err *err) SR_MUST_USE;

/* Accepts NULL. */
void source_close(struct source **source);

/* SR_IO: the disk is full, say. */
enum sr_result spool_write(struct spool *spool, struct sr_span bytes,
                           struct sr_err *err) SR_MUST_USE;

/* One line of a key, valid UTF-8, and a value. Whether it is a key that may be counted is found
 * with all other lines. */
enum sr_result spool_pair(struct spool *spool, struct sr_span key, int64_t value,
                          struct sr_err *err) SR_MUST_USE;

/* What messages call it: the path, "standard input". */
const char *source_name(const struct source *source);
/* Readable at any offset; the source's. */
int source_descriptor(const struct source *source);
uint64_t source_size(const struct source *source);

/* SR_INVALID: somebody changed the file since it was opened. */
enum sr_result source_check(const struct source *source, struct sr_err *err) SR_MUST_USE;

#endif
