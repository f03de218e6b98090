/*
 * The data directory: its lock, this instance's UUID, and the owner tokens it drew (DESIGN
 * section 5, Claim). What is written here is synced, directory included, before it is used.
 */
#ifndef SR_JOURNAL_DATADIR_H
#define SR_JOURNAL_DATADIR_H

#include "base/random.h"
#include "base/result.h"
#include "journal/disk.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DATADIR_TOKENS_MAX 1024 /* beyond it the oldest is forgotten */

struct datadir;

/* Creates the directory where it is missing (mode 0700, parents too), takes the lock, reads or
 * draws the identity. SR_EXISTS: another process holds the lock (its process id is named);
 * SR_DAMAGED: the identity file is not what was written; SR_REFUSED: it was retired; SR_IO,
 * SR_FULL: cannot be created or written. read_only: neither creates nor locks nor writes (for
 * verify and journal dump beside a running service). */
enum sr_result datadir_open(const char *path, bool read_only, struct datadir **ret_datadir,
                            struct sr_err *err) SR_MUST_USE;

/* The same on a disk that the caller owns, without a lock: for tests and the simulation. */
enum sr_result datadir_open_on(struct disk *disk, struct datadir **ret_datadir,
                               struct sr_err *err) SR_MUST_USE;
void datadir_close(struct datadir **datadir);

struct disk *datadir_disk(struct datadir *d);
const char *datadir_path(const struct datadir *d); /* absolute */
struct sr_uuid datadir_instance(const struct datadir *d);

/* Tokens that the writer's row may carry, oldest first; borrowed. */
const struct sr_uuid *datadir_tokens(const struct datadir *d, size_t *ret_count);

/* How many of them, the last ones, this process drew. */
size_t datadir_tokens_own(const struct datadir *d);

/* A token to claim with: the unanswered one of an earlier claim of this process, else a fresh
 * one, synced before it is returned. */
enum sr_result datadir_token_draw(struct datadir *d, struct sr_uuid *ret_token,
                                  struct sr_err *err) SR_MUST_USE;

/* The claim with the newest token was confirmed at now_ms (monotonic): fences may carry it.
 * Tokens older than one that has been confirmed for longer than keep_ms are forgotten. */
enum sr_result datadir_token_confirmed(struct datadir *d, uint64_t now_ms, uint64_t keep_ms,
                                       struct sr_err *err) SR_MUST_USE;

/* Whether datadir_retire was called on it, by whatever process: only a read-only opening tells.
 */
bool datadir_retired(const struct datadir *d);

/* From now on no process opens it any more but to read: durable when it returns. */
enum sr_result datadir_retire(struct datadir *d, struct sr_err *err) SR_MUST_USE;

/* Whether a first fence may have been sent: then a missing writer's row is a stop. The mark is
 * synced before it is true. */
bool datadir_fenced(const struct datadir *d);
enum sr_result datadir_mark_fenced(struct datadir *d, struct sr_err *err) SR_MUST_USE;

#endif
